"""The Python blocks of the pages. `python -m support.pages` writes them as modules, which `make types` checks.

The blocks of one page are one module: they run in order, in one namespace. Each recipe is a module of its own. What a
block printed stands below it, in a fence `output`, which `make outputs` writes.
"""

import os
import re
import shutil
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

from glm_openrouter._website import ADDRESS

ROOT = Path(__file__).resolve().parents[2]
TOP_PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES = [*TOP_PAGES, *sorted((ROOT / "docs").rglob("*.md"))]
RECIPES = ROOT / "docs" / "recipes.md"
OUTPUT = r"(?:\n\n(?P<output>(?P=indent)```output\n.*?^(?P=indent)```$))?"
BLOCK = re.compile(
    rf"^(?P<indent> *)```python\n(?P<code>.*?)^(?P=indent)```${OUTPUT}", re.DOTALL | re.MULTILINE
)
HELP = re.compile(
    rf"^(?P<indent>)```sh\nglm-openrouter(?P<code>(?: \w+)? --help)\n```${OUTPUT}",
    re.DOTALL | re.MULTILINE,
)
"""A block that asks the command for its help."""

VARIES = (
    (re.compile(r"\b(gen|call|lc_run-|chatcmpl)([-_])[\w-]{6,}"), r"\1\2..."),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "..."),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://127.0.0.1:8765"),
    (re.compile(re.escape(ADDRESS)), "https://..."),
)
"""What is another one each time, or set in one place: ids, the port of the server, the address of the site."""

LONGEST = 24
"""Lines of an output that a page shows."""

MODULES = ROOT / "build" / "pages"


def blocks_of(page: Path) -> list[str]:
    """Return the blocks of a page, each after as many empty lines as give it the line numbers of the page."""
    text = page.read_text()
    return [
        "\n" * text.count("\n", 0, match.start("code")) + textwrap.dedent(match["code"])
        for match in BLOCK.finditer(text)
    ]


def shown(printed: str, longest: int = LONGEST) -> str:
    """Return what a page shows of what a block printed: without what varies, and no more than a reader reads."""
    for pattern, word in VARIES:
        printed = pattern.sub(word, printed)
    lines = [line.rstrip() for line in printed.strip("\n").splitlines()]
    return "\n".join([*lines[:longest], "..."] if len(lines) > longest else lines)


def check_outputs(
    page: Path,
    printed: Sequence[str | None],
    blocks: re.Pattern[str] = BLOCK,
    same: Callable[[str], object] = str,
    longest: int = LONGEST,
) -> None:
    """Compare what blocks printed with what stands below them, or write it there if `WRITE_OUTPUTS` is set.

    Args:
        page: The page.
        printed: What each block printed; `None` for a block that was not run.
        blocks: Which blocks of the page these are.
        same: What of two outputs has to be equal.
        longest: Lines of an output that are shown.
    """
    text = page.read_text()
    found = list(blocks.finditer(text))
    assert len(found) == len(printed)
    wanted = [
        (match["output"] or "")
        if output is None
        else _fence(shown(output, longest), match["indent"])
        for match, output in zip(found, printed, strict=True)
    ]
    if os.environ.get("WRITE_OUTPUTS"):
        for match, fence in reversed(list(zip(found, wanted, strict=True))):
            end = match.start("output") - 2 if match["output"] else match.end()
            below = f"\n\n{fence}" if fence else ""
            text = text[:end] + below + text[match.end() :]
        page.write_text(text)
        return
    stale = [
        (match["output"] or "nothing", fence or "nothing")
        for match, fence in zip(found, wanted, strict=True)
        if same(match["output"] or "") != same(fence)
    ]
    told = "\n".join(f"The page says\n{old}\nand it printed\n{new}" for old, new in stale)
    assert not stale, f"{page.name}: `make outputs` writes what its blocks print.\n{told}"


def _fence(output: str, indent: str) -> str:
    return textwrap.indent(f"```output\n{output}\n```", indent, lambda _: True) if output else ""


def module_of(blocks: list[str]) -> str:
    """Return blocks of a page as one module, with the line numbers of the page."""
    lines: list[str] = []
    for block in blocks:
        lines += block.splitlines()[len(lines) :]
    return "".join(f"{line}\n" for line in lines)


def modules_of(page: Path) -> list[str]:
    """Return the modules of a page: the source of one, of each recipe, or of none."""
    blocks = blocks_of(page)
    if page == RECIPES:
        return [module_of([block]) for block in blocks]
    return [module_of(blocks)] if blocks else []


def main() -> None:
    """Write the modules, for type checkers: `docs/langchain.md` becomes `pages.docs_langchain`."""
    shutil.rmtree(MODULES, ignore_errors=True)
    MODULES.mkdir(parents=True)
    (MODULES / "__init__.py").touch()
    for page in PAGES:
        name = re.sub(r"\W", "_", str(page.relative_to(ROOT).with_suffix("")))
        for number, source in enumerate(modules_of(page)):
            (MODULES / f"{name}{number or ''}.py").write_text(source)


if __name__ == "__main__":
    main()
