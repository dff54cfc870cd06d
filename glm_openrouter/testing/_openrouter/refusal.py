"""A request that OpenRouter would refuse."""

from collections.abc import Mapping
from typing import Any

__all__ = ["RefusalError"]


class RefusalError(Exception):
    """A refusal, in the terms of OpenRouter's error body."""

    def __init__(
        self, code: int, message: str, *, metadata: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.metadata = metadata

    def to_body(self) -> dict[str, Any]:
        """Return the body of the error response."""
        error: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.metadata is not None:
            error["metadata"] = dict(self.metadata)
        body: dict[str, Any] = {"error": error}
        if self.code != 401:
            # Known accounts are named in their errors; clients must not pass that on.
            body["user_id"] = "user_offline"
        return body
