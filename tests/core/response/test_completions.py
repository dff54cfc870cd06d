"""From chunks and bodies to a completion: usage, finish reasons, reasoning, and bodies of every odd form."""

import copy
import json
import warnings

import pytest

from glm_openrouter import (
    APIError,
    APIResponseError,
    ChatRequest,
    EmptyResponseWarning,
    InternalServerError,
    RateLimitError,
    StreamInterruptedError,
)
from glm_openrouter._response.parser import ResponseParser
from glm_openrouter._response.repairs import Repairs
from glm_openrouter._response.sse import EventStreamDecoder
from support.parsing import assemble, assemble_body, assemble_stream, assert_joined, facts
from support.samples import TIDE_TOOL
from support.wire import (
    FACTS,
    MODEL,
    USAGE,
    call,
    calls,
    chunk,
    details,
    error,
    event_stream,
    finishes,
    response_body,
    says,
    thinks,
    uses,
)

OTHER_USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cost": 9.0}
FORMS = pytest.mark.parametrize("form", ["A", "B", "C"])


# Usage


@FORMS
def test_usage_is_read_in_every_recorded_form(form):
    _, completion = assemble_stream(says("Pier two."), finishes(), uses(form))

    assert completion.usage.prompt_tokens == 31
    assert completion.usage.cost == 0.0000521
    assert completion.usage.prompt_tokens_details.cached_tokens == 12
    assert completion.usage.completion_tokens_details.reasoning_tokens == 9


def test_usage_may_ride_on_the_finish_chunk():
    _, completion = assemble_stream(says("Pier two."), finishes(usage=USAGE))

    assert completion.usage.total_tokens == 48


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_last_usage_wins(count):
    early = [says("a", usage=OTHER_USAGE) for _ in range(count - 1)]
    _, completion = assemble_stream(*early, finishes(), uses("C"))

    assert completion.usage.prompt_tokens == 31
    assert completion.usage.cost == 0.0000521


@pytest.mark.parametrize("nothing", [None, {}, {"prompt_tokens": None}, "odd"])
def test_a_usage_that_says_nothing_does_not_undo_one(nothing):
    _, completion = assemble_stream(says("a", usage=USAGE), says("b", usage=nothing), finishes())

    assert completion.usage.total_tokens == 48


def test_no_usage_is_invented():
    assert assemble_stream(says("a"), finishes())[1].usage is None
    assert assemble_body(response_body({"content": "a"}, usage=None)).usage is None


@FORMS
def test_usage_does_not_depend_on_streaming(form):
    _, streamed = assemble_stream(says("Pier two."), finishes(), uses(form))
    complete = assemble_body(response_body({"content": "Pier two."}))

    assert facts(streamed) == facts(complete)


def test_token_counts_may_be_floats():
    usage = {"prompt_tokens": 31.0, "completion_tokens": 17.0, "cost": 1}
    completion = assemble_body(response_body({"content": "a"}, usage=usage))

    assert (completion.usage.prompt_tokens, completion.usage.cost) == (31, 1.0)


def test_parts_of_the_usage_may_be_null_or_odd():
    usage = {
        "prompt_tokens": 31,
        "completion_tokens": None,
        "cost": "much",
        "prompt_tokens_details": None,
        "completion_tokens_details": {"reasoning_tokens": None},
        "is_byok": "no one knows",
        "more": [1],
    }
    completion = assemble_body(response_body({"content": "a"}, usage=usage))

    assert completion.usage.prompt_tokens == 31
    assert completion.usage.cost is None


# Facts about the response


def test_facts_are_those_of_the_wire():
    _, completion = assemble_stream(says("a"), finishes(), uses("B"))

    assert completion.metadata() == {
        "id": FACTS["id"],
        "model_name": MODEL,
        "provider": "Novita",
        "created": 1760000000,
        "finish_reason": "stop",
        "native_finish_reason": "stop",
        "cost": 0.0000521,
        "cost_details": {"upstream_inference_cost": 0.0000521},
        "is_byok": False,
    }


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize(
    "found",
    [
        {"safeguard_results": [{"type": "dangerous_tool_use", "status": {"type": "available"}}]},
        {"alignment": {"calls": [{"outcome": "allowed"}]}},
    ],
    ids=["armor", "alignment"],
)
def test_what_plugins_found_is_kept(at, found):
    chunks = [says("a"), says("b"), finishes("stop", usage=USAGE)]
    chunks[at] |= found
    complete = assemble_body(response_body({"content": "ab"}, **found))

    for completion in (assemble_stream(*chunks)[1], complete):
        assert completion.metadata() == {**completion.metadata(), **found}


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize(("text", "number"), [(None, None), ("", 0)], ids=["null", "empty"])
def test_null_and_empty_facts_do_not_undo_known_ones(at, text, number):
    chunks = [says("a"), finishes(), uses("C")]
    chunks[at] |= {"id": text, "model": text, "provider": text, "created": number}
    _, completion = assemble_stream(*chunks)

    assert (completion.id, completion.model, completion.provider) == (FACTS["id"], MODEL, "Novita")
    assert completion.created == FACTS["created"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("provider", "Novita"),
        ("model", MODEL),
        ("id", FACTS["id"]),
        ("service_tier", "default"),
        ("openrouter_metadata", {"strategy": "direct"}),
        ("system_fingerprint", "fp_1"),
    ],
)
def test_facts_may_come_late(key, value):
    early = {**says("a"), key: None}
    _, completion = assemble_stream(early, says("b"), finishes() | {key: value})

    assert getattr(completion, key) == value


def test_metadata_of_the_router_may_come_with_the_usage():
    late = uses("B") | {"openrouter_metadata": {"strategy": "direct"}}
    _, completion = assemble_stream(says("a"), finishes(), late)

    assert completion.openrouter_metadata == {"strategy": "direct"}


# Finish reasons


@FORMS
@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "content_filter"])
def test_a_finish_reason_counts_once_whatever_follows_it(form, reason):
    sent = [says("a"), calls(call("tide", "{}", 0, "a"))]
    _, completion = assemble_stream(*sent, finishes(reason), uses(form, reason=reason))

    assert (completion.finish_reason, completion.native_finish_reason) == (reason, reason)


def test_a_finish_reason_may_be_repeated():
    _, completion = assemble_stream(says("a"), *[finishes("stop")] * 3)

    assert completion.finish_reason == "stop"


def test_a_native_reason_that_follows_does_not_undo_the_reason():
    last = finishes(None)
    last["choices"][0]["native_finish_reason"] = "stop"

    assert assemble_stream(says("a"), finishes("stop"), last)[1].finish_reason == "stop"


def test_text_after_the_finish_reason_is_kept():
    _, completion = assemble_stream(says("a"), finishes(), says("b"))

    assert (completion.text, completion.finish_reason) == ("ab", "stop")


@pytest.mark.parametrize(
    ("native", "reason"),
    [("sensitive", "content_filter"), ("model_context_window_exceeded", "length")],
)
def test_native_reasons_are_mapped_where_there_is_no_other(native, reason):
    last = finishes(None)
    last["choices"][0]["native_finish_reason"] = native
    _, completion = assemble_stream(says("a"), last)

    assert (completion.finish_reason, completion.native_finish_reason) == (reason, native)


@pytest.mark.parametrize("reason", [None, "stop"])
def test_a_native_network_error_is_an_error(reason):
    last = finishes(reason)
    last["choices"][0]["native_finish_reason"] = "network_error"

    with pytest.raises(InternalServerError) as caught:
        assemble_stream(says("Half a"), last)
    assert caught.value.partial_text == "Half a"


@pytest.mark.parametrize("native", ["sensitive", "end_turn", "STOP", None])
def test_native_reasons_do_not_overrule(native):
    last = finishes("stop")
    last["choices"][0]["native_finish_reason"] = native
    _, completion = assemble_stream(says("a"), last)

    assert completion.finish_reason == "stop"


def test_an_unknown_finish_reason_is_passed_on():
    assert assemble_stream(says("a"), finishes("repetition"))[1].finish_reason == "repetition"


@pytest.mark.parametrize("done", [True, False])
def test_a_stream_without_finish_reason_is_interrupted(done):
    with pytest.raises(StreamInterruptedError) as caught:
        assemble_stream(thinks("Hm."), says("Pier "), uses("B"), done=done)

    assert caught.value.partial_text == "Pier "
    assert caught.value.partial_reasoning == "Hm."
    assert caught.value.usage.total_tokens == 48
    assert caught.value.provider_name == "Novita"


@pytest.mark.parametrize("odd", [{"index": 0}, {"index": 0, "delta": None}])
def test_a_choice_without_delta_is_no_complete_message(odd):
    with pytest.raises(StreamInterruptedError):
        assemble_stream({**FACTS, "choices": [odd]}, says("Half a"), done=False)


@pytest.mark.parametrize("odd", [{"index": 0}, {"index": 0, "delta": None}, {"delta": {}}])
def test_a_choice_without_delta_adds_nothing(odd):
    _, completion = assemble_stream(says("a"), {**FACTS, "choices": [odd]}, says("b"), finishes())

    assert completion.text == "ab"


def test_a_finish_chunk_needs_no_delta():
    last = {**FACTS, "choices": [{"index": 0, "finish_reason": "stop"}]}

    assert assemble_stream(says("a"), last)[1].finish_reason == "stop"


def test_other_choices_are_ignored():
    other = says("Another answer.")
    other["choices"][0]["index"] = 1
    _, completion = assemble_stream(says("One "), other, says("answer."), finishes())

    assert completion.text == "One answer."


def test_a_second_choice_in_a_chunk_is_ignored():
    both = says("One answer.")
    both["choices"].append({"index": 1, "delta": {"content": "Another."}, "finish_reason": None})
    _, completion = assemble_stream(both, finishes())

    assert completion.text == "One answer."


# Text and reasoning


def test_a_role_on_every_chunk_starts_nothing():
    _, completion = assemble_stream(says("a"), says("b"), says("c"), finishes())

    assert completion.text == "abc"


def test_content_may_be_missing_null_or_empty():
    chunks = [chunk(), chunk({"content": None}), says("")]
    del chunks[0]["choices"][0]["delta"]["content"]
    deltas, completion = assemble_stream(*chunks, says("a"), finishes())

    assert (completion.text, len(deltas)) == ("a", 1)


def test_content_may_come_before_the_reasoning():
    deltas, completion = assemble_stream(
        says("\n"), thinks("One. "), thinks("Two."), says("\n"), says("Pier"), finishes()
    )

    assert (completion.text, completion.reasoning) == ("Pier", "One. Two.")
    assert_joined(deltas, completion)


def test_reasoning_may_come_after_content():
    _, completion = assemble_stream(thinks("a"), says("b"), thinks("c"), says("d"), finishes())

    assert (completion.text, completion.reasoning) == ("bd", "ac")


def test_text_and_reasoning_may_share_a_chunk():
    _, completion = assemble_stream(
        chunk({"content": "Pier", "reasoning": "Hm.", "tool_calls": [call("tide", "", 0, "a")]}),
        finishes("tool_calls"),
    )

    assert (completion.text, completion.reasoning) == ("Pier", "Hm.")
    assert len(completion.tool_calls) == 1


DETAIL = {"type": "reasoning.text", "text": "Hm.", "format": "unknown", "index": 0}


@pytest.mark.parametrize(
    ("delta", "kept"),
    [
        ({"reasoning": "Hm."}, None),
        ({"reasoning": "Hm.", "reasoning_details": []}, []),
        ({"reasoning_details": [DETAIL]}, [DETAIL]),
        ({"reasoning": "", "reasoning_details": [DETAIL]}, [DETAIL]),
        ({"reasoning": None, "reasoning_details": [DETAIL]}, [DETAIL]),
        ({"reasoning": "Hm.", "reasoning_details": [DETAIL]}, [DETAIL]),
        ({"reasoning_content": "Hm."}, None),
        ({"reasoning": None, "reasoning_content": "Hm."}, None),
        ({"reasoning": "Hm.", "reasoning_content": "Hm."}, None),
    ],
)
def test_reasoning_counts_once_wherever_it_is(delta, kept):
    _, streamed = assemble_stream(chunk(delta), says("Pier"), finishes())
    complete = assemble_body(response_body({"content": "Pier", **delta}))

    assert streamed.reasoning == complete.reasoning == "Hm."
    assert streamed.reasoning_details == complete.reasoning_details == kept


def test_reasoning_stays_beside_details_without_a_text():
    sealed = {"type": "reasoning.encrypted", "data": "b3BhcXVl", "index": 0}
    _, completion = assemble_stream(
        chunk({"reasoning": "Hm.", "reasoning_details": [sealed]}), says("a"), finishes()
    )

    assert (completion.reasoning, completion.reasoning_details) == ("Hm.", [sealed])


def test_no_reasoning_is_no_reasoning():
    _, completion = assemble_stream(says("Pier"), finishes())

    assert (completion.reasoning, completion.reasoning_details) == ("", None)


def test_a_summary_is_reasoning_to_read():
    entry = {"type": "reasoning.summary", "summary": "Looked up piers.", "index": 0}
    _, completion = assemble_stream(details(entry), says("a"), finishes())

    assert completion.reasoning == "Looked up piers."
    assert completion.reasoning_details == [entry]


WHOLE_DETAILS = {
    "GLM": [{"type": "reasoning.text", "text": "Which pier?", "format": "unknown", "index": 0}],
    "a signature": [
        {
            "type": "reasoning.text",
            "text": "Which pier?",
            "signature": "c2lnbmVk",
            "format": "anthropic-claude-v1",
            "index": 0,
        }
    ],
    "a signature of null": [
        {"type": "reasoning.text", "text": "Which pier?", "signature": None, "index": 0}
    ],
    "a format of null": [
        {"type": "reasoning.text", "text": "Which pier?", "format": None, "id": None, "index": 0}
    ],
    "an id": [{"type": "reasoning.text", "text": "Which pier?", "id": "rs_1", "index": 0}],
    "encrypted": [
        {"type": "reasoning.text", "text": "Which pier?", "format": "unknown", "index": 0},
        {"type": "reasoning.encrypted", "data": "b3BhcXVl", "id": "e1", "index": 1},
    ],
    "encrypted on the same index": [
        {"type": "reasoning.summary", "summary": "Which pier?", "index": 0},
        {"type": "reasoning.encrypted", "data": "b3BhcXVl", "id": "e1", "index": 0},
    ],
    "two texts": [
        {"type": "reasoning.text", "text": "Which pier?", "index": 0},
        {"type": "reasoning.text", "text": "Pier two.", "index": 1},
    ],
    "an unknown type": [
        {"type": "reasoning.chart", "text": "Which pier?", "depth": {"m": [3, None]}, "index": 0}
    ],
    "unknown keys": [
        {"type": "reasoning.text", "text": "Which pier?", "note": [], "weight": 0, "index": 0}
    ],
    "an empty text": [{"type": "reasoning.text", "text": "", "signature": "c2ln", "index": 0}],
    "a text of null": [{"type": "reasoning.text", "text": None, "signature": "c2ln", "index": 0}],
    "text beyond ASCII": [{"type": "reasoning.text", "text": "⚓\u2028ß", "index": 0}],
}


def fragments(entries):
    """The entries as a stream sends them: the text in pieces, a signature and the like last."""
    for entry in entries:
        joined = {k: v for k, v in entry.items() if k in ("text", "summary", "data") and v}
        late = {"signature", "note"} & entry.keys()
        fixed = {k: v for k, v in entry.items() if k not in joined and k not in late}
        for key, value in joined.items():
            yield from ({**fixed, key: value[at : at + 3]} for at in range(0, len(value), 3))
        if late or not joined:
            yield {**fixed, **{key: entry[key] for key in late}}


DETAILS = pytest.mark.parametrize("entries", WHOLE_DETAILS.values(), ids=WHOLE_DETAILS)


@DETAILS
def test_details_of_a_complete_response_are_kept_as_they_are(entries):
    completion = assemble_body(response_body({"content": "a", "reasoning_details": entries}))

    assert completion.reasoning_details == entries


@DETAILS
def test_details_of_a_stream_are_merged_to_those_of_a_complete_response(entries):
    sent = [details(fragment) for fragment in fragments(entries)]
    _, completion = assemble_stream(*sent, says("a"), finishes())

    assert completion.reasoning_details == entries


@DETAILS
def test_details_of_a_stream_in_one_chunk_are_merged_too(entries):
    _, completion = assemble_stream(details(*fragments(entries)), says("a"), finishes())

    assert completion.reasoning_details == entries


def test_details_are_merged_by_type_and_index_also_if_they_interleave():
    parts = [
        {"type": "reasoning.text", "text": text, "index": index}
        for text, index in (("One ", 0), ("Three ", 1), ("two.", 0), ("four.", 1))
    ]
    _, completion = assemble_stream(*map(details, parts), says("a"), finishes())

    assert completion.reasoning_details == [
        {"type": "reasoning.text", "text": "One two.", "index": 0},
        {"type": "reasoning.text", "text": "Three four.", "index": 1},
    ]


def test_equal_entries_of_a_complete_response_stay_two():
    entries = [{"type": "reasoning.text", "text": "a", "index": 0}] * 2
    completion = assemble_body(response_body({"content": "a", "reasoning_details": entries}))

    assert completion.reasoning_details == entries


def test_an_empty_list_of_details_is_kept():
    _, completion = assemble_stream(details(), says("a"), finishes())

    assert completion.reasoning_details == []


def test_details_are_not_touched_by_repairs():
    entry = {"type": "reasoning.text", "text": "\n<tool_call>tide</tool_call>", "index": 0}
    completion = assemble_body(
        response_body({"content": "a", "reasoning_details": [entry]}), tools={"tide": {}}
    )

    assert completion.reasoning_details == [entry]


def test_annotations_add_up():
    one, two = ({"type": "url_citation", "url_citation": {"url": url}} for url in "ab")
    _, completion = assemble_stream(
        chunk({"content": "a", "annotations": [one]}), chunk({"annotations": [two]}), finishes()
    )

    assert completion.annotations == [one, two]


def test_one_response_leaves_nothing_in_the_next():
    assemble_stream(chunk({"annotations": [{"type": "file"}]}), finishes())

    assert assemble_stream(says("a"), finishes())[1].annotations == []


def test_a_refusal_is_put_together():
    _, completion = assemble_stream(
        chunk({"refusal": "I will "}), chunk({"refusal": "not."}), finishes("content_filter")
    )

    assert completion.refusal == "I will not."


def test_an_answer_that_a_filter_took_is_a_refusal_without_words():
    filtered = finishes("content_filter")
    with pytest.warns(EmptyResponseWarning, match="content filter of Novita took it"):
        _, completion = assemble_stream(thinks("Hm."), filtered)

    assert completion.refusal == ""
    assert assemble_stream(says("Half"), filtered)[1].refusal is None
    assert assemble_stream(says("Half"), finishes())[1].refusal is None


def test_logprobs_are_put_together():
    one, two = says("a"), says("b")
    one["choices"][0]["logprobs"] = {"content": [{"token": "a", "logprob": -0.1}], "refusal": None}
    two["choices"][0]["logprobs"] = {"content": [{"token": "b", "logprob": -0.2}]}
    _, completion = assemble_stream(one, two, finishes())

    assert [t["token"] for t in completion.logprobs["content"]] == ["a", "b"]


# Odd bodies


def test_a_body_with_only_an_error_is_that_error():
    with pytest.raises(RateLimitError, match="Slow down"):
        assemble_body({**error(429, "Slow down"), "user_id": "user_abcdefgh123"})


ODD = {
    "choices null, no error": {"id": None, "model": None, "object": None, "choices": None},
    "choices empty": {**FACTS, "choices": []},
    "choices missing": FACTS,
    "choices of nothing": {**FACTS, "choices": [None]},
    "choices no list": {**FACTS, "choices": {"0": {}}},
    "an empty object": {},
}


@pytest.mark.parametrize("sent", ODD.values(), ids=ODD)
def test_a_body_without_a_choice_is_an_error_worth_a_retry(sent):
    with pytest.raises(APIResponseError) as caught:
        assemble_body(sent)

    assert caught.value.retryable


@pytest.mark.parametrize("sent", ODD.values(), ids=ODD)
def test_a_stream_without_a_choice_is_an_error_worth_a_retry(sent):
    with pytest.raises(APIResponseError) as caught:
        assemble_stream(sent)

    assert caught.value.retryable


@pytest.mark.parametrize("data", [b"", b" \n", b"[]", b"null", b'"text"', b"17", b'{"choices": ['])
def test_a_body_that_is_no_object_is_an_error_worth_a_retry(data):
    with pytest.raises(APIResponseError) as caught:
        assemble_body(data)

    assert caught.value.retryable


def test_all_null_with_an_error_is_the_error():
    nulls = dict.fromkeys(["id", "object", "created", "model", "provider", "choices", "usage"])

    with pytest.raises(InternalServerError) as caught:
        assemble_body({**nulls, **error(524, "Timed out at the edge")})
    assert caught.value.status_code == 524
    assert caught.value.retryable


def test_a_completion_inside_the_provider_key_is_found():
    inner = response_body({"content": "Pier two."})
    completion = assemble_body({"id": None, "choices": None, "model": None, "provider": inner})

    assert facts(completion) == facts(assemble_body(inner))


def test_a_choice_of_null_in_midstream_is_skipped():
    gap = {**FACTS, "choices": None}
    _, completion = assemble_stream(says("a"), gap, says("b"), finishes())

    assert completion.text == "ab"


def test_content_may_be_parts():
    parts = [
        {"type": "text", "text": "Pier "},
        {"type": "image_url", "image_url": {"url": "data:"}},
        "two",
        None,
        {"type": "text", "text": None},
    ]

    assert assemble_body(response_body({"content": parts})).text == "Pier two"
    assert assemble_stream(chunk({"content": parts}), finishes())[1].text == "Pier two"


@pytest.mark.parametrize("missing", ["system_fingerprint", "object", "created", "id", "model"])
def test_any_fact_may_be_missing(missing):
    whole = response_body({"content": "a"}, system_fingerprint=None)
    del whole[missing]

    assert assemble_body(whole).text == "a"


ODD_VALUES = [None, 17, 1.5, True, "odd", [], ["odd"], {}, {"odd": 1}]


@pytest.mark.parametrize("odd", ODD_VALUES, ids=repr)
@pytest.mark.parametrize(
    "key", ["id", "model", "provider", "created", "usage", "service_tier", "system_fingerprint"]
)
def test_a_fact_of_an_odd_type_costs_only_that_fact(key, odd):
    completion = assemble_body({**response_body({"content": "Pier two."}), key: odd})

    assert (completion.text, completion.finish_reason) == ("Pier two.", "stop")


@pytest.mark.parametrize("odd", ODD_VALUES, ids=repr)
@pytest.mark.parametrize(
    "key", ["role", "reasoning", "reasoning_content", "reasoning_details", "annotations", "refusal"]
)
def test_a_part_of_an_odd_type_costs_only_that_part(key, odd):
    completion = assemble_body(response_body({"content": "Pier two.", key: odd}))
    _, streamed = assemble_stream(chunk({"content": "Pier two.", key: odd}), finishes(), uses("B"))

    assert completion.text == streamed.text == "Pier two."
    assert completion.usage.total_tokens == streamed.usage.total_tokens == 48


@pytest.mark.parametrize("odd", [None, 17, "odd", [], ["odd"], {}, [[]], [17]], ids=repr)
def test_tool_calls_of_an_odd_type_cost_only_themselves(odd):
    completion = assemble_body(response_body({"content": "Pier two.", "tool_calls": odd}))

    assert (completion.text, completion.tool_calls) == ("Pier two.", [])


def test_unknown_fields_are_ignored():
    sent = response_body(
        {"content": "Pier two.", "audio": {"id": 1}, "new": [{}]}, newer={"a": [None]}
    )
    sent["choices"][0]["newest"] = 1

    assert assemble_body(sent).text == "Pier two."


def test_white_space_around_a_body_is_ignored():
    data = b"\n  \n" + json.dumps(response_body({"content": "a"})).encode() + b"\n\n"

    assert assemble_body(data).text == "a"


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\xe2\x80", b"\xf0\x9f\x98"])
def test_invalid_utf_8_costs_a_character_and_not_the_response(bad):
    data = event_stream(says("Pier @ two."), finishes()).replace(b"@", bad)
    _, completion = assemble(data)

    assert completion.text.startswith("Pier ")
    assert completion.text.endswith(" two.")


def test_half_of_a_surrogate_pair_costs_a_character_and_not_the_response():
    data = event_stream(says("Pier @ two."), finishes()).replace(b"@", b"\\ud83d")
    _, completion = assemble(data)

    assert completion.text == "Pier \ufffd two."


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none_costs_only_itself(number):
    sent = json.dumps(response_body({"content": "Pier two."})).replace("5.21e-05", number)
    completion = assemble_body(sent.encode())

    assert number in sent
    assert (completion.text, completion.usage.prompt_tokens) == ("Pier two.", 31)
    assert completion.usage.cost is None


def test_two_payloads_glued_together_are_an_error_that_shows_them():
    with pytest.raises(APIResponseError, match="gen-1760000000-Harbour"):
        assemble_stream(json.dumps(says("a")) + json.dumps(says("b")), finishes())


def test_a_complete_body_may_come_as_one_event():
    _, completion = assemble_stream(response_body({"content": "Pier two."}))

    assert facts(completion) == facts(assemble_body(response_body({"content": "Pier two."})))


# Errors inside a response


@pytest.mark.parametrize("code", [502, "502", 502.0])
def test_an_error_chunk_with_a_choice_is_an_error(code):
    last = {**finishes("error"), **error(code, "Provider disconnected")}

    with pytest.raises(InternalServerError) as caught:
        assemble_stream(thinks("Hm."), says("Half a"), last)
    assert caught.value.status_code == 502
    assert caught.value.provider_name == "Novita"
    assert caught.value.partial_text == "Half a"
    assert caught.value.partial_reasoning == "Hm."
    assert caught.value.request_id == FACTS["id"]
    assert caught.value.retryable


def test_an_error_chunk_without_choices_is_an_error():
    with pytest.raises(RateLimitError) as caught:
        assemble_stream(says("Half a"), error(429, "Slow down"))
    assert caught.value.partial_text == "Half a"


@pytest.mark.parametrize("finish", ["error", "stop", None])
def test_an_error_in_a_choice_is_an_error(finish):
    sent = response_body({"content": "Half a"}, finish)
    sent["choices"][0]["error"] = error(502, "Provider disconnected")["error"]

    with pytest.raises(InternalServerError, match="Provider disconnected") as caught:
        assemble_body(sent)
    assert caught.value.partial_text == "Half a"
    assert caught.value.usage.total_tokens == 48


def test_a_finish_reason_of_error_is_an_error():
    with pytest.raises(APIError) as caught:
        assemble_stream(says("Half a"), finishes("error"))
    assert caught.value.partial_text == "Half a"


def test_a_finish_reason_of_error_is_an_error_in_a_complete_body_too():
    with pytest.raises(APIError) as caught:
        assemble_body(response_body({"content": "Half a"}, "error"))
    assert caught.value.partial_text == "Half a"


def test_usage_of_an_error_chunk_is_kept():
    with pytest.raises(APIError) as caught:
        assemble_stream(says("a"), {**finishes("error"), **error(502), "usage": USAGE})
    assert caught.value.usage.total_tokens == 48


def test_what_came_before_an_error_is_given_out_first():
    assembly = ResponseParser(EventStreamDecoder(), Repairs((), {}), None)
    deltas = assembly.feed(event_stream(says("a"), says("b"), error(502), says("c")))

    assert [delta.text for delta in deltas] == ["ab"]
    assert assembly.done
    with pytest.raises(InternalServerError):
        assembly.flush()


@pytest.mark.parametrize("reason", [None, "error", "length"])
def test_an_error_after_the_token_limit_is_a_truncation(reason):
    last = {**finishes(reason), **error(400, "Token limit reached"), "usage": USAGE}
    _, completion = assemble_stream(says("Half a"), finishes("length"), last)

    assert (completion.text, completion.finish_reason) == ("Half a", "length")
    assert completion.usage.total_tokens == 48


@pytest.mark.parametrize("text", ["a <", "if `", "Pier <tool_ca"])
def test_the_partial_text_of_an_error_is_all_of_it(text):
    with pytest.raises(InternalServerError) as caught:
        assemble_stream(says(text), error(502), tools={"tide": TIDE_TOOL})
    assert caught.value.partial_text == text


# What ends in the middle


@pytest.mark.parametrize("cut", [b"data: {", b'data: {"id": "gen-17', b"dat", b"x"])
def test_an_event_that_is_cut_after_the_finish_reason_costs_nothing(cut):
    _, completion = assemble(event_stream(says("Pier two."), finishes(), done=False) + cut)

    assert (completion.text, completion.finish_reason) == ("Pier two.", "stop")


@pytest.mark.parametrize("cut", [b"data: {", b'data: {"id": "gen-17', b"dat"])
def test_an_event_that_is_cut_is_an_interruption(cut):
    with pytest.raises(StreamInterruptedError) as caught:
        assemble(event_stream(says("Half a"), done=False) + cut)
    assert caught.value.partial_text == "Half a"


# Emptiness


@pytest.mark.parametrize("content", ["", None, "\n"])
def test_thinking_that_used_up_all_tokens_is_warned_about(content):
    with pytest.warns(EmptyResponseWarning, match="max_tokens"):
        assemble_stream(thinks("Hm, hm."), chunk({"content": content}), finishes("length"))


def test_a_complete_body_without_answer_is_warned_about():
    with pytest.warns(EmptyResponseWarning, match="max_tokens"):
        assemble_body(response_body({"content": None, "reasoning": "Hm."}, "length"))


@pytest.mark.parametrize(
    "sent",
    [
        [thinks("Hm."), finishes("stop")],
        [chunk({"refusal": "No."}), finishes("content_filter")],
        [says("Half"), finishes("content_filter")],
    ],
    ids=["nothing to say", "a refusal", "half of it"],
)
def test_no_other_answer_is_warned_about(sent):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assemble_stream(*sent)


def test_an_answer_that_is_cut_is_not_warned_about():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assemble_stream(says("Pier"), finishes("length"))


def test_content_of_null_is_an_empty_text():
    assert assemble_body(response_body({"content": None})).text == ""


# What goes in stays


def test_a_request_is_frozen():
    request = ChatRequest(messages=[{"role": "user", "content": "a"}])

    with pytest.raises(ValueError, match="frozen"):
        request.model = "other"


def test_arguments_of_a_request_are_not_changed():
    arguments = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}],
        "tools": [copy.deepcopy(TIDE_TOOL)],
        "provider": {"only": ["z-ai"], "max_price": {"prompt": 1}},
        "reasoning": {"enabled": False},
        "extra_body": {"messages_limit": {"a": [1]}},
        "response_format": {"type": "json_object"},
    }
    before = copy.deepcopy(arguments)
    request = ChatRequest(**arguments)
    request.to_wire()
    request.tool_schemas()

    assert arguments == before


def test_a_request_does_not_change_with_its_arguments():
    messages = [{"role": "user", "content": "a"}]
    request = ChatRequest(messages=messages)
    messages.append({"role": "user", "content": "b"})

    assert request.to_wire()["messages"] == [{"role": "user", "content": "a"}]
