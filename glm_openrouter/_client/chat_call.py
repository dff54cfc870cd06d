"""One request from its first try to its last: what is sent, and how it was changed after a refusal."""

import logging
from collections.abc import Mapping

from glm_openrouter.completions import Completion
from glm_openrouter.errors import APIError
from glm_openrouter.request._body import build_body, encode_body
from glm_openrouter.request.chat import ChatRequest

from .adjustments import Adjustment
from .pins import ProviderPins

__all__ = ["ChatCall"]

logger = logging.getLogger("glm_openrouter")


class ChatCall:
    """One request, over all its tries."""

    def __init__(
        self,
        request: ChatRequest,
        *,
        stream: bool,
        adjustments: Mapping[str, Adjustment],
        pins: ProviderPins | None,
    ) -> None:
        self.request = request
        self.stream = stream
        self._body = build_body(request, stream=stream)
        self._adjustments = adjustments
        self._adjusted: dict[str, str] = {}
        """The adjustments that were made, with their notes."""
        self._pins = pins
        if pins is not None:
            self._body = pins.apply(self._body)

    def encode(self) -> bytes:
        """Return the body to send now.

        Raises:
            InvalidRequestError: It holds a value that is not JSON.
        """
        return encode_body(self._body)

    def adjust(self, error: APIError) -> bool:
        """Change the request if it was refused for something that can be changed; return whether to send it again."""
        for kind, adjustment in self._adjustments.items():
            if kind in self._adjusted or (adjusted := adjustment(self._body, error)) is None:
                continue
            self._body, note = adjusted
            self._adjusted[kind] = note
            logger.warning("The request was refused, sending it again with %s: %s", note, error)
            return True
        return False

    def finish(self, completion: Completion) -> None:
        """Note which provider answered, and on the response how the request was changed."""
        completion.adjustments = list(self._adjusted.values())
        if self._pins is not None:
            self._pins.keep(self._body, completion.provider)
