"""What calls tell the ledgers around them: that they are about to be sent, and what became of them."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from glm_openrouter.completions import Completion

from .call_log import CallLog

__all__ = [
    "Bill",
    "Ledger",
    "PlannedCall",
    "close_ledger",
    "open_ledger",
    "open_ledgers",
    "open_logs",
]


class PlannedCall(NamedTuple):
    """A call that is about to be sent, as far as its cost depends on it."""

    model: str
    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    max_tokens: int | None = None
    """The most that it may answer."""
    estimate: float | None = None
    """USD that it costs at most, where that can be told better than from the messages."""


@dataclass(frozen=True)
class Bill:
    """What is known of a call that was sent and that nobody has refused, so that it may have been paid."""

    facts: Completion
    """As far as they came."""
    complete: bool
    """Whether the response is."""
    final: bool
    """Whether the usage is, if there is one."""


class Ledger(Protocol):
    """Keeps account of calls: `Spend` and `Budget`."""

    @property
    def log(self) -> CallLog | None:
        """Where each call is written down as it ends, if it is."""

    def reserve(self, key: object, call: PlannedCall) -> None:
        """Take note that a call is about to be sent, which is known by `key` from now on.

        Raises:
            BudgetExceededError: The ledger has a limit, and there is not enough left.
        """

    def settle(self, key: object, bill: Bill | None) -> None:
        """Take note that a call is over; there is no bill if it was not sent or was refused."""

    def add_replay(self, completion: Completion) -> None:
        """Count an answer that came from a journal, for nothing."""

    def warn_if_unreported(self, completion: Completion) -> None:
        """Warn, once, if a response has usage without a cost."""


_open: ContextVar[tuple[Ledger, ...]] = ContextVar("glm_openrouter_ledgers", default=())


def open_ledgers() -> frozenset[Ledger]:
    """Return every ledger whose block is open here, each once."""
    return frozenset(_open.get())


def open_logs() -> tuple[CallLog, ...]:
    """Return the logs of the ledgers that are open here, each file once."""
    logs = (ledger.log for ledger in _open.get())
    return tuple({log.path: log for log in logs if log is not None}.values())


def open_ledger(ledger: Ledger) -> None:
    """Have a ledger keep account of the calls from here on."""
    _open.set((*_open.get(), ledger))


def close_ledger(ledger: Ledger) -> None:
    """End that, once; nothing happens if the block ends in another context, as that of a fixture may."""
    ledgers = _open.get()
    if ledger in ledgers:
        at = ledgers.index(ledger)
        _open.set(ledgers[:at] + ledgers[at + 1 :])
