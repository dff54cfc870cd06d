"""Whatever comes, the outcome is a completion or an `APIError`, and cuts change nothing."""

import copy
import json
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_samples import (
    ANSWER_WITH_EVERYTHING,
    SCHEMAS,
    USAGE,
    assemble,
    assert_joined,
    body,
    call,
    calls,
    chunk,
    details,
    error,
    events,
    facts,
    finishes,
    says,
    thinks,
    uses,
)

from glm_openrouter import APIError, Completion, EmptyResponseWarning

COMPLETE = body(
    {
        "content": "Pier two.",
        "reasoning": "Hm.",
        "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "index": 0}],
        "tool_calls": [
            call("find_berth", '{"harbour": "Oslo"}', 0, "a", type="function"),
            call("tide", "", 1, "b", type="function"),
        ],
        "annotations": [{"type": "url_citation", "url_citation": {"url": "https://x.test"}}],
    },
    "tool_calls",
)
FAILED = {
    **body({"content": "Half a"}, "error"),
    **error(
        429,
        raw='{"error":{"message":"busy"}}',
        provider_name="Z.AI",
        headers={"X-RateLimit-Reset": "1760000009000"},
        reasons=["a"],
    ),
}
FAILED["error"]["availability"] = {"retry_after": 3, "retryable": True, "excluded_by": ["geo"]}
LEAK = (
    "<tool_call>find_berth\n<arg_key>harbour</arg_key>\n<arg_value>Oslo</arg_value>\n</tool_call>"
)
STREAMS = {
    "text": [says("\n"), thinks("Hm."), says("Pier "), says("two."), finishes(), uses("C")],
    "calls": [
        calls(call("find_berth", '{"har', 0, "a"), call("tide", "", 1, "b")),
        calls(call(None, 'bour": "Oslo"}', 0)),
        finishes("tool_calls"),
        uses("B"),
    ],
    "leaks": [says("<think>Hm.</think>Well. "), says(LEAK), finishes(), uses("A")],
    "details": [
        details({"type": "reasoning.text", "text": "Hm", "index": 0}),
        details({"type": "reasoning.encrypted", "data": "eA==", "id": "1", "index": 1}),
        chunk({"content": "Pier", "annotations": [{"type": "file"}], "refusal": "No."}),
        finishes(usage=USAGE),
    ],
    "error": [says("Half a"), {**finishes("error"), **error(502, "Gone", raw={"message": "x"})}],
}
DOCUMENTS = {"complete": COMPLETE, "failed": FAILED}


FOLDER = Path(__file__).resolve().parents[3] / "shared" / "recordings"
RECORDINGS = sorted(
    path for path in FOLDER.glob("*.json") if path.stat().st_size < 40_000
)  # the longest take long, and hold nothing else


def read_recording(path):
    """What came back in a real exchange, as JSON, and whether it was a stream."""
    recorded = json.loads(path.read_text())
    text = recorded["response_body"]
    if not recorded["request"].get("stream"):
        return json.loads(text), False
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")], True


def paths_of(node, path=()):
    """Every place in a JSON document."""
    yield path
    inner = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, value in inner:
        yield from paths_of(value, (*path, key))


def changed(document, path, value=...):
    """The document with another value at a place, or without that place."""
    if not path:
        return {} if value is ... else value
    changed_document = copy.deepcopy(document)
    parent = changed_document
    for key in path[:-1]:
        parent = parent[key]
    if value is ...:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return changed_document


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


def outcome(data, **options):
    """A completion or an APIError; anything else fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyResponseWarning)
        try:
            _, completion = assemble(data, **options)
        except APIError as failure:
            return failure
    assert isinstance(completion, Completion)
    assert isinstance(completion.text, str)
    assert isinstance(completion.reasoning, str)
    assert all(made.parsed is not None or made.error for made in completion.tool_calls)
    completion.metadata()
    return completion


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
            outcome(events(*changed(chunks, path)), tools=SCHEMAS)


@pytest.mark.parametrize("chunks", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("value", OTHER_VALUES, ids=repr)
def test_any_part_of_a_stream_may_be_of_another_type(chunks, value):
    for path in paths_of(chunks):
        if path:
            texts = [json.dumps(sent) for sent in changed(chunks, path, value)]
            outcome(events(*texts), tools=SCHEMAS)


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

    outcome(events(*[json.dumps(sent) for sent in chunks]), tools=SCHEMAS)


@pytest.mark.skipif(not RECORDINGS, reason="the recordings are not present")
@given(st.data())
def test_recordings_may_be_odd_and_cut_anywhere(data):
    document, streamed = read_recording(data.draw(st.sampled_from(RECORDINGS)))
    for _ in range(data.draw(st.integers(0, 3))):
        path = data.draw(st.sampled_from([path for path in paths_of(document) if path] or [()]))
        document = changed(document, path, data.draw(st.just(...) | odd_values))
    sent = events(*map(json.dumps, document)) if streamed else json.dumps(document).encode()
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
    outcome(events(*payloads))


@given(st.binary(max_size=80))
def test_anything_may_be_a_body(data):
    outcome(data)


@given(st.binary(max_size=8), st.integers(0, 10_000), st.booleans())
def test_bytes_may_be_damaged(damage, at, whole):
    data = json.dumps(COMPLETE).encode() if whole else ANSWER_WITH_EVERYTHING
    at %= len(data)

    outcome(data[:at] + damage + data[at + len(damage) :], tools=SCHEMAS)


def test_a_stream_may_end_anywhere():
    for at in range(len(ANSWER_WITH_EVERYTHING)):
        outcome(ANSWER_WITH_EVERYTHING[:at])


def test_no_call_of_a_stream_that_ends_early_runs_with_half_of_its_arguments():
    expected = [{"harbour": "Skagen ⚓", "length": 12}, {}]
    for at in range(len(ANSWER_WITH_EVERYTHING)):
        found = outcome(ANSWER_WITH_EVERYTHING[:at])

        if isinstance(found, Completion):
            assert [made.parsed for made in found.tool_calls] == expected


@pytest.mark.parametrize("chunks", STREAMS.values(), ids=STREAMS)
def test_any_stream_may_be_cut_in_two_anywhere(chunks):
    data = events(*chunks)
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


@settings(max_examples=300)
@given(st.lists(deltas, max_size=8), st.lists(st.integers(0, 5000), max_size=5))
def test_increments_add_up_to_the_completion(sent, places):
    data = events(*map(chunk, sent), finishes())
    ends = [*sorted(place % len(data) for place in places), len(data)]
    pieces = [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyResponseWarning)
        given_out, completion = assemble(pieces, tools=SCHEMAS)

    assert_joined(given_out, completion)


@given(st.lists(deltas, max_size=6))
def test_ids_of_calls_are_unique_whatever_comes(sent):
    _, completion = assemble(events(*map(chunk, sent), finishes()), tools=SCHEMAS)
    ids = [made.id for made in completion.tool_calls]

    assert all(ids)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("opener", ['{"error":', '{"usage":', '{"surprise":'])
def test_an_object_nested_without_end_is_an_error(opener):
    outcome(opener.encode() * 100_000)


@pytest.mark.parametrize("opener", ["[", '{"choices":'])
def test_a_body_nested_without_end_is_an_error(opener):
    outcome(opener.encode() * 100_000)
