"""How an answer ends: complete, or an error that holds what came; usage counts once."""

import pytest

from glm_openrouter import Budget, StreamInterruptedError, track_spend
from glm_openrouter.testing import Close, Hold, Reset, bytes_reply
from support.surfaces import across
from support.wire import USAGE, chunk, event_stream

HALF = chunk({"content": "Half"})
REST = chunk({"content": " an answer"})
END = chunk({"content": ""}, "stop", usage=USAGE)
USED = (31, 17, 0.0000521)

COMPLETE = {
    "the end marker, then nothing": (event_stream(HALF, REST, END), Hold()),
    "the end marker without a line end": (event_stream(HALF, REST, END)[:-2], Hold()),
    "the end marker, then a reset": (event_stream(HALF, REST, END), Reset()),
    "no end marker": (event_stream(HALF, REST, END, done=False), Close(clean=True)),
    "no end marker, then a cut": (event_stream(HALF, REST, END, done=False), Close()),
    "no end marker, then a reset": (event_stream(HALF, REST, END, done=False), Reset()),
}


@across("end", COMPLETE, "the end marker, then nothing", "no end marker, then a cut")
def test_after_the_finish_reason_nothing_can_go_wrong(surface, scripted_openrouter, end):
    body, step = COMPLETE[end]
    answer = surface.ask(scripted_openrouter((*bytes_reply(body), step)).base_url)
    assert (answer.text, answer.finish_reason, answer.usage) == ("Half an answer", "stop", USED)


BROKEN = {
    "a clean close": (event_stream(HALF, done=False), Close(clean=True)),
    "a cut": (event_stream(HALF, done=False), Close()),
    "a reset": (event_stream(HALF, done=False), Reset()),
    "the end marker alone": (event_stream(HALF), Close(clean=True)),
    "half an event": (event_stream(HALF, done=False) + b'data: {"choices":[{"d', Close(clean=True)),
    "half a line": (event_stream(HALF, done=False) + b"da", Close()),
}


@across("end", BROKEN, "a clean close", "a reset", "the end marker alone")
def test_an_answer_without_a_finish_reason_is_an_error_that_holds_it(
    surface, scripted_openrouter, end
):
    body, step = BROKEN[end]
    server = scripted_openrouter((*bytes_reply(body), step))
    with pytest.raises(StreamInterruptedError) as caught:
        surface.ask(server.base_url)
    assert caught.value.partial_text == "Half"
    assert caught.value.model == "z-ai/glm-4.6:exacto"
    assert len(server.requests) == 1


def used(completion_tokens):
    return {**USAGE, "completion_tokens": completion_tokens}


STOP = chunk({"content": ""}, "stop")
USAGES = {
    "with the finish reason": (HALF, REST, END),
    "in a chunk without choices": (HALF, REST, STOP, {**END, "choices": []}),
    "in a chunk whose finish reason is null": (HALF, REST, STOP, chunk({}, None, usage=USAGE)),
    "with a second finish reason": (HALF, REST, STOP, END),
    "twice": (HALF, REST, END, END),
    "in every chunk": ({**HALF, "usage": used(1)}, {**REST, "usage": used(2)}, END),
    "before one that is empty": (HALF, REST, END, {**END, "choices": [], "usage": {}}),
    "before one that is null": (HALF, REST, END, {**END, "choices": [], "usage": None}),
    "in numbers of another kind": (
        HALF,
        REST,
        chunk(
            {},
            "stop",
            usage={"prompt_tokens": 31.0, "completion_tokens": "17", "cost": "0.0000521"},
        ),
    ),
}


@across("form", USAGES, "in a chunk without choices", "twice", "in every chunk")
def test_usage_counts_once_and_the_last_one_wins(surface, scripted_openrouter, form):
    answer = surface.ask(scripted_openrouter(bytes_reply(event_stream(*USAGES[form]))).base_url)
    assert (answer.text, answer.finish_reason, answer.usage) == ("Half an answer", "stop", USED)


UNREADABLE = {
    "text": "many",
    "a list": [31, 17],
    "counts that are text, a list, negative, no number": {
        "prompt_tokens": "many",
        "completion_tokens": [17],
        "total_tokens": -1,
        "cost": "little",
        "prompt_tokens_details": 5,
        "completion_tokens_details": {"reasoning_tokens": True},
        "cost_details": "none",
    },
}


@pytest.mark.filterwarnings("ignore::glm_openrouter.UnreportedCostWarning")
@across("form", UNREADABLE, "text", "counts that are text, a list, negative, no number")
def test_usage_that_cannot_be_read_costs_no_answer(surface, scripted_openrouter, form):
    last = {**chunk({}, "stop"), "usage": UNREADABLE[form]}
    server = scripted_openrouter(bytes_reply(event_stream(HALF, REST, last)))
    with track_spend() as spend, Budget(5.0) as budget:
        answer = surface.ask(server.base_url)
    assert (answer.text, answer.finish_reason) == ("Half an answer", "stop")
    assert (spend.total.calls, spend.total.cost, spend.total.prompt_tokens) == (1, 0, 0)
    assert 0 < budget.remaining < 5


def test_usage_that_was_not_reported_is_not_invented(surface, scripted_openrouter):
    answer = surface.ask(scripted_openrouter(bytes_reply(event_stream(HALF, STOP))).base_url)
    assert answer.usage is None


NATIVE = {"sensitive": "content_filter", "model_context_window_exceeded": "length"}


@pytest.mark.parametrize("native", NATIVE)
def test_the_reason_of_the_provider_counts_where_there_is_no_other(
    surface, scripted_openrouter, native
):
    last = chunk({})
    last["choices"][0]["native_finish_reason"] = native
    answer = surface.ask(scripted_openrouter(bytes_reply(event_stream(HALF, last))).base_url)
    assert (answer.text, answer.finish_reason) == ("Half", NATIVE[native])


def test_an_empty_finish_reason_is_none(surface, scripted_openrouter):
    body = event_stream(chunk({"content": "Half"}, ""), done=False)
    with pytest.raises(StreamInterruptedError):
        surface.ask(scripted_openrouter(bytes_reply(body)).base_url)


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_the_finish_reason_is_given_on(surface, scripted_openrouter, reason):
    body = event_stream(HALF, chunk({}, reason))
    assert surface.ask(scripted_openrouter(bytes_reply(body)).base_url).finish_reason == reason
