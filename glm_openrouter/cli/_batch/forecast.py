"""What a job will ask and cost, before anything is sent that costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from glm_openrouter import ChatRequest, EndpointInfo, InvalidRequestError, Pricing
from glm_openrouter.request.parameters import thinks
from glm_openrouter.tokens import count_prompt_tokens

from .job import Job
from .output import State
from .rows import Rows, Survey
from .tally import say_usd

__all__ = ["describe_costs", "describe_questions"]

_COUNTED = 2_000
"""Rows whose tokens are counted, about; they stand for the others."""


class _Range(NamedTuple):
    """The lowest and the highest of some amounts."""

    low: float
    high: float

    def times(self, factor: float) -> _Range:
        return _Range(self.low * factor, self.high * factor)

    def plus(self, other: _Range) -> _Range:
        return _Range(self.low + other.low, self.high + other.high)

    def __str__(self) -> str:
        low, high = say_usd(self.low), say_usd(self.high)
        return low if low == high else f"{low} to {high}"


def describe_questions(job: Job, survey: Survey) -> Iterator[str]:
    """Yield the questions about the first rows, as they will be sent."""
    for row in survey.first:
        yield f"--- {row['id']}"
        for message in job.request(row).messages:
            yield f"[{message['role']}] {message['content']}"
        yield ""


def describe_costs(
    job: Job, rows: Rows, survey: Survey, state: State, endpoints: Sequence[EndpointInfo]
) -> Iterator[str]:
    """Yield what the rows that are left will cost, as far as that can be told."""
    left = survey.total - survey.done
    yield f"{survey.total:,} rows, {survey.done:,} of them done: {left:,} are left."
    request = job.request(survey.first[0])
    each = _count_tokens(job, rows, survey.total)
    tokens = each * left
    yield f"Their questions have about {each:,.0f} tokens each, {tokens:,.0f} in all."
    prompt = _prices(endpoints, lambda pricing: pricing.prompt)
    answer = _prices(endpoints, lambda pricing: pricing.completion)
    if prompt is None or answer is None:
        yield f"OpenRouter names no price for {request.model}."
        return
    yield f"{request.model} now costs {prompt} USD per million tokens of questions, {answer} of answers."
    yield from _describe_sums(prompt.times(tokens / 1e6), answer.times(left / 1e6), request)
    if state.paid:
        cost = state.cost / state.paid
        yield f"By what {state.paid:,} rows have cost so far, {say_usd(cost)} USD each: {say_usd(cost * left)} USD."
    else:
        yield "For a better figure, run it with --limit 20: the next --dry-run goes by what these cost."


def _describe_sums(questions: _Range, answer_token: _Range, request: ChatRequest) -> Iterator[str]:
    yield f"Questions: {questions} USD."
    thoughts = ", thoughts included" if thinks(request) else ""
    for tokens in (100, 1000):
        total = questions.plus(answer_token.times(tokens))
        yield f"In all, if an answer has {tokens:,} tokens{thoughts}: {total} USD."
    if request.max_tokens:
        total = questions.plus(answer_token.times(request.max_tokens))
        yield f"In all, at most, by --max-tokens {request.max_tokens:,}: {total} USD."


def _count_tokens(job: Job, rows: Rows, count: int) -> float:
    """Return how many tokens a question has on average."""
    counts = []
    for row in islice(rows, 0, None, max(1, count // _COUNTED)):
        try:
            request = job.request(row)
        except InvalidRequestError:  # a row without one of the columns will fail, and cost nothing
            continue
        counts.append(count_prompt_tokens(request.messages, thinking=thinks(request)))
    return sum(counts) / len(counts) if counts else 0.0


def _prices(
    endpoints: Sequence[EndpointInfo], price: Callable[[Pricing], float | None]
) -> _Range | None:
    """Return the range of a price over the endpoints that are up."""
    up = [each.pricing for each in endpoints if each.pricing and (each.status or 0) >= 0]
    prices = [amount for pricing in up if (amount := price(pricing)) is not None]
    return _Range(min(prices), max(prices)) if prices else None
