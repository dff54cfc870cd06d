"""What the package index shows, made with the package: the addresses, and the README with links that work there."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

__all__ = ["PackageIndexHook"]

_PAGES = {
    "Homepage": "index.md",
    "Documentation": "quickstart.md",
    "API reference": "reference/index.md",
    "Changelog": "changelog.md",
    "Security policy": "security-policy.md",
}
"""Label on the package index -> page of the site."""


class PackageIndexHook(MetadataHookInterface):
    """Sets `[project.urls]` and the README."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add both to the metadata."""
        addresses = runpy.run_path(str(Path(self.root) / "website" / "addresses.py"))
        site, url_of = addresses["address"](), addresses["url_of"]

        def to_link(page: str) -> str:
            return f"{site}/{url_of(page)}"

        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        readme = addresses["themed_pictures"](readme, r"![\1](\2-light.svg)")
        metadata["urls"] = {label: to_link(page) for label, page in _PAGES.items()}
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": addresses["rewrite_links"](readme, "README.md", to_link),
        }
