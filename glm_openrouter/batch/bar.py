"""How far a run is, as a bar: in a notebook, on a terminal, or as text."""

from collections.abc import Mapping, Sized
from importlib.util import find_spec
from typing import Any

from glm_openrouter.errors import InvalidRequestError

from .rows import Rows

__all__ = ["RowBar"]


class RowBar:
    """A tqdm bar of rows, with what they have cost and how many failed.

    Args:
        rows: The bar has an end if they can be counted.

    Raises:
        InvalidRequestError: tqdm is not installed.
    """

    def __init__(self, rows: Rows) -> None:
        if not find_spec("tqdm"):
            raise InvalidRequestError("show_progress needs tqdm: pip install tqdm")
        from tqdm.auto import tqdm  # type: ignore[import-untyped]  # few programs show a bar

        total = len(rows) if isinstance(rows, Sized) else None
        self._bar = tqdm(total=total, desc="Rows", unit="row")
        self._cost = 0.0
        self._failed = 0

    def count(self, row: Mapping[str, Any]) -> None:
        """Take note of a row that came out."""
        self._cost += row["cost"]
        self._failed += row["error"] is not None
        self._bar.set_postfix_str(f"{self._cost:.4f} USD, {self._failed} failed", refresh=False)
        self._bar.update()

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()
