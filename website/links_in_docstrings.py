"""In docstrings, a public name in backticks becomes a link to what the reference says of it."""

import functools
import re
from typing import Any

import griffe

from website.addresses import ROOT

__all__ = ["LinksInDocstrings"]

_PACKAGES = ("glm_openrouter", "langchain_glm", "llamaindex_glm")
_DIRECTIVE = re.compile(r"^::: (\S+)$", re.MULTILINE)
_NAME = re.compile(r"(?<![`\[])`(?:[a-z_]+\.)*([A-Z_a-z]\w+)`(?!`)")


@functools.cache
def _documented(package: str) -> dict[str, str]:
    """Return name -> path for what the reference documents: of equal names, that of the package, else of the core."""
    paths = [
        path
        for page in sorted((ROOT / "docs" / "reference").glob("*.md"))
        for path in _DIRECTIVE.findall(page.read_text(encoding="utf-8"))
    ]
    paths.sort(
        key=lambda path: [path.partition(".")[0] != each for each in (package, "glm_openrouter")]
    )
    return {path.rpartition(".")[2]: path for path in reversed(paths)}


class LinksInDocstrings(griffe.Extension):
    """Rewrites each docstring once, when it is loaded."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Add the links."""
        package = obj.path.partition(".")[0]
        if obj.docstring is None or package not in _PACKAGES:
            return

        def link(match: re.Match[str]) -> str:
            path = _documented(package).get(match[1])
            return match[0] if path is None or match[1] == obj.name else f"[{match[0]}][{path}]"

        obj.docstring.value = _NAME.sub(link, obj.docstring.value)
