"""Where the documentation is: the one place that says so, for errors, for the site and for the package index."""

from typing import Final

__all__ = ["ADDRESS"]

ADDRESS: Final = "https://glm-openrouter.readthedocs.io"
"""The address of the site, without a slash at its end."""
