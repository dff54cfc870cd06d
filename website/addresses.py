"""Where each page of the repository is on the site: one rule, for the site, and for the README on the package index.

Pages in `docs` keep their paths. A few files outside of it are pages, too; links to them, and from them, go there.
"""

import posixpath
import re
import runpy
from collections.abc import Callable
from pathlib import Path

__all__ = [
    "ROOT",
    "SITE_PAGES",
    "address",
    "drop_contents",
    "rewrite_links",
    "site_page",
    "themed_pictures",
    "url_of",
]

ROOT = Path(__file__).resolve().parents[1]

SITE_PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "LICENSE": "license.md",
    "README.md": "overview.md",
    "SECURITY.md": "security-policy.md",
    "benchmarks/README.md": "benchmarks.md",
    "examples": "examples.md",
}
"""Path in the repository -> page of the site."""

_CONTENTS = re.compile(r"^(?:- \[[^\]]*\]\(#[^)]*\)\n){3,}\n?", re.MULTILINE)
_FENCE = re.compile(r"^( *```).*?^\1$", re.DOTALL | re.MULTILINE)
_PICTURE = re.compile(r'<picture>.*?<img alt="([^"]*)" src="([^"]+)-light\.svg"></picture>')
_LINK = re.compile(r"\]\((?![a-z]+:)([^)#\s]+)(#[^)\s]*)?\)")


def address() -> str:
    """Return the address of the site, which the package says."""
    found = runpy.run_path(str(ROOT / "glm_openrouter" / "_website.py"))["ADDRESS"]
    return str(found)


def site_page(path: str) -> tuple[str, str] | None:
    """Return the page of the site, and the anchor on it, for a path in the repository; `None` if there is none."""
    if path in SITE_PAGES:
        return SITE_PAGES[path], ""
    folder, name = posixpath.split(path)
    if folder == "examples":
        return SITE_PAGES[folder], f"#{name.removesuffix('.py')}"
    return (path.removeprefix("docs/"), "") if path.startswith("docs/") else None


def url_of(page: str) -> str:
    """Return where a page is, or a picture, below the address of the site."""
    if not page.endswith(".md"):
        return page
    folder, name = posixpath.split(page.removesuffix(".md"))
    return posixpath.join(folder, "" if name in ("README", "index") else f"{name}/")


def drop_contents(text: str) -> str:
    """Return Markdown without the list of its sections at its top, which the site and notebooks show beside it."""
    return _CONTENTS.sub("", text, count=1)


def themed_pictures(text: str, replacement: str) -> str:
    """Return Markdown with another form of pictures for light and for dark pages, which are in GitHub's.

    Args:
        text: The Markdown.
        replacement: Instead of each; its first group are the words, its second is the path without `-light.svg`.
    """
    return _PICTURE.sub(replacement, text)


def rewrite_links(text: str, source: str, to_link: Callable[[str], str]) -> str:
    """Return Markdown in which links between files of the repository lead to pages of the site.

    Args:
        text: The Markdown; what stands in fences is left alone.
        source: The path of its file in the repository.
        to_link: Makes a link of a page of the site.
    """

    def rewrite(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1]))
        found = site_page(target)
        if found is None:
            return match[0]
        page, anchor = found
        return f"]({to_link(page)}{match[2] or anchor})"

    parts: list[str] = []
    end = 0
    for fence in _FENCE.finditer(text):
        parts += [_LINK.sub(rewrite, text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, _LINK.sub(rewrite, text[end:])])
