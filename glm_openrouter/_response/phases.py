"""Where a response stands, and what may happen to it there."""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Final

from glm_openrouter.errors import APIError

__all__ = ["TRANSITIONS", "Event", "MakeError", "Phase", "ResponseState"]

MakeError = Callable[[], APIError]
"""Makes an error once all that came before it has been put in its place."""


class Phase(Enum):
    """Where a response stands."""

    WAITING = auto()
    """No choice has come."""
    ANSWERING = auto()
    """The answer comes."""
    FINISH_SEEN = auto()
    """A finish reason has come, or a complete message, which needs none; more may follow, such as the usage."""
    STOPPED = auto()
    """A stop sequence has ended the answer, whatever still comes."""
    FAILED = auto()
    """An error has ended it."""
    COMPLETE = auto()
    """The completion is there."""


class Event(Enum):
    """What may happen to a response."""

    CHOICE = auto()
    """A choice has come."""
    FINISH = auto()
    """It says how the answer ends, or is all of it."""
    STOP = auto()
    """A stop sequence was found in the text."""
    FAILURE = auto()
    """The response reports an error, cannot be read, or is too large."""
    END = auto()
    """Nothing more comes, and all that was held back has been given out."""


TRANSITIONS: Final[Mapping[Phase, Mapping[Event, Phase]]] = {
    Phase.WAITING: {
        Event.CHOICE: Phase.ANSWERING,
        Event.FAILURE: Phase.FAILED,
    },
    Phase.ANSWERING: {
        Event.CHOICE: Phase.ANSWERING,
        Event.FINISH: Phase.FINISH_SEEN,
        Event.STOP: Phase.STOPPED,
        Event.FAILURE: Phase.FAILED,
    },
    Phase.FINISH_SEEN: {
        Event.CHOICE: Phase.FINISH_SEEN,
        Event.FINISH: Phase.FINISH_SEEN,
        Event.STOP: Phase.STOPPED,
        Event.FAILURE: Phase.FAILED,
        Event.END: Phase.COMPLETE,
    },
    Phase.STOPPED: {
        Event.STOP: Phase.STOPPED,
        Event.END: Phase.COMPLETE,
    },
    Phase.FAILED: {
        Event.STOP: Phase.FAILED,  # in text that was held back when the response failed
    },
    Phase.COMPLETE: {},
}
"""What follows from what; anything else is a mistake of the parser, and a `KeyError`.

A response that ends while it waits or answers is a failure: the parser has to say which.
"""

_OVER: Final = (Phase.STOPPED, Phase.FAILED, Phase.COMPLETE)


class ResponseState:
    """Where one response stands."""

    def __init__(self) -> None:
        self.phase = Phase.WAITING
        self.is_over = False
        """Whether nothing more is read of it."""
        self.failure: MakeError | None = None
        """Makes the error that has ended it."""
        self.is_reported = False
        """Whether it was OpenRouter or the provider that reported that error."""

    def move(self, event: Event) -> None:
        """Note that something has happened."""
        self.phase = TRANSITIONS[self.phase][event]
        self.is_over = self.phase in _OVER

    def fail(self, make: MakeError, *, is_reported: bool = False) -> None:
        """Note that an error has ended the response."""
        self.move(Event.FAILURE)
        self.failure = make
        self.is_reported = is_reported
