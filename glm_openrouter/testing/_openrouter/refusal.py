"""A request that OpenRouter would refuse."""

from collections.abc import Mapping
from typing import Any

from glm_openrouter.testing._answers.answer import ErrorAnswer

__all__ = ["RefusalError"]


class RefusalError(Exception):
    """A refusal, which becomes the response."""

    def __init__(
        self, status_code: int, message: str, *, metadata: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.answer = ErrorAnswer(status_code, message, metadata=metadata or {})
