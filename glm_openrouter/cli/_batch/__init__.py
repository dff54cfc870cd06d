"""`glm-openrouter batch`: the same question about each row of a file."""

from .command import add_parser

__all__ = ["add_parser"]
