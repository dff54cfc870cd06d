"""What requests have cost, from the usage that OpenRouter reports with each response."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple, Self

from glm_openrouter.completions import Completion, Usage
from glm_openrouter.errors import UnreportedCostWarning

from .amounts import read_cost, read_count
from .call_log import CallLog
from .estimate import Estimate, Estimates, list_price
from .ledger import Bill, PlannedCall, close_ledger, open_ledger

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .report import LogReport

__all__ = ["Spend", "SpendEntry", "track_spend"]


@dataclass
class SpendEntry:
    """The sums for one model at one provider."""

    calls: int = 0
    """Those that may have been paid; `unreported_calls` are among them."""
    prompt_tokens: int = 0
    """Including cached ones."""
    completion_tokens: int = 0
    """Including reasoning."""
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float = 0.0
    """USD, as reported."""
    unreported_calls: int = 0
    """Calls that were sent and whose cost never became known: the response was left, cut off or unreadable, it did not
    come in time, or its usage had no cost."""
    unreported: float = 0.0
    """USD that these calls are estimated at; `cost` does not include it."""
    cached_calls: int = 0
    """Calls that OpenRouter answered from its response cache, for nothing: see `response_cache`."""
    replayed: int = 0
    """Answers from a `Journal`. Nothing was sent for them, so they are not among `calls`, nor their tokens or cost."""

    @property
    def cache_hit_rate(self) -> float:
        """The share of the prompt tokens that came from a cache, from 0 to 1."""
        return self.cached_tokens / self.prompt_tokens if self.prompt_tokens else 0.0

    def __str__(self) -> str:
        text = (
            f"{self.cost:.6f} USD, {_say_calls(self.calls)}, {self.prompt_tokens:,} prompt tokens "
            f"({self.cache_hit_rate:.0%} cached), {self.completion_tokens:,} completion tokens "
            f"({self.reasoning_tokens:,} of reasoning)"
        )
        if self.cached_calls:
            text += f", {_say_calls(self.cached_calls)} answered from the response cache"
        if self.replayed:
            text += f", {self.replayed:,} replayed from a journal"
        return ", ".join(filter(None, (text, self.describe_unreported())))

    def describe_unreported(self) -> str:
        """Return some words about calls whose cost never became known; none if there are no such calls."""
        if not self.unreported_calls:
            return ""
        return (
            f"unreported: about {self.unreported:.6f} USD for {_say_calls(self.unreported_calls)}"
        )


def _say_calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


Approval = Callable[[Estimate, float], Estimate]


_PICO = 10**12

_MOST = 1e15
"""USD. An estimate beyond it, as from a server that names nonsense for a cost, is one that nobody can pay, either."""


def _to_pico(estimate: Estimate) -> int:
    return round(min(estimate.amount, _MOST) * _PICO)


class _Reservation(NamedTuple):
    model: str
    """The one that was asked for."""
    estimate: Estimate


class Spend:
    """Sums over the responses to the requests that are made inside its block, through either adapter.

    The block counts in its own context and in all that are copied from it: asyncio tasks, `asyncio.to_thread`, the
    threads of both frameworks. A thread that you start yourself has an empty context: enter the same object there
    again, with `with spend:`. However often it is entered, a response counts once.

    A call that was sent and whose cost does not become known, such as a stream that is left in the middle, counts with
    an estimate, as `unreported`: what the last call of the same model cost, or the average of all of them, whichever is
    more, or else a guess from the length of the request, of a long answer, and of the price of GLM 4.6. A call that was
    refused, or that found no connection, does not count. Each try of a call counts by itself.

    Args:
        log: A file that each call is added to as it ends, as one line of JSON without content and without secrets:
            time, id, model, provider, tokens, cost, seconds, how it ended. `glm-openrouter spend FILE` sums it up. Any
            number of threads and processes may write to one file; a new one can be read by its owner alone.

    Raises:
        InvalidRequestError: The log cannot be written.
    """

    def __init__(self, *, log: str | PathLike[str] | None = None) -> None:
        self.log = None if log is None else CallLog(log)
        self.entries: dict[tuple[str, str], SpendEntry] = {}
        """By model and provider, as the responses name them; else by the model that was asked for, and `""`."""
        self._lock = threading.RLock()
        self._estimates = Estimates()
        self._reserved: dict[object, _Reservation] = {}
        """The calls in flight."""
        self._reserved_pico = 0
        """The sum of their estimates. Nobody has to add up thousands of calls before the next, and whole numbers come
        back to 0 exactly."""
        self._has_warned = False

    @property
    def total(self) -> SpendEntry:
        """The sum over all models and providers."""
        total = SpendEntry()
        with self._lock:
            for entry in self.entries.values():
                for name, value in vars(entry).items():
                    setattr(total, name, getattr(total, name) + value)
        return total

    def __enter__(self) -> Self:
        open_ledger(self)
        return self

    def __exit__(self, *_: object) -> None:
        close_ledger(self)

    def __str__(self) -> str:
        """Return a line for each model at each provider, and one for the total."""
        with self._lock:
            lines = [
                f"{model} at {name or 'an unknown provider'}: {sums}"
                for (model, name), sums in self.entries.items()
            ]
        return "\n".join([*lines, f"Total: {self.total}"])

    def _repr_html_(self) -> str:
        from .sums_table import sums_table  # which a program needs in a notebook alone

        with self._lock:
            caption = self.total.describe_unreported().capitalize()
            return sums_table(self.entries, self.total, caption=caption)

    def plot(self) -> Figure:
        """Return a figure: cost and cached tokens by model and provider; with a log, also speeds, and cost by day.

        With a log it shows all that stands in it, earlier runs included. Costs that nobody told are not in it. It needs
        no display. A notebook shows it; `savefig` writes it.

        Raises:
            ImportError: matplotlib is missing; the message names the extra.
        """
        from .report import read_log_report  # which other programs need not load

        report = self._to_report() if self.log is None else read_log_report(self.log.path)
        return report.plot()

    def _to_report(self) -> LogReport:
        from .log_sums import LogSums
        from .report import LogReport

        def read(entry: SpendEntry) -> LogSums:
            return LogSums(
                calls=entry.calls,
                cost=entry.cost,
                prompt_tokens=entry.prompt_tokens,
                cached_tokens=entry.cached_tokens,
            )

        with self._lock:
            dearest = sorted(self.entries.items(), key=lambda item: (-item[1].cost, item[0]))
            rows = {key: read(entry) for key, entry in dearest}
            return LogReport(rows, {}, read(self.total))

    def add(self, completion: Completion) -> None:
        """Add a response; one without a cost counts as an unreported call."""
        with self._lock:
            self._add(completion, "", read_cost(completion.usage), list_price(completion.usage))

    def reserve(
        self, key: object, call: PlannedCall, approve: Approval = lambda estimate, _: estimate
    ) -> None:
        """Take note that a call is about to be sent, which is known by `key` from now on.

        Args:
            key: Anything that the call is known by.
            call: What is known of it.
            approve: Takes the estimate for it and the USD that are reserved for others, and returns the estimate to
                count it with. It may raise an error; then the call is not counted.
        """
        with self._lock:
            estimate = approve(self._estimates.of(call), self._sum_reserved())
            self._release(key)  # a key that is used again stands for one call
            self._reserved[key] = _Reservation(call.model, estimate)
            self._reserved_pico += _to_pico(estimate)

    @contextmanager
    def committed(self) -> Iterator[float]:
        """The USD that are spent and reserved, which nothing changes inside the block."""
        with self._lock:
            total = self.total
            yield total.cost + total.unreported + self._sum_reserved()

    def settle(self, key: object, bill: Bill | None) -> None:
        """Take note that a call is over; there is no bill if it was not sent or was refused."""
        with self._lock:
            reservation = self._release(key)
            if reservation is None or bill is None:
                return
            model, estimate = reservation
            usage = bill.facts.usage
            so_far = read_cost(usage)
            cost = so_far if bill.final else None
            if bill.facts.cached:
                cost = so_far or 0.0  # however it ended: there is nothing to pay
            guess = list_price(usage) if estimate.is_guess else 0.0
            self._add(bill.facts, model, cost, max(estimate.amount, guess, so_far or 0.0))
            if cost is not None:
                self._estimates.learn(model, cost, complete=bill.complete)

    def add_replay(self, completion: Completion) -> None:
        """Count an answer that came from a journal, for nothing."""
        with self._lock:
            self._entry_of(completion, "").replayed += 1

    def warn_if_unreported(self, completion: Completion) -> None:
        """Warn, once, if a response has usage without a cost."""
        usage = completion.usage
        is_reported = usage is None or completion.cached or read_cost(usage) is not None
        if is_reported or self._has_warned:
            return
        self._has_warned = True
        warnings.warn(
            "A response has usage without a cost, so what was spent is estimated: see `unreported`. "
            "OpenRouter always reports a cost; for another server, tell a `Budget` what a call costs with first_call.",
            UnreportedCostWarning,
            stacklevel=2,
        )

    def _sum_reserved(self) -> float:
        return self._reserved_pico / _PICO

    def _release(self, key: object) -> _Reservation | None:
        reservation = self._reserved.pop(key, None)
        if reservation is not None:
            self._reserved_pico -= _to_pico(reservation.estimate)
        return reservation

    def _entry_of(self, completion: Completion, model: str) -> SpendEntry:
        key = (completion.model or model, completion.provider or "")
        return self.entries.setdefault(key, SpendEntry())

    def _add(self, completion: Completion, model: str, cost: float | None, estimate: float) -> None:
        """Add a response of `model`, with an `estimate` if there is no cost."""
        usage = completion.usage or Usage()
        prompt, answer = usage.prompt_tokens_details, usage.completion_tokens_details
        entry = self._entry_of(completion, model)
        entry.calls += 1
        entry.prompt_tokens += read_count(usage.prompt_tokens)
        entry.completion_tokens += read_count(usage.completion_tokens)
        entry.cached_tokens += read_count(prompt and prompt.cached_tokens)
        entry.reasoning_tokens += read_count(answer and answer.reasoning_tokens)
        entry.cached_calls += bool(completion.cached)
        if cost is not None:
            entry.cost += cost
        else:
            entry.unreported_calls += 1
            entry.unreported += estimate


def track_spend(*, log: str | PathLike[str] | None = None) -> Spend:
    """Return a new `Spend`, which sums up what is spent inside its `with` block.

    Args:
        log: A file that each call is added to as it ends: see `Spend`.

    Raises:
        InvalidRequestError: The log cannot be written.
    """
    return Spend(log=log)
