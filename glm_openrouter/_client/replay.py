"""Answers that a journal keeps: which those are, how they are written and read, and what is seen of a replay."""

from __future__ import annotations

from copy import deepcopy
from typing import Final

import msgspec
from msgspec.structs import replace

from glm_openrouter._json.strict import parse_arguments
from glm_openrouter._json.values import JSONObject
from glm_openrouter.completions import CUT, Completion, Delta, ToolCall, ToolCallDelta
from glm_openrouter.journal.row import Place, open_row
from glm_openrouter.request._body import encode_body
from glm_openrouter.spending.call_log import describe_replay
from glm_openrouter.spending.ledger import open_ledgers, open_logs

__all__ = ["as_delta", "count_replay", "find_place", "is_to_keep", "read_answer", "write_answer"]

_CHANGING: Final = frozenset(
    ("metadata", "session_id", "stream", "stream_options", "trace", "user")
)
"""Fields of a body that may change from run to run, and that no answer depends on."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Completion).decode


def find_place(path: str, body: JSONObject) -> Place | None:
    """Return the place for the answer to a request in the journal that is open here, if one is.

    Args:
        path: Where the request goes.
        body: What is asked for, without the pin of a provider.

    Raises:
        InvalidRequestError: The body holds a value that is not JSON.
    """
    row = open_row()
    if row is None:
        return None
    lasting = {name: value for name, value in body.items() if name not in _CHANGING}
    return row.take(path.encode() + encode_body(lasting))


def is_to_keep(completion: Completion) -> bool:
    """Return whether an answer is paid and whole, as far as the request allows.

    One that reached its `max_tokens` is: it would do so again. Not if that limit was only what the balance allowed.
    """
    if completion.finish_reason == "length":
        return not any(note.startswith("max_tokens:") for note in completion.adjustments)
    return completion.finish_reason not in CUT


def write_answer(completion: Completion) -> bytes:
    """Return an answer as bytes; what its tool calls say is in there once, as text."""
    calls = [replace(call, parsed=None) for call in completion.tool_calls]
    return _encode(replace(completion, tool_calls=calls))


def read_answer(answer: bytes) -> Completion | None:
    """Return the answer that bytes hold, strictly; `None` if there is anything that has no place in one."""
    try:
        completion = _decode(answer)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if not is_to_keep(completion):
        return None
    may_run = completion.finish_reason not in CUT
    if not all(_read_call(call, may_run=may_run) for call in completion.tool_calls):
        return None
    completion.replayed = True
    return completion


def _read_call(call: ToolCall, *, may_run: bool) -> bool:
    """Read the arguments of a call that may run; return whether it is as it can only be."""
    if call.error is not None:
        return call.parsed is None
    call.parsed = parse_arguments(call.arguments)
    return may_run and bool(call.name) and call.parsed is not None


def as_delta(completion: Completion) -> Delta:
    """Return a whole answer as one increment."""
    calls = [
        ToolCallDelta(position, call.id, call.name, call.arguments)
        for position, call in enumerate(completion.tool_calls)
    ]
    logprobs = deepcopy(completion.logprobs)
    return Delta(completion.text, completion.reasoning, calls, logprobs)


def count_replay(completion: Completion, *, operation: str = "chat") -> None:
    """Tell the ledgers around the call, and their logs, that its answer came from a journal."""
    for ledger in open_ledgers():
        ledger.add_replay(completion)
    for log in open_logs():
        log.write(describe_replay(completion, operation=operation))
