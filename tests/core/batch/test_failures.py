"""What a row that failed says, and which errors are no row's."""

import asyncio
import json

import pytest
from langchain_core.messages import AIMessage

from glm_openrouter import (
    AuthenticationError,
    BudgetExceededError,
    PaymentRequiredError,
    RateLimitError,
    StoreError,
    StreamInterruptedError,
    StructuredOutputError,
)
from glm_openrouter.batch import answer_row, describe_failure, find_fatal

SPENT = BudgetExceededError("Spent.", limit=1, spent=1, estimate=1)
REFUSED = AuthenticationError("No such key.", status_code=401)


def raising(error):
    async def call(row):
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            RateLimitError("Slow.", status_code=429, retryable=True, raw="busy"),
            {
                "type": "RateLimitError",
                "message": "Slow.",
                "retryable": True,
                "status_code": 429,
                "raw": "busy",
            },
        ),
        (
            StructuredOutputError("No.", AIMessage("Left.")),
            {"type": "StructuredOutputError", "status_code": None, "raw": "Left."},
        ),
        (
            StreamInterruptedError("Gone.", partial_text="Pier "),
            {"raw": "Pier ", "retryable": True},
        ),
        (KeyError("text"), {"type": "KeyError", "message": "'text'", "raw": None}),
        (StructuredOutputError("No.", {"a": 1}), {"raw": "{'a': 1}"}),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_failure_says_what_the_error_said(error, said):
    answered = await answer_row(raising(error), {})

    assert answered.answer is None
    assert answered.error is not None
    assert answered.error == {**answered.error, **said}
    assert json.loads(json.dumps(answered.error)) == describe_failure(error)


@pytest.mark.parametrize(
    "error",
    [REFUSED, PaymentRequiredError("Empty.", status_code=402), SPENT, StoreError("Full.")],
    ids=repr,
)
async def test_what_would_fail_all_rows_fails_none(error):
    with pytest.raises(type(error)):
        await answer_row(raising(error), {})


async def test_a_framework_may_have_wrapped_what_is_fatal():
    wrapped = ExceptionGroup("Two steps failed.", [ValueError("No."), RuntimeError("Workflow.")])
    wrapped.exceptions[1].__cause__ = SPENT

    assert find_fatal(wrapped) is SPENT
    with pytest.raises(BudgetExceededError):
        await answer_row(raising(wrapped), {})


async def test_causes_in_a_circle_end():
    first, second = ValueError("1"), ValueError("2")
    first.__cause__, second.__cause__ = second, first

    assert find_fatal(first) is None


async def test_a_cancelled_row_is_no_failure():
    with pytest.raises(asyncio.CancelledError):
        await answer_row(raising(asyncio.CancelledError()), {})
