"""Shapes of responses whose cost has grown with the square of their size, or might."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import messages_from_dict

from glm_openrouter import REPAIRS, APIError, Delta, ToolCallDelta
from glm_openrouter._json.in_text import json_values
from glm_openrouter._json.outline import cut_mark
from glm_openrouter._response.failures import error_from_body
from glm_openrouter._response.parser import ResponseParser
from glm_openrouter._response.repairs import Repairs
from glm_openrouter._response.sse import ResponseDecoder
from glm_openrouter._response.stop import StopSequences
from glm_openrouter.models import find_model
from glm_openrouter.request.history import MessageRules
from glm_openrouter.spending.ledger import PlannedCall
from glm_openrouter.spending.spend import Spend
from glm_openrouter.structured import Partials
from glm_openrouter.tokens import count_tokens
from langchain_glm._from_wire.chunks import to_chunk
from langchain_glm._to_wire.messages import to_messages
from llamaindex_glm._streaming.lazy import LazyChatBuilder

from .responses import CUT, RESPONSES

__all__ = ["SHAPES", "Shape"]

TOOLS = {
    "find_berth": {"type": "object", "properties": {"harbour": {"type": "string"}}},
    "tide": {},
}
LEAK = (
    "<tool_call>find_berth\n<arg_key>harbour</arg_key>\n<arg_value>Oslo</arg_value>\n</tool_call>"
)


def _reserve(calls: Iterable[int]) -> None:
    spend = Spend()
    for number in calls:
        spend.reserve(number, PlannedCall("glm", []))


_GROWING = 3000
"""Increments; an answer that has fewer than a few hundred is read again with each, see `PartialJSON`."""
_WEIGHED = 500
"""Entries of a body that is so large that its memory is counted, also at the smallest size."""


@dataclass(frozen=True)
class Shape:
    """Something of a size that can be chosen, and what is done with it."""

    name: str
    make: Callable[[int], Any]
    use: Callable[[Any], None]
    size: int = 100
    """The smallest of the three sizes; the others are two and four times as large."""


def _chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish, **more}]}


def _stream(deltas: Iterable[dict[str, Any]], **more: Any) -> list[bytes]:
    """Return a stream, one event in each piece."""
    chunks = [*(_chunk(delta, **more) for delta in deltas), _chunk({}, "stop")]
    return [
        *(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks),
        b"data: [DONE]\n\n",
    ]


def _says(texts: Iterable[str]) -> list[bytes]:
    return _stream({"content": text} for text in texts)


def _thinks(texts: Iterable[str]) -> list[bytes]:
    return _stream({"reasoning": text} for text in texts)


def _calls(calls: Iterable[dict[str, Any]]) -> list[bytes]:
    return _stream({"tool_calls": [call]} for call in calls)


def _call(index: int | None, arguments: str, **more: Any) -> dict[str, Any]:
    name = more.pop("name", None)
    return {"index": index, "function": {"name": name, "arguments": arguments}, **more}


def _body(message: dict[str, Any], **more: Any) -> list[bytes]:
    choice = {"index": 0, "message": message, "finish_reason": "stop", **more}
    return [json.dumps({"choices": [choice]}).encode()]


def _logprobs(count: int) -> dict[str, Any]:
    return {"content": [{"token": "a", "logprob": -0.1, "top_logprobs": []}] * count}


def _assemble(pieces: Iterable[bytes], *stop: str) -> None:
    """Put a response together with all repairs; what comes of it does not matter."""
    repairs = Repairs(frozenset(REPAIRS), TOOLS, wants_json=True)
    assembly = ResponseParser(
        ResponseDecoder(), repairs, "model", StopSequences(*stop) if stop else None
    )
    try:
        for piece in pieces:
            assembly.feed(piece)
        assembly.flush()
    except APIError:
        pass


def _stopping(pieces: Iterable[bytes]) -> None:
    _assemble(pieces, "STOP", "abcabd")


def _fail(body: bytes) -> None:
    str(error_from_body(body, 502, {}, {}))


def _failure(error: dict[str, Any]) -> bytes:
    return json.dumps({"error": error}).encode()


def _page(text: str) -> bytes:
    return f"<html>{text}".encode()


def _search(text: str) -> None:
    for _ in json_values(text):
        pass


def _grow(pieces: Iterable[str]) -> None:
    partials = Partials("answer", "object")
    for piece in pieces:
        partials.feed_text(piece)


def _count(text: str) -> None:
    count_tokens(text)


def _converse(count: int) -> list[dict[str, Any]]:
    """Return a conversation with a tool call and its result in each turn."""
    made = [
        {"name": "find_berth", "args": {"harbour": "Oslo"}, "id": f"call_{at}"}
        for at in range(count)
    ]
    turns = [({"content": "", "tool_calls": [call]}, call["id"]) for call in made]
    return [
        message
        for said, call_id in turns
        for message in (
            {"type": "ai", "data": said},
            {"type": "tool", "data": {"content": "Pier two.", "tool_call_id": call_id}},
        )
    ]


RULES = MessageRules("z-ai/glm-4.6", find_model, lambda *_: None)


def _to_langchain(conversation: list[dict[str, Any]]) -> None:
    to_messages(messages_from_dict(conversation), RULES)


def _as_chunks(deltas: list[Delta]) -> None:
    for delta in deltas:
        to_chunk(delta)


def _as_responses(deltas: list[Delta]) -> None:
    builder = LazyChatBuilder()
    responses = [builder.feed(delta) for delta in deltas]
    assert responses[-1].message.content


def _deltas(count: int) -> list[Delta]:
    calls = (ToolCallDelta(at % 3, None, None, "{") for at in range(count))
    return [Delta("a", "b", [call]) for call in calls]


def _each(text: str) -> Callable[[int], Iterator[str]]:
    """Return something that gives the text n times."""
    return lambda n: (text for _ in range(n))


def _after(start: str, text: str) -> Callable[[int], Iterator[str]]:
    """Return something that gives a text, and then another n times."""
    return lambda n: (start if at == 0 else text for at in range(n + 1))


def _said(texts: Callable[[int], Iterable[str]]) -> Callable[[int], list[bytes]]:
    return lambda n: _says(texts(n))


_TEXTS = {
    "words": _each("word "),
    "markup": _each("<b>"),
    "newlines": _each("\n"),
    "a backtick each": _each("`"),
    "a tilde each": _each("~"),
    "fences": _each("```\n"),
    "code that begins and ends": _each("`a` "),
    "newlines at the end of fenced JSON": _after('```json\n{"a": 1}', "\n"),
    "spaces at the end of fenced JSON": _after('```json\n{"a": 1}', " "),
    "newlines after fenced JSON": _after('```json\n{"a": 1}\n```', "\n"),
    "spaces after fenced JSON": _after('```json\n{"a": 1}\n```', " "),
    "fenced JSON that goes on": _after("```json\n", '{"a": 1} '),
    "fences in fenced JSON": _after("```json\n", "``` "),
    "a block that never closes": _after("\n<tool_call>find_berth\n", "text"),
    "a block of JSON that never closes": _after('\n<tool_call>{"name": "find_berth', "text"),
    "a large block that never closes": _after("\n<tool_call>find_berth\n", "x" * 256),
    "a block of openers": _after("\n<tool_call>find_berth\n", "<tool_call>"),
    "blocks": _each(f"{LEAK}\n"),
    "blanks after a block": _after(LEAK, " "),
    "words after a block": _after(f"{LEAK}\n", "word "),
    "blocks that are no calls": _each("\n<tool_call>find_berth no</tool_call>"),
    "blocks of an unknown tool": _each("\n<tool_call>other</tool_call>"),
    "openers": _each("<tool_call>"),
    "closers": _each("</tool_call>"),
    "thinking again and again": _each("<think>a</think>"),
    "thinking that never ends": _after("<think>", "a"),
    "thinking that only ends": _each("</think>"),
    "nearly markers": _each("</tool_cal"),
    "arguments": lambda n: (
        "\n<tool_call>find_berth",
        *("<arg_key>a</arg_key><arg_value>b</arg_value>" for _ in range(n)),
        "</tool_call>",
    ),
    "arguments that never close": lambda n: (
        "\n<tool_call>find_berth",
        *("<arg_key>a</arg_key><arg_value>" for _ in range(n)),
        "</tool_call>",
    ),
    "keys without values": lambda n: (
        "\n<tool_call>find_berth",
        *("<arg_key>a</arg_key>" for _ in range(n)),
        "</tool_call>",
    ),
}
"""Texts in n parts, each of which comes in an increment of its own, and all of them in one."""

_PIECEMEAL = [
    shape
    for name, texts in _TEXTS.items()
    for shape in (
        Shape(f"{name}, one by one", _said(texts), _assemble),
        Shape(f"{name}, at once", _said(lambda n, t=texts: ["".join(t(n))]), _assemble),
        Shape(f"{name}, as reasoning", lambda n, t=texts: _thinks(t(n)), _assemble),
        Shape(f"{name}, looked through for JSON", lambda n, t=texts: "".join(t(n)), _search),
        Shape(
            f"{name}, in an error", lambda n, t=texts: _failure({"message": "".join(t(n))}), _fail
        ),
        Shape(f"{name}, in a page", lambda n, t=texts: _page("".join(t(n))), _fail),
    )
]

_SHORT = {name: texts for name, texts in _TEXTS.items() if len("".join(texts(100))) < 2000}
"""To what reads a growing value markup is a text like any other; long parts would only take time."""

_GROWING_ANSWERS = [
    Shape(f"{name}, as an answer that grows", texts, _grow, size=_GROWING)
    for name, texts in _SHORT.items()
]

_CALLS = {
    "calls": lambda n: (_call(at, "{}", id=f"call_{at}", name="find_berth") for at in range(n)),
    "calls without an id": lambda n: (_call(at, "{}", name="find_berth") for at in range(n)),
    "calls of one id": lambda n: (_call(at, "{}", id="a", name="find_berth") for at in range(n)),
    "calls of one index": lambda n: (
        _call(0, "{}", id=f"call_{at}", name="find_berth") for at in range(n)
    ),
    "calls without an index": lambda n: (
        _call(None, "{}", id=f"call_{at}", name="find_berth") for at in range(n)
    ),
    "calls sent again": lambda n: (
        _call(at % 10, '{"a": 1}', name="find_berth") for at in range(n)
    ),
    "fragments": lambda n: (
        _call(0, part, name="a" if at == 0 else None) for at, part in enumerate(_string(n))
    ),
    "fragments with the name in each": lambda n: (
        _call(0, part, name="find_berth") for part in _string(n)
    ),
    "fragments that are blank": lambda n: (_call(0, " ", name="find_berth") for _ in range(n)),
    "fragments that are objects": lambda n: (_call(0, "{", name=None) for _ in range(n)),
    "fragments of two calls in turn": lambda n: (
        _call(at % 2, "a", name="find_berth" if at < 2 else None) for at in range(n)
    ),
}


def _string(n: int) -> list[str]:
    return ['{"a": "', *("text" for _ in range(n)), '"}']


def _mark_cut_call(texts: tuple[str, str]) -> None:
    for text in texts:
        cut_mark(text)


_OTHERS = [
    *(
        Shape(name, make, _assemble, size=_WEIGHED if "in one chunk" in name else 100)
        for name, make in RESPONSES.items()
    ),
    *(
        Shape(
            f"a cut call of {name}",
            lambda n, part=part: ('{"a": "' + part * n, part * n),
            _mark_cut_call,
        )
        for name, part in CUT.items()
    ),
    *(
        Shape(f"{name} in a stream", lambda n, c=calls: _calls(c(n)), _assemble)
        for name, calls in _CALLS.items()
    ),
    *(
        Shape(
            f"{name} in a body",
            lambda n, c=calls: _body({"tool_calls": [*c(n)]}),
            _assemble,
            size=_WEIGHED,
        )
        for name, calls in _CALLS.items()
    ),
    Shape("calls as names", lambda n: _calls([_call(0, "", name="a<arg_key>" * n)]), _assemble),
    Shape(
        "log probabilities in a stream",
        lambda n: _stream([{"content": "a"}] * n, logprobs=_logprobs(1)),
        _assemble,
    ),
    Shape(
        "log probabilities in a body",
        lambda n: _body({"content": "a"}, logprobs=_logprobs(n)),
        _assemble,
        size=_WEIGHED,
    ),
    Shape(
        "details of reasoning",
        lambda n: _stream(
            [{"reasoning_details": [{"type": "reasoning.text", "text": "a", "index": 0}]}] * n
        ),
        _assemble,
    ),
    Shape(
        "details of reasoning that are not the same",
        lambda n: _stream(
            {
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "a", "index": at, "id": str(at)}
                ]
            }
            for at in range(n)
        ),
        _assemble,
    ),
    Shape(
        "citations", lambda n: _stream([{"annotations": [{"type": "url_citation"}]}] * n), _assemble
    ),
    Shape("refusals", lambda n: _stream([{"refusal": "No."}] * n), _assemble),
    Shape(
        "choices",
        lambda n: [json.dumps({"choices": [{"index": 1}] * n}).encode()],
        _assemble,
        size=4 * _WEIGHED,
    ),
    Shape("nearly stop texts", _said(_each("abcab")), _stopping),
    Shape("comments", lambda n: [b": OPENROUTER PROCESSING\n\n"] * n, _assemble),
    Shape("one line in pieces", lambda n: [b"data: ", *[b"x"] * n], _assemble),
    Shape("one event of many lines", lambda n: [b"data: {\n" for _ in range(n)], _assemble),
    Shape("lines that belong nowhere", lambda n: [b"oh\n"] * n, _assemble),
    Shape("carriage returns", lambda n: [b"\r"] * n, _assemble),
    Shape("blanks", lambda n: [b" "] * n, _assemble),
    Shape("a body in pieces", lambda n: [b'{"a": "', *[b"x"] * n, b'"}'], _assemble),
    Shape("blanks in a body", lambda n: [b"{", *[b" "] * n, b"}"], _assemble),
    Shape("opening brackets in a page", lambda n: _page("<" * n), _fail),
    Shape("titles in a page", lambda n: _page("<title>" * n), _fail),
    Shape(
        "titles in what the provider said",
        lambda n: _failure({"metadata": {"raw": "<html>" + "<title>" * n}}),
        _fail,
    ),
    Shape(
        "an error in an error",
        lambda n: _failure({"metadata": {"raw": json.dumps({"error": ["a"] * n})}}),
        _fail,
    ),
    Shape("a fence, newlines and a word", lambda n: "```" + "\n" * n + "x", _search),
    Shape("fences that open", lambda n: "```\n" * n, _search),
    Shape("objects in a sentence", lambda n: 'see {"a": 1} ' * n, _search),
    Shape("objects that open", lambda n: '{"a":' * n, _search),
    Shape("lists that open", lambda n: "[" * n, _search),
    Shape("braces and blanks", lambda n: "{" + " " * n, _search),
    Shape("braces in sentences", lambda n: "{ a } " * n, _search),
    Shape("thoughts before an answer", lambda n: "</think>" * n + "{}", _search),
    Shape("an answer that grows", _each('"text": '), _grow, size=_GROWING),
    Shape("a list that grows", _after('{"a": [', "1, "), _grow, size=_GROWING),
    Shape("a string that grows", _after('{"a": "', "text "), _grow, size=_GROWING),
    Shape("an object in an object", _each('{"a": '), _grow, size=_GROWING),
    Shape("a conversation with calls", _converse, _to_langchain),
    Shape("increments as chunks of LangChain", _deltas, _as_chunks),
    Shape("increments as responses of LlamaIndex", _deltas, _as_responses),
    Shape("letters, counted", lambda n: "a" * n, _count),
    Shape("digits, counted", lambda n: "1" * n, _count),
    Shape("blanks, counted", lambda n: " " * n, _count),
    Shape("newlines, counted", lambda n: "\n" * n, _count),
    Shape("signs, counted", lambda n: "!" * n, _count),
    Shape("other scripts, counted", lambda n: "語" * n, _count),
    Shape("calls in flight beside each other", range, _reserve),
]

SHAPES = {shape.name: shape for shape in (*_PIECEMEAL, *_GROWING_ANSWERS, *_OTHERS)}
