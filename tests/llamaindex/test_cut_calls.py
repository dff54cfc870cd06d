"""A call that was cut off is an error once the response is finished."""

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock

from glm_openrouter import TruncatedToolCallError
from llamaindex_glm import GLM


def test_a_cut_call_of_a_finished_response_is_an_error() -> None:
    block = ToolCallBlock(tool_call_id="call_1", tool_name="moor", tool_kwargs='{"pier": ')
    response = ChatResponse(message=ChatMessage(role="assistant", blocks=[block]))
    with pytest.raises(TruncatedToolCallError, match="moor"):
        GLM(api_key="sk-or-test").get_tool_calls_from_response(response)
