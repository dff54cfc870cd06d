"""Repairs alone: how the text of a response is divided into increments makes no difference."""

from collections.abc import Sequence
from random import Random

from glm_openrouter import REPAIRS, Delta
from glm_openrouter._response.repairs import Repairs
from support.samples import SCHEMAS

from .assembling import Reader
from .mutations import cut
from .seeds import FENCED, LEAK, LEAKED_JSON

__all__ = ["SEEDS", "check_deltas"]

SEEDS = [
    text.encode()
    for text in (
        f"<think>Hm. ```</think>\n\nPier two.\n{LEAK}\n",
        f"Hm. `</think>` Hm.</think>\n{FENCED}",
        f"{LEAKED_JSON}\n{LEAK}  \n",
        f"~~~\n{LEAK}\n~~~\n> {LEAKED_JSON}",
        f"{FENCED}\n\nSTOP",
        "<tool_call>tide\n</tool_call></tool_call><tool_call>",
    )
]


def check_deltas(body: bytes, rng: Random) -> None:
    """Feed the same text at once and in pieces."""
    text = body.decode(errors="replace")
    wants_json = rng.random() < 0.5
    whole, divided = _read([text], wants_json), _read(cut(rng, text), wants_json)
    assert whole.text == divided.text, "cuts matter"
    # Thought that begins with fenced JSON, where JSON was asked for: a fence that has been taken off cannot come back.
    if not (wants_json and divided.refiled):
        assert whole.reasoning == divided.reasoning, "cuts matter"
    assert [*whole.calls.values()] == [*divided.calls.values()], "cuts make other calls"


def _read(pieces: Sequence[str], wants_json: bool) -> Reader:
    repairs = Repairs(frozenset(REPAIRS), SCHEMAS, wants_json=wants_json)
    reader = Reader()
    for piece in pieces:
        reader.take(repairs.feed(Delta(piece)))
    last = repairs.flush(ended=True)
    for position, call in enumerate(last.tool_calls):
        call.index = position
    reader.take(last)
    return reader
