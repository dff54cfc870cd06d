"""One request from its first try to its last: what is sent, and how it was changed after a refusal."""

import logging
from collections.abc import Collection, Mapping

from glm_openrouter._idle import TimeLimits
from glm_openrouter._response.repairs import Repairs
from glm_openrouter._response.stop import stop_sequences
from glm_openrouter.completions import Completion
from glm_openrouter.errors import APIError, InvalidRequestError
from glm_openrouter.request._body import build_body, encode_body
from glm_openrouter.request.chat import ChatRequest
from glm_openrouter.request.parameters import thinks

from .adjustments import Adjustment
from .call_record import CallRecord, begin_call
from .pins import ProviderPins

__all__ = ["ChatCall"]

logger = logging.getLogger("glm_openrouter")


class ChatCall:
    """One request, over all its tries.

    Args:
        request: What to ask for.
        whole: Whether its response is given out whole, once it is complete, and not while it comes.
        stream: Whether the response shall come as a stream; a whole one need not if that takes something from it.
        repairs: Names of the repairs that its responses go through.
        adjustments: How it may be changed.
        pins: Where to look up which provider to try first, and to keep which one answered.

    Raises:
        InvalidRequestError: `request` is something else.
    """

    def __init__(
        self,
        request: ChatRequest,
        *,
        whole: bool,
        stream: bool,
        repairs: Collection[str],
        adjustments: Mapping[str, Adjustment],
        pins: ProviderPins | None,
    ) -> None:
        if not isinstance(request, ChatRequest):
            raise InvalidRequestError(
                f"A request is a ChatRequest, such as ChatRequest(messages=[...]); got {type(request).__name__}."
            )
        self.request = request
        self.whole = whole
        self._repairs = repairs
        self._adjustments = adjustments
        self._notes: dict[str, str] = {}
        """What was adjusted, and how."""
        self._pins = pins
        self.record: CallRecord | None = None
        """What is noted of the call, once it has begun and if somebody watches."""
        self.asked = build_body(request, stream=stream, whole=whole)
        """What is asked for, without the pin of a provider, and before anything is adjusted."""
        self._body = self.asked if pins is None else pins.apply(self.asked)

    @property
    def connection(self) -> tuple[float | TimeLimits | None, Mapping[str, str]]:
        """The time limit and the headers of this call alone."""
        return self.request.timeout, self.request.to_headers()

    def begin(self, base_url: str) -> None:
        """Note that the call begins, if somebody watches.

        Args:
            base_url: Where the API is.
        """
        self.record = begin_call("chat", self._body, base_url)

    def encode(self) -> bytes:
        """Return the body to send now.

        Raises:
            InvalidRequestError: It holds a value that is not JSON.
        """
        return encode_body(self._body)

    def new_repairs(self) -> Repairs:
        """Return the repairs for one response."""
        return Repairs(
            self._repairs,
            self.request.tool_schemas(),
            wants_json=self.request.wants_json,
            thinks=thinks(self.request),
            stop=stop_sequences(self.request.stop),
        )

    def adjust(self, error: APIError) -> bool:
        """Change the request if it was refused for something that can be changed; return whether to send it again."""
        for field, adjustment in self._adjustments.items():
            if field in self._notes or (adjusted := adjustment(self._body, error)) is None:
                continue
            self._body, note = adjusted
            self._notes[field] = note
            if self.record is not None:
                self.record.note_adjustment(self._body, note)
            logger.warning(
                "The request was refused, sending it again with %s: %s", note, error.message
            )
            return True
        return False

    def finish(self, completion: Completion) -> None:
        """Note which provider answered, and on the response how the request was changed."""
        completion.adjustments = list(self._notes.values())
        if self._pins is not None:
            self._pins.keep(self._body, completion.provider)
