"""One answer of the model within the limits of a request, cut into tokens and priced."""

import json
import re
import secrets
import string
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from glm_openrouter.testing._answers.answer import Answer, ErrorAnswer
from glm_openrouter.testing._answers.prompt import Call

from .catalogue import Endpoint
from .prompt_size import TOKENS_PER_MESSAGE, PromptSize
from .tokens import split_tokens

__all__ = ["Generation", "PromptCache", "ToolCall", "generate", "new_id"]

_ALPHABET: Final = string.ascii_letters + string.digits
_TOKENS_PER_CALL: Final = 6


@dataclass(frozen=True)
class ToolCall:
    """A tool call as it goes out; arguments that the limit cut off are not JSON."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Generation:
    """An answer with all that the wire says about it."""

    id: str
    created: int
    model: str
    endpoint: Endpoint
    reasoning: tuple[str, ...]
    """Tokens of the reasoning; empty if the model did not think or the request hides it."""
    content: tuple[str, ...]
    calls: tuple[ToolCall, ...]
    finish_reason: str
    prompt_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    completion_tokens: int
    error: ErrorAnswer | None = None
    """What ended the answer too early."""

    @property
    def cost(self) -> float:
        """What the answer costs, in USD."""
        return self.prompt_cost + self.completion_cost

    @property
    def prompt_cost(self) -> float:
        """What reading the prompt costs."""
        fresh = self.prompt_tokens - self.cached_tokens
        price = fresh * self.endpoint.prompt_price
        return round((price + self.cached_tokens * self.endpoint.cached_price) / 1e6, 10)

    @property
    def completion_cost(self) -> float:
        """What writing the answer costs."""
        return round(self.completion_tokens * self.endpoint.completion_price / 1e6, 10)


class PromptCache:
    """Remembers the beginnings of prompts, message by message."""

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._lock = Lock()

    def count(self, prompt: PromptSize) -> int:
        """Return how many tokens of a prompt an earlier one began with."""
        with self._lock:
            cached = self._look_up(prompt)
        # The end of a prompt is always read anew.
        return min(cached, prompt.total - TOKENS_PER_MESSAGE)

    def _look_up(self, prompt: PromptSize) -> int:
        total = cached = chain = 0
        is_prefix = True
        for segment, tokens in zip(prompt.segments, prompt.tokens, strict=True):
            chain = hash((chain, segment))
            is_prefix = is_prefix and chain in self._seen
            total += tokens
            cached = total if is_prefix else cached
            self._seen[chain] = None
            self._seen.move_to_end(chain)
        while len(self._seen) > self._size:
            self._seen.popitem(last=False)
        return cached


@dataclass
class _TokenBudget:
    limit: int
    spent: int = 0
    fell_short: bool = False
    """Whether it could not pay for all that was to be said."""

    def take(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """Return as many of the tokens as the budget pays for."""
        kept = tuple(tokens[: self.limit - self.spent])
        self.spent += len(kept)
        self.fell_short |= len(kept) < len(tokens)
        return kept


def new_id() -> str:
    """Return the id of a generation that begins now."""
    return f"gen-{int(time.time())}-{''.join(secrets.choice(_ALPHABET) for _ in range(20))}"


def generate(
    body: Mapping[str, Any],
    answer: Answer | ErrorAnswer,
    model: str,
    endpoint: Endpoint,
    prompt: PromptSize,
    cache: PromptCache,
) -> Generation:
    """Return the answer to a checked request, or what came of it before an error."""
    error = answer if isinstance(answer, ErrorAnswer) else None
    said = answer if isinstance(answer, Answer) else Answer(answer.partial_text)
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    budget = _TokenBudget(limit or endpoint.max_completion_tokens)
    thinks, is_hidden = _thinking(body)
    reasoning = budget.take(split_tokens(said.reasoning) if thinks else [])
    text, is_stopped = _cut_at_stop(said.text, body.get("stop"))
    content = budget.take(split_tokens(text))
    calls = () if is_stopped else _write_calls(said.tool_calls, budget)
    finish_reason = "length" if budget.fell_short else "tool_calls" if calls else "stop"
    return Generation(
        id=new_id(),
        created=int(time.time()),
        model=model,
        endpoint=endpoint,
        reasoning=() if is_hidden else reasoning,
        content=content,
        calls=calls,
        finish_reason="error" if error else finish_reason,
        prompt_tokens=prompt.total,
        cached_tokens=cache.count(prompt),
        reasoning_tokens=len(reasoning),
        completion_tokens=budget.spent,
        error=error,
    )


def _write_calls(calls: Sequence[Call], budget: _TokenBudget) -> tuple[ToolCall, ...]:
    """Return the calls that the budget pays for; the last one may be cut off."""
    written = (_write_call(call, budget) for call in calls)
    return tuple(call for call in written if call is not None)


def _write_call(call: Call, budget: _TokenBudget) -> ToolCall | None:
    name = budget.take([call.name, *[""] * (_TOKENS_PER_CALL - 1)])
    if not name:
        return None
    arguments = call.raw_arguments
    if arguments is None:
        arguments = json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"))
    written = "".join(budget.take(split_tokens(arguments)))
    return ToolCall(call.id or f"call_{secrets.token_hex(12)}", call.name, written)


def _thinking(body: Mapping[str, Any]) -> tuple[bool, bool]:
    """Return whether the model thinks, as GLM does by default, and whether that is hidden."""
    reasoning = body.get("reasoning") or {}
    effort = reasoning.get("effort") or body.get("reasoning_effort")
    thinks = reasoning.get("enabled") is not False and effort != "none"
    return thinks, bool(reasoning.get("exclude")) or body.get("include_reasoning") is False


def _cut_at_stop(text: str, stop: str | list[str] | None) -> tuple[str, bool]:
    """Return the text before the first stop sequence, and whether there was one."""
    sequences = [stop] if isinstance(stop, str) else list(stop or ())
    pattern = "|".join(re.escape(sequence) for sequence in sequences if sequence)
    # The line feed that GLM begins with stops nothing.
    start = len(text) - len(text.lstrip("\n"))
    match = re.compile(pattern).search(text, start) if pattern else None
    return (text[: match.start()], True) if match else (text, False)
