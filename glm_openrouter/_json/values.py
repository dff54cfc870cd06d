"""Values of JSON, and the numbers among them that may be counted with."""

from typing import Annotated, Any, Final

from msgspec import Meta

__all__ = ["Index", "JSONObject", "Number", "PositiveNumber", "TokenCount", "WholeNumber"]


JSONObject = dict[str, Any]

_LARGEST: Final = 2**53
"""Beyond it readers of JSON do not agree on a number (https://www.rfc-editor.org/rfc/rfc8259#section-6)."""

WholeNumber = Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST)]
Index = Annotated[int, Meta(ge=0, le=_LARGEST)]
Number = Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)]
PositiveNumber = Annotated[float, Meta(ge=0, le=_LARGEST)]
TokenCount = Index | PositiveNumber
"""Numbers that may be counted with: finite, of sane size, never a bool. Any other is a value that does not fit."""
