"""A call that was cut off is an error once the response is finished, and no call at all before."""

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock

from glm_openrouter import TruncatedToolCallError
from llamaindex_glm import GLM
from llamaindex_glm._from_wire import IN_PROGRESS

LLM = GLM(api_key="sk-or-test")


def response_with(arguments: str, delta: str | None) -> ChatResponse:
    block = ToolCallBlock(tool_call_id="call_1", tool_name="moor", tool_kwargs=arguments)
    return ChatResponse(message=ChatMessage(role="assistant", blocks=[block]), delta=delta)


def test_a_cut_call_of_a_finished_response_is_an_error() -> None:
    with pytest.raises(TruncatedToolCallError, match="moor"):
        LLM.get_tool_calls_from_response(response_with('{"pier": ', None))


def test_a_cut_call_of_a_response_that_goes_on_is_none_yet() -> None:
    response = response_with('{"pier": ', "")
    response.additional_kwargs[IN_PROGRESS] = (
        True  # as each response of a stream says, but the last
    )
    assert LLM.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
