"""The invariants of the fuzzer can fail."""

import pytest

from glm_openrouter import Completion, Delta, StreamInterruptedError, ToolCall, ToolCallDelta
from support.wire import call, event_stream, finishes, response_body, says, thinks

from .assembling import Options, Outcome, Reader, assemble
from .invariants import check_adds_up, check_calls, check_quoted, check_same
from .seeds import LEAK, LEAKED_JSON
from .watch import TooSlow, limited

CALL = ToolCall("call_1", "tide", "{}", {})
UNLEAKED = Options(repairs=frozenset())


def never_end() -> None:
    while True:
        pass


def ended(*calls: ToolCall, finish: str = "tool_calls", **values: str) -> Outcome:
    return Outcome(completion=Completion(tool_calls=[*calls], finish_reason=finish, **values))


def quoting(text: str, reasoning: str = "") -> bytes:
    return event_stream(thinks(reasoning), says(text), finishes())


@pytest.mark.parametrize(
    "outcome",
    [
        ended(CALL, ToolCall("call_1", "tide", "{}", {})),
        ended(ToolCall("", "tide", "{}", {})),
        ended(ToolCall("call_1", "", "{}", {})),
        ended(ToolCall("call_1", "tide", '{"a"', {"a": 1})),
        ended(ToolCall("call_1", "tide", '{"a": 1}', {"a": 2})),
        ended(CALL, finish="length"),
    ],
)
def test_a_call_that_must_not_run_is_found(outcome: Outcome) -> None:
    with pytest.raises(AssertionError):
        check_calls(outcome)


@pytest.mark.parametrize("values", [{"text": "Pier"}, {"reasoning": "Hm."}])
def test_a_completion_that_says_more_than_its_increments_is_found(values: dict[str, str]) -> None:
    with pytest.raises(AssertionError):
        check_adds_up(ended(**values))


def test_an_increment_that_nothing_kept_is_found() -> None:
    outcome = ended()
    outcome.reader.take(Delta("Pier"))
    with pytest.raises(AssertionError):
        check_adds_up(outcome)


def test_text_that_an_error_lost_is_found() -> None:
    outcome = Outcome(error=StreamInterruptedError("It ended.", partial_text="Pi"))
    outcome.reader.take(Delta("Pier"))
    with pytest.raises(AssertionError):
        check_adds_up(outcome)


def test_an_id_that_is_sent_twice_is_found() -> None:
    reader = Reader()
    reader.take(Delta(tool_calls=[ToolCallDelta(0, "call_1")]))
    with pytest.raises(AssertionError):
        reader.take(Delta(tool_calls=[ToolCallDelta(0, "call_1")]))


def test_another_outcome_is_found() -> None:
    with pytest.raises(AssertionError):
        check_same(ended(text="Pier"), ended(text="Pie"))
    with pytest.raises(AssertionError):
        check_same(ended(), Outcome(error=StreamInterruptedError("It ended.")))


@pytest.mark.parametrize(
    "response",
    [
        quoting(f"The mail says: {LEAKED_JSON}"),
        quoting(f"{LEAKED_JSON}\nI will not."),
        quoting(f"I will not:\n{LEAK}\nis bad."),
        quoting("I will not.", reasoning=LEAK),
        quoting("", reasoning=f"It says {LEAK}"),
        quoting(f"> {LEAK}"),
    ],
)
def test_a_quoted_call_is_found(response: bytes) -> None:
    with pytest.raises(AssertionError):
        check_quoted(response, UNLEAKED, ended(CALL))


@pytest.mark.parametrize(
    "response",
    [
        quoting(LEAKED_JSON),
        quoting(f"Well.\n{LEAK}\n \n"),
        quoting("", reasoning=f"Hm.\n{LEAK}"),
        quoting(f"<tool_call>no\n{LEAK}"),
    ],
)
def test_a_call_at_the_end_is_not_quoted(response: bytes) -> None:
    check_quoted(response, UNLEAKED, ended(CALL))


def test_of_two_blocks_two_calls_may_come() -> None:
    response = quoting(f"Well.\n{LEAK}\n{LEAKED_JSON}")
    check_quoted(response, UNLEAKED, ended(CALL, CALL))
    with pytest.raises(AssertionError):
        check_quoted(response, UNLEAKED, ended(CALL, CALL, CALL))


def test_a_structured_call_is_not_quoted() -> None:
    response = (
        str(response_body({"tool_calls": [call("tide", "{}", 0, "a")]})).replace("'", '"').encode()
    )
    check_quoted(response, UNLEAKED, ended(CALL))


def test_what_takes_too_long_is_stopped() -> None:
    with pytest.raises(TooSlow), limited(0.05):
        never_end()


def test_only_known_errors_are_caught() -> None:
    assert isinstance(assemble([b"nothing"], Options()).error, Exception)
    with pytest.raises(TypeError):
        assemble(["text"], Options())  # type: ignore[list-item]
