"""Reasoning in every form in which it comes: apart from the answer, once, and kept to be sent back."""

from glm_openrouter.testing import bytes_reply
from support.surfaces import across
from support.wire import chunk, event_stream, thinks


def detail(**keys):
    return {"type": "reasoning.text", "index": 0, **keys}


def details(*entries, **delta):
    return chunk({"content": "", "reasoning_details": list(entries), **delta})


YES = chunk({"content": "Yes."}, "stop")
MERGED = [{"type": "reasoning.text", "text": "Hm, well.", "format": "unknown", "index": 0}]

FORMS = {
    "text alone": (
        [chunk({"reasoning": "Hm, "}), chunk({"reasoning": "well."}), YES],
        "Hm, well.",
        None,
    ),
    "the name that Z.AI gives it": (
        [chunk({"reasoning_content": "Hm, "}), chunk({"reasoning_content": "well."}), YES],
        "Hm, well.",
        None,
    ),
    "text and details": ([thinks("Hm, "), thinks("well."), YES], "Hm, well.", MERGED),
    "details alone": (
        [details(detail(text="Hm, ")), details(detail(text="well.")), YES],
        "Hm, well.",
        [detail(text="Hm, well.")],
    ),
    "details without text": (
        [details({"type": "reasoning.encrypted", "data": "ab", "index": 0}), YES],
        "",
        [{"type": "reasoning.encrypted", "data": "ab", "index": 0}],
    ),
    "a format that is null": (
        [
            details(detail(text="Hm, ", format=None)),
            details(detail(text="well.", format=None)),
            YES,
        ],
        "Hm, well.",
        [detail(text="Hm, well.", format=None)],
    ),
    "a format at the beginning, a signature at the end": (
        [
            details(detail(text="Hm, ", format="unknown", signature=None)),
            details(detail(text="well.", format=None, signature="s1")),
            YES,
        ],
        "Hm, well.",
        [detail(text="Hm, well.", format="unknown", signature="s1")],
    ),
    "entries of several kinds": (
        [
            details({"type": "reasoning.summary", "summary": "In ", "index": 0}),
            details({"type": "reasoning.summary", "summary": "short", "index": 0}),
            details({"type": "reasoning.encrypted", "data": "ab", "index": 1}),
            YES,
        ],
        "In short",
        [
            {"type": "reasoning.summary", "summary": "In short", "index": 0},
            {"type": "reasoning.encrypted", "data": "ab", "index": 1},
        ],
    ),
    "after a newline of the answer": (
        [chunk({"content": "\n"}), thinks("Hm, "), thinks("well."), YES],
        "Hm, well.",
        MERGED,
    ),
    "after the answer": (
        [chunk({"content": "Yes."}), thinks("Hm, "), thinks("well."), chunk({}, "stop")],
        "Hm, well.",
        MERGED,
    ),
}


@across("form", FORMS, "text and details", "details without text", "after the answer")
def test_reasoning_is_apart_from_the_answer_and_counts_once(surface, scripted_openrouter, form):
    events, text, merged = FORMS[form]
    answer = surface.ask(scripted_openrouter(bytes_reply(event_stream(*events))).base_url)
    assert (answer.text, answer.streamed, answer.reasoning) == ("Yes.", "Yes.", text)
    assert answer.reasoning_details == merged
