"""The notebooks of the guides are what their pages give, and run in kernels, whose event loop runs already."""

import asyncio
import os
import re
import sysconfig

import nbformat
import pytest
from nbclient import NotebookClient

from support.notebooks import REQUIREMENTS, notebook_of, path_of, to_awaits, to_text
from support.pages import blocks_of
from website.addresses import ROOT

NAMES = sorted(REQUIREMENTS)
LINK = re.compile(r"\]\(([^)]+)\)")
ANSI = "\x1b["


def stored(name):
    return nbformat.read(path_of(name), as_version=4)


@pytest.mark.parametrize("name", NAMES)
def test_the_stored_notebook_is_what_the_page_gives(name):
    assert path_of(name).read_text() == to_text(notebook_of(name)), "`make notebooks` writes it."


@pytest.mark.parametrize("name", NAMES)
def test_each_block_of_the_page_is_a_cell(name):
    cells = [cell for cell in stored(name).cells if cell.cell_type == "code"]
    set_up = 2
    commands = [cell for cell in cells if cell.source.startswith("!")]
    assert len(cells) - set_up - len(commands) == len(blocks_of(ROOT / "docs" / f"{name}.md"))


@pytest.mark.parametrize("name", NAMES)
def test_the_links_of_the_notebook_lead_out_of_it(name):
    text = "\n".join(cell.source for cell in stored(name).cells if cell.cell_type == "markdown")
    links = LINK.findall(re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))
    assert len(links) > 5
    assert [link for link in links if not link.startswith("https://")] == []


@pytest.mark.parametrize(
    ("code", "awaited"),
    [
        ("asyncio.run(ask())", "await ask()"),
        ("print(asyncio.run(a(b(1))), asyncio.run(c()))", "print(await a(b(1)), await c())"),
        ("with x:\n    asyncio.run(ask(\n1))", "with x:\n    await ask(\n1)"),
        ("def f():\n    asyncio.run(ask())", "def f():\n    asyncio.run(ask())"),
        ('print("é", asyncio.run(ask()))', 'print("é", await ask())'),
    ],
)
def test_what_a_page_runs_in_a_loop_is_awaited(code, awaited):
    assert to_awaits(code) == awaited


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Each notebook with its outputs, or the error that ended it; all of them run at once."""
    clean = {"PATH", "HOME", "LANG", "TMPDIR", "HF_HOME"}
    scripts = sysconfig.get_path("scripts")
    environment = {name: value for name, value in os.environ.items() if name in clean}
    environment["PATH"] = f"{scripts}{os.pathsep}{environment.get('PATH', '')}"

    async def execute(name):
        folder = tmp_path_factory.mktemp(name)
        client = NotebookClient(
            stored(name), timeout=100, resources={"metadata": {"path": str(folder)}}
        )
        own = {"IPYTHONDIR": str(folder), "TMPDIR": str(folder)}
        return await client.async_execute(env=environment | own)

    async def execute_all():
        return await asyncio.gather(*map(execute, NAMES), return_exceptions=True)

    return dict(zip(NAMES, asyncio.run(execute_all()), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_runs(name, executed):
    if isinstance(executed[name], BaseException):
        raise executed[name]
    for cell in executed[name].cells:
        for output in cell.get("outputs", []):
            assert output.get("name") != "stderr", output.text
            assert ANSI not in str(output.get("text", ""))
            if output.output_type == "execute_result":
                assert "<table" in output.data["text/html"], f"a value is shown below {cell.source}"
