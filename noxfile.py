"""The tests on every Python that the classifiers of pyproject.toml name, and at both ends of the dependencies."""

import os
import subprocess
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13"]

nox.options.default_venv_backend = "uv"


def find_pythons() -> None:
    """Put those Pythons on PATH that are on this machine, but not there."""
    for version in PYTHONS:
        command = [".ci/find-python", version]
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        if found:
            os.environ["PATH"] = f"{Path(found).parent}{os.pathsep}{os.environ['PATH']}"


find_pythons()


def run_tests(session: nox.Session, *options: str, resolution: str, groups: list[str]) -> None:
    """Install the project with the versions that a resolution chooses, and run its tests."""
    chosen = [word for group in groups for word in ("--group", group)]
    session.install("--resolution", resolution, "--editable", ".[all]", *chosen)
    session.run(
        "python",
        "-m",
        "pytest",
        "-q",
        "--numprocesses",
        "auto",
        "--dist",
        "loadfile",
        *options,
        *session.posargs,
    )


@nox.session(python=PYTHONS)
def newest(session: nox.Session) -> None:
    """Run the tests with the newest versions, as a user gets them."""
    run_tests(session, resolution="highest", groups=["test", "recipes"])


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest versions of the direct dependencies; recipes are for the newest."""
    options = ["--ignore", "tests/docs/test_recipes.py"]
    run_tests(session, *options, resolution="lowest-direct", groups=["test"])
