"""The Python blocks of the pages. `python -m support.pages` writes them as modules, which `make types` checks.

The blocks of one page are one module: they run in order, in one namespace. Each recipe is a module of its own.
"""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOP_PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES = [*TOP_PAGES, *sorted((ROOT / "docs").rglob("*.md"))]
RECIPES = ROOT / "docs" / "recipes.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)

MODULES = ROOT / "build" / "pages"


def blocks_of(page: Path) -> list[str]:
    """Return the blocks of a page, each after as many empty lines as give it the line numbers of the page."""
    text = page.read_text()
    return ["\n" * text.count("\n", 0, match.start(1)) + match[1] for match in BLOCK.finditer(text)]


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
