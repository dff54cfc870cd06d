"""Where a response stands, and what may happen to it there."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

__all__ = ["OVER", "TRANSITIONS", "Event", "Phase"]


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

OVER: Final = (Phase.STOPPED, Phase.FAILED)
"""Phases in which nothing more is read."""
