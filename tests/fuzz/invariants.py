"""What must hold of whatever comes out."""

import re
from dataclasses import replace

from glm_openrouter import APIError
from support.samples import SCHEMAS

from .assembling import Options, Outcome, assemble, is_strict_object

__all__ = ["check_adds_up", "check_calls", "check_quoted", "check_same"]

_CUT_OFF = ("length", "content_filter", "error", None)
_STRUCTURED = re.compile(rb'tool_calls"\s*:')
_OPENER, _CLOSER = "<tool_call>", "</tool_call>"


def check_adds_up(outcome: Outcome) -> None:
    """The increments are all that there is: of a completion, and of what an error holds as partial."""
    reader, completion = outcome.reader, outcome.completion
    if completion is not None:
        assert reader.text == completion.text, "the text is not what the increments were"
        assert reader.reasoning == completion.reasoning, "the reasoning is not what they were"
        made = [[call.id, call.name, call.arguments] for call in completion.tool_calls]
        assert [reader.calls[at] for at in sorted(reader.calls)] == made, "the calls are not"
    elif isinstance(outcome.error, APIError):
        text, reasoning = reader.text, reader.reasoning
        if not outcome.error.partial_text.startswith(
            text
        ):  # what revealed it as reasoning came with the error
            text, reasoning = "", reasoning + text
        assert outcome.error.partial_text.startswith(text), "text got lost in an error"
        assert outcome.error.partial_reasoning.startswith(reasoning), "reasoning got lost"


def check_calls(outcome: Outcome) -> None:
    """Ids are there and unique; a call that may run is whole, and the response was not cut off."""
    made = outcome.completion.tool_calls if outcome.completion else []
    ids = [call.id for call in made]
    assert all(ids), "a call without an id"
    assert len(set(ids)) == len(ids), "two calls have the same id"
    for call in outcome.calls:
        assert call.name, "a call without a name may run"
        assert is_strict_object(call.arguments, call.parsed), "a malformed call may run"
    if outcome.calls and outcome.completion and not _is_document(outcome):
        assert outcome.completion.finish_reason not in _CUT_OFF, "a cut call may run"


def _is_document(outcome: Outcome) -> bool:
    # A complete message needs no finish reason.
    return outcome.completion is not None and outcome.completion.finish_reason is None


def check_quoted(body: bytes, options: Options, outcome: Outcome) -> None:
    """A call that came as text runs only if the response ends with it, and not because it is quoted somewhere."""
    if not outcome.calls or _STRUCTURED.search(body):
        return
    written = replace(options, repairs=options.repairs - {"leaked_tool_calls", "tool_names"})
    raw = assemble([body], written).completion
    assert raw is not None, "calls come from a response that fails without them"
    source = raw.text if raw.text.strip() else raw.reasoning
    assert len(outcome.calls) <= _blocks_at_the_end(source), "a quoted call runs"
    assert all(call.name in SCHEMAS for call in outcome.calls), "a call of an unknown tool runs"


def _blocks_at_the_end(text: str) -> int:
    """Count the blocks that begin a line and are followed by nothing but blanks and further blocks."""
    most, at = 0, text.find(_OPENER)
    while at >= 0:
        begins_line = not text[:at].rpartition("\n")[2].strip()
        most = max(most, _blocks_to_the_end(text[at:])) if begins_line else most
        at = text.find(_OPENER, at + 1)
    return most


def _blocks_to_the_end(text: str) -> int:
    blocks = 0
    while text.startswith(_OPENER):
        _, closer, text = text.partition(_CLOSER)
        blocks += bool(closer)
        text = text.strip()
    return 0 if text else blocks


def check_same(one: Outcome, other: Outcome) -> None:
    """How the bytes were cut makes no difference."""
    assert str(one) == str(other), "cuts make a difference"
