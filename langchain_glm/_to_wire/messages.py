"""LangChain messages and tools -> OpenRouter's form."""

from collections.abc import Sequence

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
)

from glm_openrouter import InvalidRequestError, JSONObject
from glm_openrouter._json.strict import parse_arguments, write_arguments
from glm_openrouter.request import messages as wire
from glm_openrouter.request.history import MessageRules
from glm_openrouter.request.unread_calls import mark_unread
from langchain_glm._unread_calls import invalid_calls

from .content import required, to_answer, to_blocks, to_content, type_of

__all__ = ["to_messages"]


def to_messages(messages: Sequence[BaseMessage], rules: MessageRules) -> list[JSONObject]:
    """Return the messages in OpenRouter's form.

    Args:
        messages: The conversation; it is not changed.
        rules: What goes to the model that gets them.

    Raises:
        InvalidRequestError: A message or a part of one that the model cannot take.
    """
    return wire.convert_each(messages, lambda message: _to_message(message, rules), rules)


def _to_message(message: BaseMessage, rules: MessageRules) -> list[JSONObject]:
    match message:
        case AIMessage():
            return [_to_assistant(message, rules)]
        case HumanMessage():
            return _to_user(message, rules)
        case SystemMessage():
            role = message.additional_kwargs.get("__openai_role__", "system")
            return [_to_turn(wire.expect_text(role, "__openai_role__"), message, rules)]
        case ToolMessage():
            content = to_content(message.content, rules, "tool")
            failed = message.status == "error"
            return [wire.tool_message(message.tool_call_id, content, failed=failed)]
        case ChatMessage():
            return [_to_turn(message.role, message, rules)]
        case FunctionMessage():
            raise InvalidRequestError(
                "A FunctionMessage cannot be sent; give the result of a tool as a ToolMessage."
            )
        case _:
            raise InvalidRequestError(f"A {type(message).__name__} cannot be sent to a chat model.")


def _to_turn(role: str, message: BaseMessage, rules: MessageRules) -> JSONObject:
    # For models that know no names, OpenRouter puts the name before the text.
    turn = {"role": role, "content": to_content(message.content, rules, role)}
    return {**turn, "name": message.name} if message.name else turn


def _to_user(message: HumanMessage, rules: MessageRules) -> list[JSONObject]:
    """Return a user turn; results of tools in Anthropic's form become messages of their own before it."""
    if isinstance(message.content, str):
        return [_to_turn("user", message, rules)]
    results = [block for block in to_blocks(message.content) if type_of(block) == "tool_result"]
    rest = [block for block in to_blocks(message.content) if type_of(block) != "tool_result"]
    converted = [_to_result(block, rules) for block in results if isinstance(block, dict)]
    if rest or not results:
        converted.append(_to_turn("user", message.model_copy(update={"content": rest}), rules))
    return converted


def _to_result(block: JSONObject, rules: MessageRules) -> JSONObject:
    content = to_content(block.get("content") or "", rules, "tool")
    call_id = required(block, "tool_use_id")
    return wire.tool_message(call_id, content, failed=bool(block.get("is_error")))


def _to_assistant(message: AIMessage, rules: MessageRules) -> JSONObject:
    # A message keeps the name of its agent, which is left out: with GLM it would become part of the prompt.
    extras = message.additional_kwargs
    written = extras.get("tool_arguments")
    calls = [
        _to_call(call, written if isinstance(written, dict) else {})
        for call in message.tool_calls or _calls_in_content(message)
    ]
    calls += [
        mark_unread(wire.tool_call(call.id, call.name, call.arguments), str(call.error))
        for call in invalid_calls(message)
        if call.id
    ]
    return wire.assistant_message(
        to_answer(message.content, rules),
        tool_calls=calls,
        reasoning=extras.get("reasoning_content") or _reasoning_in_content(message),
        reasoning_details=_to_details(extras.get("reasoning_details")),
        annotations=extras.get("annotations") or (),
    )


def _to_call(call: ToolCall, written: JSONObject) -> JSONObject:
    call_id = wire.expect_text(call["id"] or "", "The id of a tool call")
    return wire.tool_call(call_id, call["name"], _to_arguments(call["args"], written.get(call_id)))


def _calls_in_content(message: AIMessage) -> list[ToolCall]:
    """Return the tool calls of a message that has them as content blocks only, in LangChain's or Anthropic's form."""
    return [
        ToolCall(
            name=required(block, "name"),
            args=block.get("args") or block.get("input") or {},
            id=required(block, "id"),
        )
        for block in to_blocks(message.content)
        if isinstance(block, dict) and block.get("type") in ("tool_call", "tool_use")
    ]


def _reasoning_in_content(message: AIMessage) -> str:
    """Return the reasoning of a message that has it as content blocks only."""
    return "".join(
        wire.expect_text(block.get("reasoning") or "", "The reasoning of a content block")
        for block in to_blocks(message.content)
        if isinstance(block, dict) and block.get("type") == "reasoning"
    )


def _to_details(details: object) -> list[JSONObject] | None:
    """Return reasoning details, with the fragments of a text put together in those that `ChatOpenRouter` has streamed.

    It keeps fragments apart, and a provider that has signed the whole refuses them. Ours are whole.
    """
    if details is None:
        return None
    joined: list[JSONObject] = []
    for detail in wire.expect_objects(details, "additional_kwargs['reasoning_details']"):
        if joined and _continues(joined[-1], detail):
            before = joined[-1]
            fragment = {key: value for key, value in detail.items() if value is not None}
            text = "".join(
                wire.expect_text(part.get("text") or "", "The text of reasoning_details")
                for part in (before, detail)
            )
            joined[-1] = {**before, **fragment, "text": text}
        else:
            joined.append(detail)
    return joined


def _continues(before: JSONObject, detail: JSONObject) -> bool:
    # Only ChatOpenRouter keeps fragments: the SDK under it reads the index as a float, on the wire it is an integer.
    index = before.get("index")
    is_text = before.get("type") == "reasoning.text" and isinstance(index, float)
    is_same = all(detail.get(key) == before.get(key) for key in ("type", "index"))
    return is_text and is_same and not before.get("signature")


def _to_arguments(arguments: JSONObject, written: object) -> str:
    """Return arguments as the model wrote them, byte for byte, unless they have been changed since."""
    if isinstance(written, str) and parse_arguments(written) == arguments:
        return written
    return write_arguments(arguments)
