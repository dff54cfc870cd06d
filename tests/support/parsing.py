"""The path that every response takes, without a socket: bytes in, increments and the completion out."""

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any

from glm_openrouter import REPAIRS, Completion, Delta
from glm_openrouter._response.parser import ResponseParser
from glm_openrouter._response.repairs import Repairs
from glm_openrouter._response.sse import ResponseDecoder

from .wire import MODEL, event_stream


def assemble(
    data: bytes | Iterable[bytes],
    *,
    tools: Mapping[str, Any] | None = None,
    repairs: Iterable[str] = tuple(REPAIRS),
) -> tuple[list[Delta], Completion]:
    """Put the bytes of a response through the path that every response takes."""
    assembly = ResponseParser(
        ResponseDecoder(), Repairs(frozenset(repairs), tools or {}), f"{MODEL}:exacto"
    )
    deltas = []
    for piece in [data] if isinstance(data, bytes) else data:
        # The client hands increments on at once, so nobody may change them later.
        deltas += copy.deepcopy(assembly.feed(piece))
        if assembly.done:
            break
    deltas += assembly.flush()
    assert assembly.completion is not None
    return deltas, assembly.completion


def read_whole(reads: Iterable[bytes]) -> Completion:
    """Put the reads of a response together as for a caller who wants it whole, and so gets no increments."""
    parser = ResponseParser(
        ResponseDecoder(), Repairs(frozenset(REPAIRS), {}), f"{MODEL}:exacto", gives_out=False
    )
    given = [delta for data in reads for delta in parser.feed(data)] + parser.flush()
    assert given == []
    assert parser.completion is not None
    return parser.completion


def assemble_stream(
    *payloads: Mapping[str, Any] | str, done: bool = True, **options: Any
) -> tuple[list[Delta], Completion]:
    """Put events through that path, each with a read of its own, so that none is joined with another."""
    pieces = [event_stream(payload, done=False) for payload in payloads]
    return assemble([*pieces, event_stream(done=done)], **options)


def assemble_body(payload: object, **options: Any) -> Completion:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return assemble(data, **options)[1]


def joined(deltas: Iterable[Delta]) -> tuple[str, str, list[tuple[str, str, str]]]:
    """What a reader of the increments has in the end: text, reasoning, and id, name and arguments of each call.

    Fails if an id or a name is sent twice.
    """
    text, reasoning = "", ""
    found: dict[int | None, tuple[list[str], list[str], list[str]]] = {}
    for delta in deltas:
        if delta.text_was_reasoning:
            text, reasoning = "", reasoning + text
        text += delta.text
        reasoning += delta.reasoning
        for part in delta.tool_calls:
            ids, names, arguments = found.setdefault(part.index, ([], [], []))
            ids += [part.id] if part.id else []
            names += [part.name] if part.name else []
            arguments.append(part.arguments)
    assert sorted(found) == list(range(len(found)))
    assert all(len(ids) == 1 and len(names) <= 1 for ids, names, _ in found.values())
    calls = [("".join(i), "".join(n), "".join(a)) for _, (i, n, a) in sorted(found.items())]
    return text, reasoning, calls


def assert_joined(deltas: Iterable[Delta], completion: Completion) -> None:
    """Assert that reading the increments gives what the completion holds."""
    expected = [(c.id, c.name, c.arguments) for c in completion.tool_calls]
    assert joined(deltas) == (completion.text, completion.reasoning, expected)


def facts(completion: Completion) -> dict[str, Any]:
    """A completion as plain values, without ids that had to be made up."""
    values = {name: getattr(completion, name) for name in completion.__struct_fields__}
    values["tool_calls"] = [
        (c.id if "_" not in c.id or len(c.id) < 37 else "made up", c.name, c.arguments, c.parsed)
        for c in completion.tool_calls
    ]
    return values
