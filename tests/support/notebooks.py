"""The notebooks of the guides, made from their pages. `python -m support.notebooks` writes them into `docs/notebooks`.

Text becomes text, with links to the site. Python blocks become cells; in a notebook an event loop runs already, so what
a page hands to `asyncio.run` is awaited, and what was spent is shown as a table. What blocks printed is left out.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from support.pages import ROOT
from website.addresses import address, drop_contents, rewrite_links, url_of

FOLDER = ROOT / "docs" / "notebooks"

REQUIREMENTS = {
    "langchain": '"glm-openrouter[langchain,testing]" langchain',
    "llamaindex": '"glm-openrouter[llamaindex,testing]" llama-index-retrievers-bm25 ipywidgets',
    "rag": '"glm-openrouter[langchain,llamaindex,testing]" langchain-chroma langchain-classic '
    "langchain-text-splitters bm25s llama-index-vector-stores-chroma llama-index-retrievers-bm25 tqdm ipywidgets",
    "bulk": '"glm-openrouter[bulk,langchain,testing]" ipywidgets',
}
"""Page -> what pip installs for it."""

SKIPPED = "skip-execution"
"""The tag of cells that nbclient does not run: the one that installs."""

NOTE = """

This notebook is made from [a page of the documentation]({url}). The next cell installs what it needs. Without a key,
the one after it starts an OpenRouter on this machine that answers by rules; its words are not those of GLM. To ask GLM,
set `OPENROUTER_API_KEY` before you start Jupyter. The files that this notebook writes go into a new folder."""

SET_UP = """\
import os
import tempfile

if not os.environ.get("OPENROUTER_API_KEY"):
    from glm_openrouter.testing import OfflineServer

    server = OfflineServer().start()
    os.environ["OPENROUTER_API_KEY"] = "sk-or-offline"
    os.environ["OPENROUTER_API_BASE"] = server.base_url

os.chdir(tempfile.mkdtemp())"""

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_HERE = re.compile(r"\]\((?=#)")
_FOR_TYPE_CHECKERS = re.compile(r"  # type: ignore.*$", re.MULTILINE)
_SPENDS = re.compile(r"track_spend\(\) as spend:")
_COMMAND = re.compile(r"^(?=glm-openrouter batch)", re.MULTILINE)


def notebook_of(name: str) -> NotebookNode:
    """Return the notebook of a page, `docs/{name}.md`."""
    first, *rest = _cells_of(name)
    first.source += NOTE.format(url=_site_url(f"{name}.md"))
    install = new_code_cell(f"%pip install --quiet {REQUIREMENTS[name]}")
    install.metadata["tags"] = [SKIPPED]
    cells = [first, install, new_code_cell(SET_UP), *rest]
    _drop_unused_asyncio(cells)
    _name_cells(cells)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return new_notebook(cells=cells, metadata=metadata)


def path_of(name: str) -> Path:
    """Return where the notebook of a page is stored."""
    return FOLDER / f"{name}.ipynb"


def to_text(notebook: NotebookNode) -> str:
    """Return a notebook as its file holds it."""
    nbformat.validate(notebook)
    return f"{nbformat.writes(notebook)}\n"


def to_awaits(code: str) -> str:
    """Return code that awaits what it handed to `asyncio.run` outside of functions."""
    for call in reversed([*_runs_of(ast.parse(code))]):
        data = code.encode()  # in which the columns of nodes count
        lines = data.splitlines(keepends=True)
        begin, end = (
            len(b"".join(lines[: line - 1])) + column
            for line, column in (
                (call.lineno, call.col_offset),
                (call.end_lineno, call.end_col_offset),
            )
        )
        awaited = f"await {ast.get_source_segment(code, call.args[0])}"
        code = (data[:begin] + awaited.encode() + data[end:]).decode()
    return code


def show_nothing_else(code: str) -> str:
    """Return code that shows only what it prints: a notebook would show the value of its last line, too."""
    last = ast.parse(code).body[-1]
    is_shown = isinstance(last, ast.Expr) and not ast.unparse(last).startswith(
        ("print(", "asyncio.")
    )
    return f"{code.rstrip()};" if is_shown else code


def _runs_of(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls of `asyncio.run` in the order of the code."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(child, ast.Call) and ast.unparse(child.func) == "asyncio.run":
            yield child
        else:
            yield from _runs_of(child)


def _cells_of(name: str) -> Iterator[NotebookNode]:
    """Yield the cells of a page; the first is the text above its first section."""
    text = drop_contents((ROOT / "docs" / f"{name}.md").read_text())
    end, words = 0, ""
    for fence in _FENCE.finditer(text):
        words += text[end : fence.start()]
        end = fence.end()
        code = _code_of(fence[1], fence[2])
        if code is None:
            words += fence[0]
        else:
            yield from _text_cells(words, name)
            words = ""
            if code:
                yield new_code_cell(code)
    yield from _text_cells(words + text[end:], name)


def _code_of(language: str, code: str) -> str | None:
    """Return the cell of a fence: empty for one that is left out, `None` for one that stays text."""
    if language == "output":
        return ""
    if language == "python":
        shown = _SPENDS.search(code)
        code = f"{code}\nspend" if shown else show_nothing_else(code)
        return _FOR_TYPE_CHECKERS.sub("", to_awaits(code)).strip()
    if language == "sh" and _COMMAND.search(code):
        return "!" + _COMMAND.split(code)[1].strip()
    return None


def _text_cells(words: str, name: str) -> Iterator[NotebookNode]:
    """Yield a cell for each section, with links to the site."""
    linked = rewrite_links(words, f"docs/{name}.md", _site_url)
    linked = _HERE.sub(f"]({_site_url(f'{name}.md')}", linked)
    for section in re.split(r"^(?=#+ )", linked, flags=re.MULTILINE):
        if section.strip():
            yield new_markdown_cell(section.strip())


def _site_url(page: str) -> str:
    return f"{address()}/{url_of(page)}"


def _drop_unused_asyncio(cells: list[NotebookNode]) -> None:
    """Leave out the import where all that used it is awaited."""
    code = [cell for cell in cells if cell.cell_type == "code"]
    if not any("asyncio." in cell.source for cell in code):
        for cell in code:
            cell.source = cell.source.removeprefix("import asyncio\n").lstrip("\n")


def _name_cells(cells: list[NotebookNode]) -> None:
    """Give each cell an id that stays when other sections change: its section, and its number there."""
    section, numbers = "", Counter[str]()
    for cell in cells:
        heading = _HEADING.match(cell.source) if cell.cell_type == "markdown" else None
        if heading:
            section = re.sub(r"\W+", "-", heading[1].lower()).strip("-")
        numbers[section] += 1
        cell["id"] = f"{section}-{numbers[section]}"


def main() -> None:
    """Write the notebooks."""
    FOLDER.mkdir(exist_ok=True)
    for name in REQUIREMENTS:
        path_of(name).write_text(to_text(notebook_of(name)))


if __name__ == "__main__":
    main()
