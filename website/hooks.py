"""Pages from files outside of `docs`; links that lead from one file to the other lead from page to page."""

import ast
import posixpath
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, Files

from website.addresses import (
    ROOT,
    SITE_PAGES,
    address,
    drop_contents,
    rewrite_links,
    themed_pictures,
)

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

__all__ = ["on_config", "on_files", "on_page_markdown"]

_PICTURES = r"![\1](\2-light.svg#only-light)![\1](\2-dark.svg#only-dark)"
"""A picture for light and for dark pages, as the theme understands it."""

_RANKS = {
    "decisions/": 0.2,
    "reference/": 0.4,
    "protocol.md": 0.2,
    "design.md": 0.2,
    "changelog.md": 0.2,
    "contributing.md": 0.2,
}
"""Beginning of a path -> how much its pages count in the search; guides count 1."""

_SOURCES = {page: path for path, page in SITE_PAGES.items()}


def on_config(config: "MkDocsConfig") -> "MkDocsConfig":
    """Take the address from the package, which is the one place that says it."""
    config.site_url = f"{address()}/"
    return config


def on_files(files: Files, config: "MkDocsConfig") -> Files:
    """Add the pages that are files elsewhere."""
    for path, page in SITE_PAGES.items():
        if files.get_file_from_path(page) is None:
            files.append(File.generated(config, page, content=_content_of(path)))
    return files


def on_page_markdown(markdown: str, page: "Page", config: "MkDocsConfig", files: Files) -> str:  # noqa: ARG001
    """Let links lead to pages of the site, leave out the list of the sections, and let the search prefer guides."""
    here = page.file.src_uri
    rank = next((rank for begin, rank in _RANKS.items() if here.startswith(begin)), 1)
    page.meta.setdefault("search", {"boost": rank})
    if here == "index.md":
        page.meta["hide"] = ["navigation", "toc"]
    source = f"docs/{here}" if (ROOT / "docs" / here).exists() else _SOURCES[here]

    def to_link(target: str) -> str:
        return posixpath.relpath(target, posixpath.dirname(here) or ".")

    markdown = themed_pictures(markdown, _PICTURES)
    text = drop_contents(rewrite_links(markdown, source, to_link))
    return text.replace("https://.../", f"{address()}/")


def _content_of(path: str) -> str:
    if path == "examples":
        return _examples()
    text = (ROOT / path).read_text(encoding="utf-8")
    return text if path.endswith(".md") else f"# {path.capitalize()}\n\n```text\n{text}```\n"


def _examples() -> str:
    """Return the examples as a page."""
    parts = [
        "# Examples\n\nWhole programs, one task each. `glm-openrouter demo` runs them one after the other and shows "
        "what they cost; see [Command line](docs/command-line.md#glm-openrouter-demo).\n"
    ]
    for path in sorted((ROOT / "examples").glob("*_*.py")):
        source = path.read_text(encoding="utf-8")
        title = (ast.get_docstring(ast.parse(source)) or path.stem).splitlines()[0].rstrip(".")
        parts.append(f"\n## {path.stem}\n\n{title}.\n\n```python\n{source}```\n")
    return "".join(parts)
