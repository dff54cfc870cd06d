"""What a call does, as a generator that both clients go through."""

from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar

__all__ = ["Steps"]

T = TypeVar("T")

Steps: TypeAlias = Generator[Any, Any, T]
"""It yields results, or what has to be awaited for them, and returns the last one."""
