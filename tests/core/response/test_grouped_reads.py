"""One increment for one read: what comes together goes out together, and makes no difference to the completion."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_openrouter import REPAIRS, APIError, Completion, Delta
from glm_openrouter._response.parser import ResponseParser
from glm_openrouter._response.repairs import Repairs
from glm_openrouter._response.sse import ResponseDecoder
from glm_openrouter._response.stop import StopSequences
from support.parsing import assemble, joined
from support.samples import ANSWER_WITH_EVERYTHING, SCHEMAS
from support.wire import (
    MODEL,
    call,
    calls,
    chunk,
    details,
    error,
    event_stream,
    finishes,
    says,
    thinks,
    uses,
)

LEAK = "\n<tool_call>tide\n<arg_key>x</arg_key>\n<arg_value>1</arg_value>\n</tool_call>\n"


def token(text: str) -> dict:
    """A word with its log probability."""
    payload = says(text)
    payload["choices"][0]["logprobs"] = {"content": [{"token": text, "logprob": -0.5}]}
    return payload


MARKERS = ["<think>", "</think>", "<tool_call>", "tide\n", "</tool_call>", LEAK, "`", "STOP", "ST"]
WORDS = st.sampled_from(["a", " b", "\n", "ß", "OP", *MARKERS])
CALLS = st.builds(
    call,
    st.sampled_from(["tide", "find_berth", None]),
    st.sampled_from(["", "{", "}", '{"a": 1}', '"a": 1', None]),
    st.sampled_from([0, 0, 1, None]),
    st.sampled_from([None, "call_a", "call_b"]),
)
CHUNKS = st.one_of(
    st.builds(says, WORDS),
    st.builds(says, WORDS),
    st.builds(thinks, WORDS),
    st.builds(token, WORDS),
    st.builds(calls, CALLS),
    st.builds(calls, CALLS, CALLS),
    st.builds(lambda text, word: chunk({"content": text, "reasoning": word}), WORDS, WORDS),
    st.builds(lambda text: details({"type": "reasoning.text", "text": text, "index": 0}), WORDS),
    st.builds(lambda text: chunk({"content": text}, None, usage={"cost": 1}), WORDS),
    st.sampled_from(
        [
            chunk({"content": ""}),
            uses("C"),
            finishes("stop"),
            finishes("length"),
            finishes("tool_calls"),
            error(502),
            "not JSON",
        ]
    ),
)
STREAMS = st.tuples(
    st.lists(CHUNKS, max_size=12), st.sampled_from([[], [finishes("stop")], [finishes("length")]])
).map(lambda parts: [*parts[0], *parts[1]])


def read(pieces: list[bytes], stop: list[str]) -> tuple[list[Delta], Completion | str]:
    """Return the increments, and the completion or the error."""
    parser = ResponseParser(
        ResponseDecoder(),
        Repairs(frozenset(REPAIRS), SCHEMAS, stop=stop),
        MODEL,
        StopSequences.of(stop),
    )
    deltas: list[Delta] = []
    try:
        for piece in pieces:
            deltas += parser.feed(piece)
            if parser.done:
                break
        deltas += parser.flush()
    except APIError as failure:
        return deltas, f"{failure!r} {failure.partial_text} {failure.partial_reasoning}"
    assert parser.completion is not None
    return deltas, parser.completion


def comparable(end: Completion | str) -> object:
    """Return what two readings must have in common; ids that had to be made up differ each time."""
    if isinstance(end, str):
        return end
    for made in end.tool_calls:
        if len(made.id) == 37:
            made.id = "made up"
    return end


def texts(deltas: list[Delta]) -> tuple[str, str, dict]:
    """Return the text, the reasoning, and the arguments of each call, as a reader has them in the end."""
    text, reasoning = "", ""
    arguments: dict[int | None, str] = {}
    for delta in deltas:
        if delta.text_was_reasoning:
            text, reasoning = "", reasoning + text
        text += delta.text
        reasoning += delta.reasoning
        for part in delta.tool_calls:
            arguments[part.index] = arguments.get(part.index, "") + part.arguments
    return text, reasoning, arguments


@pytest.mark.filterwarnings("ignore::glm_openrouter.EmptyResponseWarning")
@given(STREAMS, st.data(), st.sampled_from([[], [], ["STOP"]]))
def test_any_grouping_of_reads_gives_the_same_completion(payloads, data, stop):
    written = [*(event_stream(payload, done=False) for payload in payloads), event_stream()]
    cuts = data.draw(st.lists(st.integers(0, len(written)), max_size=6))
    groups = [b"".join(written[a:b]) for a, b in pairwise(sorted({0, len(written), *cuts}))]
    alone, end = read(written, stop)
    together, same_end = read(groups, stop)

    assert comparable(end) == comparable(same_end)
    assert texts(alone) == texts(together)
    assert len(together) <= len(alone)


@given(st.lists(st.integers(0, len(ANSWER_WITH_EVERYTHING)), max_size=8))
def test_cuts_within_an_event_make_no_difference(cuts):
    body = ANSWER_WITH_EVERYTHING
    pieces = [body[a:b] for a, b in pairwise(sorted({0, len(body), *cuts}))]
    deltas, completion = read(pieces, [])

    assert completion == read([body], [])[1]
    assert texts(deltas) == texts(read([body], [])[0])


def test_what_comes_with_one_read_is_one_increment():
    whole = event_stream(
        thinks("Hm, "), thinks("hm."), says("Pier "), says("two."), calls(call("tide", "{}", 0)),
        finishes("tool_calls"),
    )  # fmt: skip
    deltas, _ = assemble(whole)

    (delta, late) = deltas
    assert (delta.reasoning, delta.text) == ("Hm, hm.", "Pier two.")
    assert [part.name for part in delta.tool_calls] == ["tide"]
    assert not late.text  # only an id that had to be made up


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (says("a"), thinks("b")),
        (calls(call("tide", "{}", 0, "c")), says("b")),
        (calls(call("tide", "{}", 0, "c")), thinks("b")),
    ],
    ids=["reasoning after text", "text after calls", "reasoning after calls"],
)
def test_what_would_change_its_place_begins_another_increment(first, second):
    deltas, _ = assemble(event_stream(first, second, finishes()))

    assert len(deltas) == 2


def test_each_read_gives_its_increment_at_once():
    parser = ResponseParser(ResponseDecoder(), Repairs((), {}), MODEL)
    reads = [event_stream(says(text), done=False) for text in ("a", "b", "c")]

    assert [[delta.text for delta in parser.feed(data)] for data in reads] == [["a"], ["b"], ["c"]]


def test_log_probabilities_of_joined_words_are_all_there():
    deltas, completion = assemble(event_stream(token("a"), says("-"), token("b"), finishes()))

    (delta,) = deltas
    assert [entry["token"] for entry in delta.logprobs["content"]] == ["a", "b"]
    assert completion.logprobs == delta.logprobs


def test_the_increment_keeps_its_log_probabilities_when_more_come():
    deltas, _ = assemble(
        [event_stream(token("a"), token("b"), done=False), event_stream(token("c"), finishes())]
    )

    assert [len(delta.logprobs["content"]) for delta in deltas] == [2, 1]


def test_fragments_of_a_call_are_joined_and_its_id_comes_once():
    fragments = [calls(call(None, text, 0)) for text in ('{"a"', ": ", "1}")]
    deltas, _ = assemble(
        event_stream(calls(call("tide", "", 0, "call_1")), *fragments, finishes("tool_calls"))
    )

    (delta,) = deltas
    (part,) = delta.tool_calls
    assert (part.id, part.name, json.loads(part.arguments)) == ("call_1", "tide", {"a": 1})


def test_fragments_of_two_calls_stay_two():
    first, second = calls(call("tide", "{}", 0, "a")), calls(call("tide", "{}", 1, "b"))
    deltas, _ = assemble(event_stream(first, second, finishes("tool_calls")))

    assert [(part.index, part.id) for part in deltas[0].tool_calls] == [(0, "a"), (1, "b")]


def test_usage_after_a_stop_sequence_in_the_same_bytes_does_not_count():
    _, end = read([event_stream(says("Pier STOP"), uses("C"))], ["STOP"])

    assert (end.text, end.usage) == ("Pier ", None)


def test_an_error_after_a_stop_sequence_in_the_same_bytes_does_not_count():
    _, end = read([event_stream(says("Pier ST"), says("OP"), error(502))], ["STOP"])

    assert (end.text, end.finish_reason) == ("Pier ", "stop")


def test_thought_that_was_held_back_is_refiled_beside_a_tool_call():
    held = "Hm.\n<tool_call>ti"
    deltas, completion = assemble(
        event_stream(
            says(held), says("</think>"), calls(call("tide", "{}", 0, "a")), finishes("tool_calls")
        ),
        tools=SCHEMAS,
    )

    assert (completion.text, completion.reasoning) == ("", held)
    assert joined(deltas)[:2] == ("", held)
