"""Middleware for agents of LangChain (`langchain.agents.create_agent`)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from glm_openrouter.corrections import invalid_call_error
from glm_openrouter.request.instructions import unread_call_result

from ._errors import InvalidToolCallError, TruncatedToolCallError
from ._unread_calls import invalid_calls, unread_calls, was_cut
from .chat_models import ChatGLM

try:
    from langchain.agents.middleware import (
        AgentMiddleware,
        AgentState,
        ModelRequest,
        ModelResponse,
        hook_config,
    )
except ImportError as error:
    msg = (
        "langchain_glm.InvalidToolCallMiddleware is for agents of LangChain: pip install langchain"
    )
    raise ImportError(msg) from error
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langgraph.runtime import Runtime

__all__ = ["InvalidToolCallMiddleware"]

State = AgentState[Any]
Request = ModelRequest[Any]
Response = ModelResponse[Any]


class InvalidToolCallMiddleware(AgentMiddleware[State, Any, Any]):
    """Gives tool calls that must not run back to the model, so that it makes them again.

    These are calls that were cut off, by `max_tokens` for example, and calls whose arguments are not JSON. What was
    wrong becomes the result of the call, in the messages of the agent, where tracers and checkpoints see it. Without
    this middleware, a `ChatGLM` corrects malformed calls by itself, out of sight, and an agent ends at a cut one.

    ```python
    agent = create_agent(ChatGLM(), tools, middleware=[InvalidToolCallMiddleware()])
    ```

    Args:
        max_retries: How often in a row the model is asked again for answers in which no call can run.

    Raises:
        TruncatedToolCallError: While running: the last of these answers was cut off.
        InvalidToolCallError: While running: the last of them holds no call that can be read.
    """

    def __init__(self, max_retries: int = 2) -> None:
        super().__init__()
        self.max_retries = max_retries

    def wrap_model_call(self, request: Request, handler: Callable[[Request], Response]) -> Response:
        """Leave malformed calls to `after_model`."""
        return handler(_without_corrections(request))

    async def awrap_model_call(
        self, request: Request, handler: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Leave malformed calls to `after_model`."""
        return await handler(_without_corrections(request))

    @hook_config(can_jump_to=["model"])
    def after_model(self, state: State, runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002 -- LangChain's signature
        """Give calls that must not run their results; if there are no others, ask the model again."""
        message = _last_answer(state["messages"])
        calls = invalid_calls(message) if message is not None else []
        if message is None or not calls:
            return None
        results = [
            ToolMessage(
                unread_call_result(str(call.error), call.arguments),
                tool_call_id=call.id,
                name=call.name or None,
                status="error",
            )
            for call in calls
        ]
        if message.tool_calls:
            return {"messages": results}
        if _count_failures(state["messages"]) > self.max_retries:
            raise _to_error(message)
        return {"messages": results, "jump_to": "model"}

    @hook_config(can_jump_to=["model"])
    async def aafter_model(self, state: State, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Give calls that must not run their results; see `after_model`."""
        return self.after_model(state, runtime)


def _without_corrections(request: Request) -> Request:
    if not isinstance(request.model, ChatGLM):
        return request
    return request.override(model_settings={**request.model_settings, "tool_call_retries": None})


def _last_answer(messages: Sequence[AnyMessage]) -> AIMessage | None:
    last = messages[-1] if messages else None
    return last if isinstance(last, AIMessage) else None


def _count_failures(messages: Sequence[AnyMessage]) -> int:
    """Return how many answers in a row, up to the last, have calls of which none can run."""
    count = 0
    for message in reversed(messages):
        if unread_calls(message):
            count += 1
        elif not isinstance(message, ToolMessage):
            break
    return count


def _to_error(message: AIMessage) -> Exception:
    call = unread_calls(message)[0]
    if not was_cut(message):
        return invalid_call_error(call, message.response_metadata, InvalidToolCallError)
    return TruncatedToolCallError(
        f"The call of {call.name!r} must not run: {call.error} Raise max_tokens, or ask for less at once.",
        name=call.name,
        arguments=call.arguments,
    )
