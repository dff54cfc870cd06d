"""Whatever comes, the outcome is a completion or an `APIError`, and cuts change nothing."""

import json
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glm_openrouter import Completion, EmptyResponseWarning
from support.damage import COMPLETE, DOCUMENTS, STREAMS, changed, outcome, paths_of
from support.exchanges import EXCHANGES
from support.parsing import assemble, assert_joined, facts
from support.samples import ANSWER_WITH_EVERYTHING, SCHEMAS
from support.wire import (
    chunk,
    event_stream,
    finishes,
)

# The longest take long, and hold nothing else.
SHORT = {name: each for name, each in EXCHANGES.items() if len(each.body) < 40_000}


def payloads_of(exchange):
    """What came back, as JSON."""
    if not exchange.is_stream:
        return json.loads(exchange.body)
    lines = exchange.body.decode().splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


OTHER_VALUES = [
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    1e300,
    "",
    "odd",
    "429",
    [],
    ["odd"],
    {},
    {"odd": [1]},
]
odd_values = st.sampled_from(OTHER_VALUES) | st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_any_part_of_a_body_may_be_missing(document):
    for path in paths_of(document):
        outcome(json.dumps(changed(document, path)).encode())


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
@pytest.mark.parametrize("value", OTHER_VALUES, ids=repr)
def test_any_part_of_a_body_may_be_of_another_type(document, value):
    for path in paths_of(document):
        outcome(json.dumps(changed(document, path, value)).encode())


@pytest.mark.parametrize("chunks", STREAMS.values(), ids=STREAMS)
def test_any_part_of_a_stream_may_be_missing(chunks):
    for path in paths_of(chunks):
        if path:
            outcome(event_stream(*changed(chunks, path)), tools=SCHEMAS)


@pytest.mark.parametrize("chunks", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("value", OTHER_VALUES, ids=repr)
def test_any_part_of_a_stream_may_be_of_another_type(chunks, value):
    for path in paths_of(chunks):
        if path:
            texts = [json.dumps(sent) for sent in changed(chunks, path, value)]
            outcome(event_stream(*texts), tools=SCHEMAS)


@pytest.mark.parametrize("key", ["usage", "created", "id", "model", "provider"])
@pytest.mark.parametrize("value", OTHER_VALUES, ids=repr)
def test_a_fact_of_another_type_does_not_cost_the_text(key, value):
    found = outcome(json.dumps(COMPLETE | {key: value}).encode())

    assert found.text == "Pier two."
    assert [made.parsed for made in found.tool_calls] == [{"harbour": "Oslo"}, {}]


@given(st.data())
def test_several_parts_may_be_odd_at_once(data):
    chunks = STREAMS[data.draw(st.sampled_from(sorted(STREAMS)))]
    for _ in range(data.draw(st.integers(1, 4))):
        places = [path for path in paths_of(chunks) if path]
        if places:
            path = data.draw(st.sampled_from(places))
            chunks = changed(chunks, path, data.draw(st.just(...) | odd_values))

    outcome(event_stream(*[json.dumps(sent) for sent in chunks]), tools=SCHEMAS)


@given(st.data())
def test_a_response_may_be_odd_and_cut_anywhere(data):
    exchange = SHORT[data.draw(st.sampled_from(sorted(SHORT)))]
    document, streamed = payloads_of(exchange), exchange.is_stream
    for _ in range(data.draw(st.integers(0, 3))):
        path = data.draw(st.sampled_from([path for path in paths_of(document) if path] or [()]))
        document = changed(document, path, data.draw(st.just(...) | odd_values))
    sent = event_stream(*map(json.dumps, document)) if streamed else json.dumps(document).encode()
    places = data.draw(st.lists(st.integers(0, len(sent)), max_size=6))
    ends = [*sorted(places), len(sent)]
    pieces = [sent[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    whole, cut = (outcome(read, tools=SCHEMAS) for read in (sent, pieces))
    if isinstance(whole, Completion):
        assert facts(cut) == facts(whole)
    else:
        assert (type(cut), str(cut)) == (type(whole), str(whole))


@given(st.lists(odd_values.map(json.dumps) | st.text(max_size=20), max_size=4))
def test_anything_may_be_an_event(payloads):
    outcome(event_stream(*payloads))


@given(st.binary(max_size=80))
def test_anything_may_be_a_body(data):
    outcome(data)


@given(st.binary(max_size=8), st.integers(0, 10_000), st.booleans())
def test_bytes_may_be_damaged(damage, at, whole):
    data = json.dumps(COMPLETE).encode() if whole else ANSWER_WITH_EVERYTHING
    at %= len(data)

    outcome(data[:at] + damage + data[at + len(damage) :], tools=SCHEMAS)


def test_a_stream_may_end_anywhere_and_no_call_runs_with_half_arguments():
    expected = [{"harbour": "Skagen ⚓", "length": 12}, {}]
    for at in range(len(ANSWER_WITH_EVERYTHING)):
        found = outcome(ANSWER_WITH_EVERYTHING[:at])

        if isinstance(found, Completion):
            assert [made.parsed for made in found.tool_calls] == expected


@pytest.mark.parametrize("chunks", STREAMS.values(), ids=STREAMS)
def test_any_stream_may_be_cut_in_two_anywhere(chunks):
    data = event_stream(*chunks)
    plain = outcome(data, tools=SCHEMAS)
    for at in range(1, len(data)):
        found = outcome([data[:at], data[at:]], tools=SCHEMAS)

        if isinstance(plain, Completion):
            assert facts(found) == facts(plain)
        else:
            assert (type(found), str(found), found.details) == (
                type(plain),
                str(plain),
                plain.details,
            )


@given(st.lists(st.integers(0, len(ANSWER_WITH_EVERYTHING)), max_size=40))
def test_any_stream_may_be_cut_into_any_pieces(places):
    ends = [*sorted(places), len(ANSWER_WITH_EVERYTHING)]
    pieces = [
        ANSWER_WITH_EVERYTHING[start:end] for start, end in zip([0, *ends], ends, strict=False)
    ]
    _, plain = assemble(ANSWER_WITH_EVERYTHING)
    deltas, completion = assemble(pieces)

    assert facts(completion) == facts(plain)
    assert_joined(deltas, completion)


words = st.text(st.characters(codec="utf-8"), max_size=6)
deltas = st.fixed_dictionaries(
    {},
    optional={
        "content": words | st.none(),
        "reasoning": words | st.none(),
        "tool_calls": st.lists(
            st.fixed_dictionaries(
                {
                    "function": st.fixed_dictionaries(
                        {}, optional={"arguments": words, "name": words}
                    )
                },
                optional={"index": st.integers(0, 2), "id": words},
            ),
            max_size=2,
        ),
    },
)


@settings(max_examples=150)
@given(st.lists(deltas, max_size=8), st.lists(st.integers(0, 5000), max_size=5))
def test_increments_add_up_to_the_completion(sent, places):
    data = event_stream(*map(chunk, sent), finishes())
    ends = [*sorted(place % len(data) for place in places), len(data)]
    pieces = [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyResponseWarning)
        given_out, completion = assemble(pieces, tools=SCHEMAS)

    assert_joined(given_out, completion)


@given(st.lists(deltas, max_size=6))
def test_ids_of_calls_are_unique_whatever_comes(sent):
    _, completion = assemble(event_stream(*map(chunk, sent), finishes()), tools=SCHEMAS)
    ids = [made.id for made in completion.tool_calls]

    assert all(ids)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("opener", ['{"error":', '{"usage":', '{"surprise":'])
def test_an_object_nested_without_end_is_an_error(opener):
    outcome(opener.encode() * 100_000)


@pytest.mark.parametrize("opener", ["[", '{"choices":'])
def test_a_body_nested_without_end_is_an_error(opener):
    outcome(opener.encode() * 100_000)
