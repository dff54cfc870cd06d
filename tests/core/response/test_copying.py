"""What has come is not copied again with each increment, and a page of an error is read once.

How the work of the rest grows is counted in `tests/growth`. Here the values that are sent count how often they are
copied, because C copies them.
"""

import pytest
from fuzz.watch import limited

from glm_openrouter import Delta, ToolCallDelta
from glm_openrouter._response.accumulator import ChatAccumulator
from glm_openrouter._response.chunks import WireMessage
from glm_openrouter._response.failures import error_from_body, error_from_envelope
from glm_openrouter._response.tool_calls import merge_by_index


class Counted(str):
    """A text that counts the characters which are copied by adding to it."""

    __slots__ = ()
    copied = 0

    def __add__(self, other):
        return Counted._add(self, other)

    def __radd__(self, other):
        return Counted._add(other, self)

    @staticmethod
    def _add(before, after):
        Counted.copied += len(before) + len(after)
        return Counted(str(before) + str(after))


@pytest.fixture
def copied():
    Counted.copied = 0
    return lambda: Counted.copied


def test_parts_of_a_call_in_one_increment_are_joined_once(copied):
    parts = [ToolCallDelta(0, None, None, Counted("a")) for _ in range(100)]

    assert merge_by_index(parts)[0].arguments == "a" * 100
    assert copied() == 0


def test_parts_of_a_refusal_are_joined_once(copied):
    accumulator = ChatAccumulator()
    for _ in range(100):
        accumulator.feed_extras(WireMessage(refusal=Counted("a")), is_complete=False)

    assert accumulator.build().refusal == "a" * 100
    assert copied() == 0


def test_log_probabilities_are_kept_in_one_list():
    accumulator = ChatAccumulator()
    increments = [{"content": [{"token": str(at)}]} for at in range(3)]
    accumulator.feed(Delta(logprobs=increments[0]))
    kept = accumulator.completion.logprobs["content"]
    for increment in increments[1:]:
        accumulator.feed(Delta(logprobs=increment))

    assert accumulator.build().logprobs["content"] is kept
    assert [entry["token"] for entry in kept] == ["0", "1", "2"]
    assert [len(increment["content"]) for increment in increments] == [1, 1, 1]


def test_details_without_a_second_fragment_are_not_copied():
    accumulator = ChatAccumulator()
    sent = [{"type": "reasoning.text", "text": "Hm.", "index": at} for at in range(3)]
    accumulator.feed_extras(WireMessage(reasoning_details=sent), is_complete=False)

    assert all(
        kept is came for kept, came in zip(accumulator.build().reasoning_details, sent, strict=True)
    )


def test_details_that_are_merged_leave_what_came_as_it_was():
    accumulator = ChatAccumulator()
    sent = [{"type": "reasoning.text", "text": "Hm.", "index": 0} for _ in range(3)]
    for entry in sent:
        accumulator.feed_extras(WireMessage(reasoning_details=[entry]), is_complete=False)

    assert accumulator.build().reasoning_details[0]["text"] == "Hm.Hm.Hm."
    assert [entry["text"] for entry in sent] == ["Hm."] * 3


PAGES = {
    "tags that do not end": "<html>" + "<" * 250_000,
    "titles that do not end": "<title>" * 37_500,
    "titles without a bracket": "<html>" + "<title" * 42_500,
}


@pytest.mark.parametrize("shape", PAGES)
def test_an_error_page_of_any_shape_is_read_in_time(shape):
    page = PAGES[shape]
    with limited(
        5
    ):  # where the time is quadratic, 250 KB take a minute; a quarter of a second is usual
        error_from_body(page.encode(), 402, {}, {})
        metadata = {"raw": page, "reasons": [page] * 30}
        error_from_envelope({"error": {"message": page, "metadata": metadata}}, {})
