"""Numbers that are none, nesting without end, and values of any type: each costs only itself, or is a typed error."""

import contextlib
import json
import math
import sys
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_openrouter import (
    APIError,
    APIResponseError,
    APIStatusError,
    Completion,
    GLMError,
    ResponseTooLargeError,
    Usage,
)
from glm_openrouter._json.lenient import decode_tolerantly, to_number
from glm_openrouter._json.strict import write_arguments
from glm_openrouter._response.failures import error_from_body
from glm_openrouter._secrets import Redactor
from glm_openrouter.catalogue.account import query_key
from glm_openrouter.catalogue.infos import GenerationInfo
from glm_openrouter.catalogue.queries import find_generation, list_endpoints, list_models
from glm_openrouter.testing import bytes_reply, json_reply
from support.damage import COMPLETE, DOCUMENTS, STREAMS, changed, outcome, paths_of
from support.parsing import assemble, assemble_body
from support.samples import SCHEMAS
from support.wire import call, calls, chunk, event_stream, finishes, response_body, says

NUMBERS = {
    "1e400": "1e400",
    "-1e400": "-1e400",
    "1e300": "1e300",
    "NaN": "NaN",
    "-Infinity": "-Infinity",
    "of 30 digits": "9" * 30,
    "of 400 digits": "9" * 400,
    "of 5,000 digits": "9" * 5_000,
    "inf as text": '"inf"',
    "nan as text": '"nan"',
    "1e400 as text": '"1e400"',
    "of 5,000 digits as text": '"%s"' % ("9" * 5_000),
    "below zero": "-1",
    "true": "true",
}
each_number = pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)

_MARK = "<the number>"


def written(document, number=""):
    """A document as JSON, with a number as it is written in the place of the mark."""
    return json.dumps(document).replace(json.dumps(_MARK), number).encode()


def stream_of(chunks, number=""):
    return event_stream(*(written(sent, number).decode() for sent in chunks))


def assert_countable(usage):
    """Assert that whoever counts with what was used finds numbers to count with."""
    inner = [usage.prompt_tokens_details, usage.completion_tokens_details]
    for part in [usage, *filter(None, inner)]:
        for name in part.__struct_fields__:
            value = getattr(part, name)
            if name.endswith("_tokens") or name == "cost":
                assert value is None or (math.isfinite(value) and 0 <= value <= 2**53)
                assert not isinstance(value, bool)


@each_number
def test_any_part_of_a_body_may_be_a_strange_number(number):
    for document in DOCUMENTS.values():
        for path in paths_of(document):
            found = outcome(written(changed(document, path, _MARK), number))
            if isinstance(found, Completion) and found.usage:
                assert_countable(found.usage)


@each_number
def test_any_part_of_a_stream_may_be_a_strange_number(number):
    for chunks in STREAMS.values():
        for path in paths_of(chunks):
            if path:
                found = outcome(stream_of(changed(chunks, path, _MARK), number), tools=SCHEMAS)
                if isinstance(found, Completion) and found.usage:
                    assert_countable(found.usage)


@each_number
def test_a_strange_number_elsewhere_in_a_body_costs_nothing_else(number):
    strange = {"a": [_MARK], "b": _MARK}
    sent = COMPLETE | {"surprise": strange, "openrouter_metadata": strange, "created": _MARK}
    sent["usage"] = {**COMPLETE["usage"], "cost": _MARK, "cost_details": strange}
    found = assemble_body(written(sent, number))

    assert (found.text, found.usage.prompt_tokens) == ("Pier two.", 31)
    assert [made.parsed for made in found.tool_calls] == [{"harbour": "Oslo"}, {}]
    assert found.created is None or 0 <= found.created <= 2**53


@each_number
@pytest.mark.parametrize("streamed", [True, False])
def test_a_strange_number_does_not_cost_an_answer(run, scripted_openrouter, streamed, number):
    sent = chunk({"content": "Pier two."}, "stop", surprise=[_MARK], usage={"cost": _MARK})
    whole = response_body({"content": "Pier two."}, surprise=[_MARK], usage={"cost": _MARK})
    server = scripted_openrouter(
        bytes_reply(stream_of([sent], number) if streamed else written(whole, number))
    )
    found = run.either(streamed, server.base_url)

    assert found.text == "Pier two."
    assert len(server.requests) == 1


@pytest.mark.parametrize("value", [math.inf, math.nan, "inf", "nan", 10**400, True, None, [1], "x"])
def test_what_cannot_be_counted_with_is_no_number(value):
    assert to_number(value) is None


@pytest.mark.parametrize(("value", "number"), [(3, 3), (0.5, 0.5), ("7", 7), ("-1.5", -1.5)])
def test_a_number_may_come_as_text(value, number):
    assert to_number(value) == number


@given(st.recursive(st.floats() | st.integers() | st.text(), st.lists))
def test_what_is_decoded_tolerantly_can_be_written_again(value):
    decoded = decode_tolerantly(json.dumps(value).encode())

    assert json.loads(json.dumps(decoded, allow_nan=False)) == decoded


@pytest.mark.parametrize("number", ["1e999", "NaN", "9" * 5_000])
@pytest.mark.parametrize("streamed", [True, False])
def test_a_call_whose_object_lacks_a_number_does_not_run(number, streamed):
    sent = call("tide", {"a": [_MARK]}, 0, "a")
    chunks = [calls(sent), finishes("tool_calls")]
    whole = response_body({"tool_calls": [sent]}, "tool_calls")
    _, found = assemble(stream_of(chunks, number) if streamed else written(whole, number))

    assert [(made.name, made.parsed) for made in found.tool_calls] == [("tide", None)]
    assert found.tool_calls[0].error


def test_an_integer_of_many_digits_is_an_argument():
    arguments = '{"a":%s}' % ("9" * 400)
    _, found = assemble(
        event_stream(calls(call("tide", arguments, 0, "a")), finishes("tool_calls"))
    )
    (made,) = found.tool_calls

    assert made.parsed == {"a": int("9" * 400)}
    assert write_arguments(made.parsed) == made.arguments


@each_number
@pytest.mark.parametrize("place", ["code", "http_status", "message", "metadata", "availability"])
def test_a_strange_number_in_an_error_leaves_an_error(place, number):
    found = error_from_body(
        written({"error": {"message": "No", place: _MARK}}, number), 429, {}, {}
    )

    assert isinstance(found, APIStatusError)
    assert found.status_code == 429


@each_number
def test_a_strange_wait_in_an_error_is_none_or_finite(number):
    text = number.strip('"')
    inner = {"Retry-After": _MARK, "X-RateLimit-Reset": _MARK}
    sent = {"error": {"metadata": {"headers": inner}, "availability": {"retry_after": _MARK}}}
    names = ("retry-after", "retry-after-ms", "x-ratelimit-reset")
    found = error_from_body(written(sent, number), 429, dict.fromkeys(names, text), {})

    assert found.retry_after is None or math.isfinite(found.retry_after)


@pytest.mark.parametrize("digits", ["9" * 400, "9" * 5_000, ",", "9,9"])
def test_only_a_number_of_tokens_is_affordable(digits):
    sent = {"error": {"message": f"You can only afford {digits}", "code": 402}}
    found = error_from_body(json.dumps(sent).encode(), 402, {}, {})

    assert found.affordable_max_tokens == (99 if digits == "9,9" else None)


def follow(inquiry, answer):
    """Make an inquiry that always gets the same answer."""
    try:
        next(inquiry)
        for _ in range(200):
            inquiry.send(answer)
    except StopIteration as end:
        return end.value
    raise AssertionError("The inquiry does not end.")


def numbers_in(value):
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from numbers_in(inner)
    elif hasattr(value, "__struct_fields__"):
        yield from numbers_in([getattr(value, name) for name in value.__struct_fields__])
    elif isinstance(value, int | float):
        yield value


@each_number
def test_the_catalogue_holds_only_numbers_to_count_with(number):
    strange = decode_tolerantly(written({"a": _MARK}, number))["a"]
    names = (
        "created context_length max_completion_tokens status uptime_last_1d limit usage total_cost"
    )
    prices = dict.fromkeys(("prompt", "completion", "request", "discount"), strange)
    row = {**dict.fromkeys(names.split(), strange), "pricing": prices}
    page = {"data": [row], "total_count": strange}
    found = [
        follow(list_models(), page),
        follow(list_endpoints("a/b"), {"data": {"endpoints": [row]}}),
        follow(query_key(), {"data": row}),
        follow(find_generation("gen-1"), {"data": row}),
    ]

    assert all(abs(each) <= 2**53 for each in numbers_in(found))


@each_number
def test_a_strange_number_does_not_cost_a_catalogue(run, scripted_openrouter, number):
    sent = {"data": {"id": "gen-1", "total_cost": _MARK, "surprise": _MARK}}
    headers = {"content-type": "application/json"}
    server = scripted_openrouter(bytes_reply(written(sent, number), headers=headers))

    async def ask(client):
        found = client.inner.generation("gen-1")
        return found if isinstance(found, GenerationInfo) else await found

    assert run.scenario(server.base_url, ask).id == "gen-1"


def test_a_list_of_models_whose_pages_have_no_end_is_ended():
    inquiry = list_models()
    next(inquiry)
    pages = ({"data": [], "links": {"next": f"?page={at}"}} for at in range(1_000))

    deque(map(inquiry.send, pages), maxlen=0)

    assert next(pages, None) is not None


def nested(depth, key="error"):
    return f'{{"{key}":' * depth + '"x"' + "}" * depth


def at_depth(depth, call):
    """Call something from deep in a stack."""
    return call() if depth <= 0 else at_depth(depth - 1, call)


DEEP_PLACES = {
    "a body": '{"error":%s}',
    "a choice": '{"choices":[{"error":%s,"message":{"content":"a"}}]}',
    "a raw error": '{"error":{"message":"No","metadata":{"raw":%s}}}',
    "reasons": '{"error":{"message":"No","code":404,"metadata":{"reasons":[%s]}}}',
    "a limit": '{"error":{"message":"No","metadata":{"limit_source":%s}}}',
    "a cause": '{"error":{"code":404,"availability":{"excluded_by":[%s]}}}',
    "details": '{"choices":[{"message":{"reasoning_details":[{"index":0,"type":%s}]}}]}',
    "arguments": '{"choices":[{"message":{"tool_calls":[{"function":{"name":"a","arguments":%s}}]}}]}',
}


@pytest.mark.parametrize("place", DEEP_PLACES)
@pytest.mark.parametrize("depth", [100, 500, 900, 1_000, 20_000])
def test_nesting_without_end_is_a_result_or_a_typed_error(place, depth):
    used = len(_frames())
    for key in ("error", "message", "a"):
        sent = (DEEP_PLACES[place] % nested(depth, key)).encode()
        for stack in (0, sys.getrecursionlimit() - used - 150):
            for data in (sent, b"data: " + sent + b"\n\n"):
                with contextlib.suppress(GLMError):
                    at_depth(stack, lambda data=data: assemble(data))
            at_depth(stack, lambda sent=sent: error_from_body(sent, 500, {}, {}))


def _frames():
    frame, frames = sys._getframe(), []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames


def test_text_is_found_twenty_objects_deep_and_no_deeper():
    found = error_from_body(
        json.dumps({"error": json.loads(nested(18, "message"))}).encode(), 500, {}, {}
    )
    lost = error_from_body(
        json.dumps({"error": json.loads(nested(40, "message"))}).encode(), 500, {}, {}
    )

    assert "x (500)" in str(found)
    assert "without a message" in str(lost)


def test_no_part_of_a_secret_is_left_where_an_error_page_is_cut():
    secret = "0123456789abcdef" * 64
    redact = Redactor({"x-api-key": secret})
    found = error_from_body((secret + " ").encode() * 200, 500, {}, {}, redact=redact)

    assert "0123" not in str(found)


raw_numbers = st.sampled_from(sorted(NUMBERS.values()))
strange = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3) | st.just(_MARK),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.data(), raw_numbers)
def test_anything_may_come_in_any_place_of_a_stream(data, number):
    chunks = STREAMS[data.draw(st.sampled_from(sorted(STREAMS)))]
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([path for path in paths_of(chunks) if path] or [(0,)]))
        chunks = changed(chunks, path, data.draw(strange)) if chunks else chunks
    found = outcome(stream_of(chunks, number), tools=SCHEMAS)

    if isinstance(found, Completion):
        json.dumps(found.metadata(), allow_nan=False)
        assert_countable(found.usage or Usage())


@pytest.mark.parametrize("index", [-1, 10**30, "x", [], {}, True, 1.5])
def test_an_index_that_is_none_does_not_cost_the_choice(index):
    sent = says("Pier two.")
    sent["choices"][0]["index"] = index

    assert assemble(event_stream(sent, finishes()))[1].text == "Pier two."


@pytest.mark.parametrize("index", [-1, 10**30, "x", [], {}, True, 1.5])
def test_an_index_that_is_none_does_not_cost_the_call(index):
    sent = calls(call("tide", "{}", index, "a"))
    found = assemble(event_stream(sent, finishes("tool_calls")))[1]

    assert [(made.id, made.name, made.parsed) for made in found.tool_calls] == [("a", "tide", {})]


@pytest.mark.parametrize("odd", [5, "x", {"content": 5}, {"content": {"a": 1}}, {"content": ["x"]}])
def test_odd_log_probabilities_cost_only_themselves(odd):
    right = {"content": [{"token": "a", "logprob": -0.5}]}
    sent = [says("a"), says("b"), says("c")]
    for each, logprobs in zip(sent, (right, odd, right), strict=True):
        each["choices"][0]["logprobs"] = logprobs
    found = assemble(event_stream(*sent, finishes()))[1]

    assert found.text == "abc"
    assert len([each for each in found.logprobs["content"] if each == right["content"][0]]) == 2


def entries_of_a_chunk(count):
    listed = ",".join(['{"type":"odd"}'] * count)
    return f'{{"choices":[{{"delta":{{"reasoning_details":[{listed}]}}}}]}}'.encode()


def test_more_parts_of_calls_in_a_piece_than_make_sense_are_an_error():
    sent = [call("tide", "{}", at, f"c{at}") for at in range(20_001)]
    kept = assemble(event_stream(calls(*sent[:-1]), finishes("tool_calls")))[1]

    assert len(kept.tool_calls) == 20_000
    with pytest.raises(APIResponseError, match="more than 20,000") as caught:
        assemble(event_stream(says("Half a"), calls(*sent)))
    assert caught.value.partial_text == "Half a"


@pytest.mark.parametrize(("count", "kept"), [(9_999, 9_999), (10_000, 0)])
def test_an_odd_entry_costs_only_itself_unless_there_are_very_many(count, kept):
    sent = chunk({"content": "Pier two.", "annotations": [*[{"type": "file"}] * count, 5]})
    found = assemble(event_stream(sent, finishes()))[1]

    assert (found.text, len(found.annotations)) == ("Pier two.", kept)


@pytest.mark.parametrize("streamed", [True, False])
def test_a_piece_of_a_million_values_is_not_read(monkeypatch, streamed):
    read = []
    monkeypatch.setattr("glm_openrouter._response.chunk_reader.parse_chunk", read.append)
    sent = entries_of_a_chunk(1_000_000)

    with pytest.raises(ResponseTooLargeError):
        assemble(b"data: %b\n\n" % sent if streamed else sent)
    assert read == []


def test_an_error_of_another_type_is_an_error(run, scripted_openrouter):
    for odd in (5, True, [["No"]], [], {"a": []}, "No"):
        server = scripted_openrouter(json_reply({"error": odd}))
        with pytest.raises(APIError):
            run.complete(server.base_url, max_retries=0)
