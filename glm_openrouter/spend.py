"""What requests have cost, from the usage that OpenRouter reports with each response."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from .types import Completion

__all__ = ["Spend", "SpendEntry", "track_spend"]


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


@dataclass
class Spend:
    """Sums over the responses that were finished while it was tracked."""

    entries: dict[tuple[str, str], SpendEntry] = field(default_factory=dict)
    """By model and provider, as the responses name them."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def total(self) -> SpendEntry:
        """The sum over all models and providers."""
        total = SpendEntry()
        for entry in list(self.entries.values()):
            for name, value in vars(entry).items():
                setattr(total, name, getattr(total, name) + value)
        return total

    def add(self, completion: Completion) -> None:
        """Add a finished response; one without usage counts as a call."""
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


_active: ContextVar[tuple[Spend, ...]] = ContextVar("glm_openrouter_spend", default=())


@contextmanager
def track_spend() -> Iterator[Spend]:
    """Sum up what is spent inside the block, by both adapters, in this context and those that are copied from it."""
    spend = Spend()
    token = _active.set((*_active.get(), spend))
    try:
        yield spend
    finally:
        _active.reset(token)


def record(completion: Completion) -> None:
    """Add a finished response to all that is tracked here."""
    for spend in _active.get():
        spend.add(completion)
