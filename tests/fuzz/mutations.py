"""Damage: of bytes, of lines, of JSON values, of the text in them."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, AnyStr

from .seeds import LEAK, LEAKED_JSON

Mutation = Callable[[Random, bytes, bytes], bytes]
"""Takes a response and another one, and returns a response."""

MARKERS = (
    "<tool_call>",
    "</tool_call>",
    LEAK,
    f"\n{LEAK}",
    f"\n{LEAKED_JSON}\n",
    "<tool_call>tide</tool_call>",
    "<tool_call>tide\n{}",
    "<arg_key>",
    "</arg_key><arg_value>",
    "</arg_value>",
    "<think>",
    "</think>",
    "```",
    "```json\n",
    "\n```\n",
    "`",
    "~~~\n",
    "[DONE]",
    "data: [DONE]\n\n",
    "\n\n",
    "\r",
    " ",
    "\n",
    "\u2028",
    "<|begin_of_box|>",
    "{",
    '{"',
    "}",
    "[",
    '"',
    "\\",
    "STOP",
    "<",
)
"""Texts that mean something to one part or another."""

ODD_VALUES = (
    *("null", "true", "0", "-1", "1.5", "1e300", "1e400", "-1e400", "NaN", "-Infinity"),
    *("9" * 19, "9" * 400, "1." + "3" * 400, "1e-400"),
    *('""', '"odd"', '"inf"', '"nan"', '"1e400"', '"429"', '"-1"', f'"{"9" * 400}"'),
    *("[]", "{}", "[null]", '["odd"]', "[[]]", '{"odd": [1]}', '{"": ""}', '{"text": 1}'),
    *("[" * 60 + "]" * 60, "[" * 1100 + "]" * 1100, '{"a":' * 600 + "1" + "}" * 600),
    *('"\\ud800"', '"\\udc00\\ud800"', '"\\u0000\\u001b]52;c;eA==\\u0007"', '"\\u202e"', '"\x01"'),
    *('"<tool_call>tide"', '"tide <arg_key>"', '"tool_calls"', '"length"', '"error"', '"stop"'),
)
"""JSON, and what others take for JSON, to stand in the place of any value."""

_PLACE = "\x1aodd\x1a"
_WRITTEN_PLACE = json.dumps(_PLACE)


def mutate(rng: Random, seeds: Sequence[bytes]) -> bytes:
    """Return one of the seeds, damaged in one way or in several."""
    body = rng.choice(seeds)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        body = rng.choice(MUTATIONS)(rng, body, rng.choice(seeds))
    return body


def cut(rng: Random, body: AnyStr) -> list[AnyStr]:
    """Return a body or a text in pieces of any size, now and then one by one."""
    if rng.random() < 0.1:
        return [body[at : at + 1] for at in range(len(body))]
    places = sorted(rng.randrange(len(body) + 1) for _ in range(rng.choice((1, 2, 5, 20))))
    ends = [*places, len(body)]
    return [body[start:end] for start, end in zip([0, *places], ends, strict=True)]


def insert_text(rng: Random, text: str) -> str:
    """Return a text with something in it that means something."""
    at = rng.choice((0, len(text), rng.randrange(len(text) + 1)))
    marker = rng.choice(MARKERS)
    return text[:at] + marker * rng.choice((1, 1, 1, 1, 2, 30, 3000 // len(marker))) + text[at:]


def odd_value(rng: Random) -> str:
    """Return JSON, or nearly."""
    return rng.choice(ODD_VALUES)


def change_document(rng: Random, written: str) -> str:
    """Return a JSON document with one value changed: odd, gone, twice, or with a marker in its text."""
    try:
        document = json.loads(written)
    except (ValueError, RecursionError):
        return written
    parent, key = _any_place(rng, document)
    if parent is None:
        return odd_value(rng)
    value = parent[key]
    if isinstance(value, str) and rng.random() < 0.6:
        parent[key] = insert_text(rng, value)
    elif rng.random() < 0.15:
        del parent[key]
    elif isinstance(parent, list) and rng.random() < 0.3:
        parent.insert(key, value)
    else:
        parent[key] = _PLACE
    changed = json.dumps(document, ensure_ascii=rng.random() < 0.5)
    return changed.replace(_WRITTEN_PLACE, odd_value(rng))


def _any_place(rng: Random, node: Any) -> tuple[Any, Any]:
    parent, key = None, None
    while isinstance(node, dict | list) and node and (parent is None or rng.random() < 0.85):
        parent = node
        key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        node = parent[key]
    return parent, key


def _change_value(rng: Random, body: bytes, _: bytes) -> bytes:
    lines = body.split(b"\n")
    places = [at for at, line in enumerate(lines) if line.startswith((b"data: {", b"{", b"["))]
    if not places:
        return body
    at = rng.choice(places)
    prefix = b"data: " if lines[at].startswith(b"data: ") else b""
    document = lines[at].removeprefix(prefix).decode(errors="replace")
    lines[at] = prefix + change_document(rng, document).encode(errors="surrogatepass")
    return b"\n".join(lines)


def _split_increment(rng: Random, body: bytes, _: bytes) -> bytes:
    """Send the text of one increment in two."""
    lines = body.split(b"\n")
    at = rng.randrange(len(lines))
    start = lines[at].find(b'"content": "') + len(b'"content": "')
    end = lines[at].find(b'"', start)
    if start >= len(b'"content": "') and end > start:
        half = rng.randrange(start, end)
        first, second = lines[at][:half] + lines[at][end:], lines[at][:start] + lines[at][half:]
        lines[at : at + 1] = [first, b"", second]
    return b"\n".join(lines)


def _flip(rng: Random, body: bytes, _: bytes) -> bytes:
    damaged = bytearray(body)
    for _ in range(rng.choice((1, 1, 3, 10)) if body else 0):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _insert(rng: Random, body: bytes, _: bytes) -> bytes:
    at = rng.randrange(len(body) + 1)
    return body[:at] + rng.randbytes(rng.choice((1, 1, 4, 40))) + body[at:]


def _insert_marker(rng: Random, body: bytes, _: bytes) -> bytes:
    at = rng.randrange(len(body) + 1)
    return body[:at] + rng.choice(MARKERS).encode() + body[at:]


def _delete(rng: Random, body: bytes, _: bytes) -> bytes:
    at = rng.randrange(len(body) + 1)
    return body[:at] + body[at + rng.choice((1, 1, 5, 50, 500)) :]


def _double(rng: Random, body: bytes, _: bytes) -> bytes:
    start, end = sorted(rng.randrange(len(body) + 1) for _ in range(2))
    return body[:end] + body[start:]


def _repeat(rng: Random, body: bytes, _: bytes) -> bytes:
    """Say a little very often, within one increment."""
    start = rng.randrange(len(body) + 1)
    part = body[start : start + rng.choice((1, 2, 2, 4, 8, 20))]
    return body[:start] + part * (rng.choice((300, 4000)) // max(len(part), 1)) + body[start:]


def _repeat_lines(rng: Random, body: bytes, _: bytes) -> bytes:
    """Send some events very often."""
    lines = body.split(b"\n")
    at, count = rng.randrange(len(lines)), rng.choice((2, 2, 4))
    lines[at:at] = lines[at : at + count] * rng.choice((5, 20, 100))
    return b"\n".join(lines)


def _splice(rng: Random, body: bytes, other: bytes) -> bytes:
    return body[: rng.randrange(len(body) + 1)] + other[rng.randrange(len(other) + 1) :]


def _truncate(rng: Random, body: bytes, _: bytes) -> bytes:
    return body[: rng.randrange(len(body) + 1)]


def _change_lines(rng: Random, body: bytes, other: bytes) -> bytes:
    lines, others = body.split(b"\n"), other.split(b"\n")
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(6):
        case 0:
            del lines[at]
        case 1:
            lines.insert(to, lines[at])
        case 2:
            lines[at], lines[to] = lines[to], lines[at]
        case 3:
            lines.insert(at, rng.choice(others))
        case 4:
            lines[at : at + 2] = [b"".join(lines[at : at + 2])]
        case 5:
            return rng.choice((b"\r\n", b"\r", b"\n\n")).join(lines)
    return b"\n".join(lines)


MUTATIONS: Sequence[Mutation] = (
    *(_change_value,) * 6,
    *(_split_increment,) * 2,
    *(_change_lines,) * 3,
    _flip,
    _insert,
    _insert_marker,
    _delete,
    _double,
    _repeat,
    _repeat_lines,
    _splice,
    _truncate,
)
"""Those that come more often leave more of a response intact."""
