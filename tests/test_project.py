"""What the project says of itself agrees, wherever it says it; and `.ci/run` does what it says."""

import ast
import re
import shutil
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import pytest

import glm_openrouter
from glm_openrouter._website import ADDRESS
from glm_openrouter.testing import json_reply

ROOT = Path(__file__).parent.parent
METADATA = metadata("glm-openrouter")
REINSTALL = "The installed metadata are old: `make -B .venv/.ready` makes them anew."


def test_the_installed_version_is_that_of_the_package():
    assert METADATA["Version"] == glm_openrouter.__version__, REINSTALL


def test_a_request_names_the_version(run, scripted_openrouter):
    server = scripted_openrouter(json_reply({"choices": [{"message": {"content": "Left."}}]}))
    run.complete(server.base_url)

    agent = server.requests[0].headers["user-agent"]
    assert agent == f"glm-openrouter/{glm_openrouter.__version__}", REINSTALL


def test_the_changelog_begins_with_the_version():
    versions = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == glm_openrouter.__version__


def test_the_classifiers_are_the_pythons_of_the_sessions():
    prefix = "Programming Language :: Python :: 3."
    classifiers = METADATA.get_all("Classifier")
    named = ["3." + line.removeprefix(prefix) for line in classifiers if line.startswith(prefix)]
    assert named == pythons_of_the_sessions(), REINSTALL


def test_the_lowest_python_that_is_allowed_is_that_of_the_sessions():
    assert METADATA["Requires-Python"] == f">={pythons_of_the_sessions()[0]}", REINSTALL


def pythons_of_the_sessions():
    for statement in ast.parse((ROOT / "noxfile.py").read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "PYTHONS":
            return ast.literal_eval(statement.value)
    raise AssertionError("noxfile.py has no PYTHONS.")


PYTHON = """#!{executable}
import sys
sys.executable, sys.version_info = {path!r}, {version}
exec(sys.argv[2])
"""
"""A Python that says that it is of a certain version."""


@pytest.fixture
def programs(tmp_path):
    """A folder that takes the place of PATH, with a `make` that only prints what it is asked for."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "dirname", "rm"):
        (programs / name).symlink_to(shutil.which(name))
    for name in ("redis-server", "chromium"):
        add_program(programs / name, f"#!{shutil.which('bash')}")
    add_program(programs / "make", f"#!{shutil.which('bash')}\necho make $*")
    return programs


def add_program(path, text):
    path.write_text(text)
    path.chmod(0o755)


def run_ci(programs, python):
    version, path = tuple(map(int, python.split("."))), programs / "python3"
    add_program(path, PYTHON.format(executable=sys.executable, path=str(path), version=version))
    shutil.copytree(ROOT / ".ci", programs.parent / ".ci")
    return subprocess.run(
        [programs.parent / ".ci" / "run"],
        env={"PATH": str(programs), "HOME": str(programs.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("python", "missing"), [("3.11", {"3.13"}), ("3.12", {"3.11", "3.13"}), ("3.13", {"3.11"})]
)
def test_a_python_that_is_missing_fails_nothing_and_is_said(programs, python, missing):
    done = run_ci(programs, python)
    said = [line.split(" here;")[0].split()[-1] for line in done.stderr.splitlines()]

    assert done.returncode == 0, done.stderr
    assert set(said) == missing
    assert len(said) == 2 * len(missing)


def test_the_site_is_opened_in_chromium(programs):
    done = run_ci(programs, "3.13")
    assert re.search(r"^make .*docs-check$", done.stdout, re.MULTILINE)
    assert "Chromium" not in done.stderr


def test_a_chromium_that_cannot_be_had_fails_nothing_and_is_said(programs):
    (programs / "chromium").unlink()
    done = run_ci(programs, "3.13")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^make .*docs$", done.stdout, re.MULTILINE)
    assert done.stderr.count("no Chromium here") == 2


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_lowest_versions_are_tested_with_the_lowest_python(programs, python):
    asked = run_ci(programs, python).stdout
    assert ("test-lowest" in asked) == (python == "3.11")


def test_ci_runs_the_tests_with_the_command_of_the_readme(programs):
    command = re.search(r"^make test$", (ROOT / "README.md").read_text(), re.MULTILINE)
    asked = [line.split() for line in run_ci(programs, "3.13").stdout.splitlines()]

    assert command is not None
    assert {"make", "lint", "types", "test", "test-bulk"} < set(asked[0])


def test_a_failure_fails_ci(programs):
    add_program(programs / "make", f"#!{shutil.which('bash')}\nexit 2")
    assert run_ci(programs, "3.13").returncode == 2


def test_one_file_spells_the_address_of_the_site():  # notebooks have it from there
    host = ADDRESS.removeprefix("https://")
    ours = [path for path in ROOT.iterdir() if path.name not in ("build", "dist", ".git")]
    folders = [path for path in ours if path.is_dir() and not path.name.startswith((".venv", "."))]
    files = [*ours, *(path for folder in folders for path in folder.rglob("*"))]
    spelled = [
        path
        for path in files
        if path.is_file()
        and path.suffix not in (".pyc", ".ipynb")
        and host.encode() in path.read_bytes()
    ]
    assert spelled == [ROOT / "glm_openrouter" / "_website.py"]


def test_the_package_index_leads_to_the_site():
    urls = dict(line.split(", ") for line in METADATA.get_all("Project-URL"))
    assert urls.keys() >= {"Homepage", "Documentation", "Changelog"}, REINSTALL
    assert {url.startswith(f"{ADDRESS}/") for url in urls.values()} == {True}, REINSTALL


def test_the_links_of_the_readme_work_on_the_package_index():
    shown = METADATA.get_payload()
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert len(links) > 20
    assert re.findall(r"\]\((?!https://|#)([^)]+)\)", shown) == [], REINSTALL
    assert f"]({ADDRESS}/quickstart/)" in shown, REINSTALL


def test_the_package_index_shows_the_pictures_of_the_readme():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", METADATA.get_payload())
    assert pictures == [f"{ADDRESS}/benchmarks/chunk-light.svg"], REINSTALL
