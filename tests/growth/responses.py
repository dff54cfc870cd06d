"""Responses of any size, as the tests of the wire write them: tool calls above all."""

from collections.abc import Callable
from typing import Any

from support.wire import call, calls, chunk, event_stream, finishes, says, uses

__all__ = ["CUT", "RESPONSES"]

OSLO = '{"harbour": "Oslo"}'


def begun(arguments: str, *fragments: dict[str, Any]) -> list[dict[str, Any]]:
    """A call that begins with `arguments`, and its fragments, each in a chunk of its own."""
    return [calls(call("tide", arguments, 0, "a")), *(calls(fragment) for fragment in fragments)]


def streamed(*payloads: dict[str, Any]) -> list[bytes]:
    return [event_stream(*payloads, finishes("tool_calls"))]


def detail(**more: Any) -> dict[str, Any]:
    return {"type": "reasoning.text", "text": "Hm. ", **more}


def thinks_in(*details: dict[str, Any]) -> dict[str, Any]:
    return chunk({"reasoning_details": list(details)})


RESPONSES: dict[str, Callable[[int], list[bytes]]] = {
    "calls in one chunk": lambda n: streamed(
        calls(*(call("tide", "{}", at, f"c{at}") for at in range(n)))
    ),
    "calls one after the other": lambda n: streamed(
        *(calls(call("tide", OSLO, at, f"c{at}")) for at in range(n))
    ),
    "calls without index": lambda n: streamed(
        *(calls(call("tide", OSLO, id=f"c{at}")) for at in range(n))
    ),
    "calls without index and id": lambda n: streamed(*[calls(call("tide", OSLO))] * n),
    "names that take turns on one index": lambda n: streamed(
        *(calls(call(("tide", "find_berth")[at % 2], OSLO[:-1], 0)) for at in range(n))
    ),
    "fragments of calls that take turns": lambda n: streamed(
        calls(*(call("tide", '{"a": "', at, f"c{at}") for at in range(n))),
        *(calls(call(None, "a", at)) for at in range(n)),
        *(calls(call(None, '"}', None, f"c{at}")) for at in range(n)),
    ),
    "fragments in one chunk": lambda n: streamed(
        calls(call("tide", '{"a": "', 0, "a"), *[call(None, "a", 0)] * n, call(None, '"}', 0))
    ),
    "fragments with the name and another id in each": lambda n: streamed(
        *begun('{"a": "', *(call("tide", "}", 0, f"c{at}") for at in range(n)))
    ),
    "fragments of blanks after the end": lambda n: streamed(
        *begun(OSLO, *[call(None, " ", 0), call("tide", OSLO, 0)] * n)
    ),
    "fragments of a text that is encoded twice": lambda n: streamed(
        *begun('"', *[call(None, "a", 0)] * n)
    ),
    "braces in a string": lambda n: streamed(*begun('{"a": "', *[call(None, "{}", 0)] * n)),
    "braces after the end": lambda n: streamed(*begun(OSLO, *[call(None, '{"a": 1}', 0)] * n)),
    "braces where none can be": lambda n: streamed(
        *begun('{"a": "' + "a" * n + '"', *[call(None, "{}", 0)] * n)
    ),
    "braces after blanks": lambda n: streamed(
        *begun('{"a":' + " " * n, *[call(None, '{"a":', 0), call(None, " ", 0)] * n)
    ),
    "objects of a list": lambda n: streamed(
        *begun('{"a": [', *[call(None, OSLO, 0), call(None, ", ", 0)] * n)
    ),
    "backslashes in a string": lambda n: streamed(*begun('{"a": "', *[call("tide", "\\", 0)] * n)),
    "a long call sent again": lambda n: streamed(
        *begun('{"a": "' + "a" * n + '"}', *[call("tide", "{}", 0), call(None, "{}", 0)] * n)
    ),
    "details of many indexes": lambda n: streamed(
        *(thinks_in(detail(index=at)) for at in range(n)),
        *(thinks_in(detail(index=at)) for at in range(n)),
    ),
    "details without index": lambda n: streamed(*[thinks_in(detail())] * n),
    "details in one chunk": lambda n: streamed(thinks_in(*(detail(index=at) for at in range(n)))),
    "keys": lambda n: streamed(says("a", **{f"key{at}": 1 for at in range(n)})),
    "keys that do not fit": lambda n: streamed(
        says("a", created="now", **{f"key{at}": [1e400] for at in range(n)})
    ),
    "usage in each chunk": lambda n: streamed(*[uses("A")] * n),
    "bytes one by one": lambda n: [
        bytes([each]) for each in event_stream(says("a" * n), finishes())
    ],
}

CUT = {
    "a list": '{"a": ["x", ',
    "lists in lists": '{"a": [',
    "objects in objects": '{"a":',
    "strings": '"a"',
    "backslashes": "\\",
}
"""What a call that was cut may be full of."""
