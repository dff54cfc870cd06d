"""What requests have cost, from the usage that OpenRouter reports with each response."""

import threading
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Self

from .types import Completion

__all__ = ["Spend", "SpendEntry", "open_ledgers", "track_spend"]


@dataclass
class SpendEntry:
    """The sums for one model at one provider."""

    calls: int = 0
    prompt_tokens: int = 0
    """Including cached ones."""
    completion_tokens: int = 0
    """Including reasoning."""
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float = 0.0
    """USD."""

    @property
    def cache_hit_rate(self) -> float:
        """The share of the prompt tokens that came from a cache, from 0 to 1."""
        return self.cached_tokens / self.prompt_tokens if self.prompt_tokens else 0.0

    def __str__(self) -> str:
        calls = "1 call" if self.calls == 1 else f"{self.calls:,} calls"
        return (
            f"{self.cost:.6f} USD, {calls}, {self.prompt_tokens:,} prompt tokens "
            f"({self.cache_hit_rate:.0%} cached), {self.completion_tokens:,} completion tokens "
            f"({self.reasoning_tokens:,} of reasoning)"
        )


class Spend:
    """Sums over the responses to the requests that are made inside its block, through either adapter.

    The block counts in its own context and in all that are copied from it: asyncio tasks, `asyncio.to_thread`, the
    threads of both frameworks. A thread that you start yourself has an empty context: enter the same object there
    again, with `with spend:`. However often it is entered, a response counts once.

    A stream that is stopped before its usage arrives is not counted: its cost is never reported.
    """

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], SpendEntry] = {}
        """By model and provider, as the responses name them."""
        self._lock = threading.RLock()

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
        _open.set((*_open.get(), self))
        return self

    def __exit__(self, *_: object) -> None:
        ledgers = _open.get()
        if self in ledgers:  # not if the block ends in another context, as that of a fixture may
            at = ledgers.index(self)
            _open.set(ledgers[:at] + ledgers[at + 1 :])

    def __str__(self) -> str:
        """Return a line for each model at each provider, and one for the total."""
        with self._lock:
            lines = [f"{model} at {name}: {sums}" for (model, name), sums in self.entries.items()]
        return "\n".join([*lines, f"Total: {self.total}"])

    def add(self, completion: Completion) -> None:
        """Add a response; one without usage counts as a call."""
        usage = completion.usage
        with self._lock:
            key = (completion.model or "", completion.provider or "")
            entry = self.entries.setdefault(key, SpendEntry())
            entry.calls += 1
            if usage is None:
                return
            prompt, written = usage.prompt_tokens_details, usage.completion_tokens_details
            entry.prompt_tokens += int(usage.prompt_tokens or 0)
            entry.completion_tokens += int(usage.completion_tokens or 0)
            entry.cached_tokens += int((prompt and prompt.cached_tokens) or 0)
            entry.reasoning_tokens += int((written and written.reasoning_tokens) or 0)
            entry.cost += usage.cost or 0.0

    def reserve(self, call: object, model: str) -> None:
        """Take note that `call` is about to be sent; a ledger with a limit may forbid it."""

    def settle(self, call: object, completion: Completion | None) -> None:  # noqa: ARG002 -- for ledgers that reserve
        """Take note that `call` is over, with its response if it was billed for one."""
        if completion is not None:
            self.add(completion)


def track_spend() -> Spend:
    """Return a new `Spend`, which sums up what is spent inside its `with` block."""
    return Spend()


_open: ContextVar[tuple[Spend, ...]] = ContextVar("glm_openrouter_spend", default=())


def open_ledgers() -> set[Spend]:
    """Return every `Spend` and `Budget` whose block is open here, each once."""
    return set(_open.get())
