"""`ChatGLM` with arguments bound to it: what `bind` and `bind_tools` return."""

import json
from collections.abc import (
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, cast, overload
from uuid import uuid4

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolCall
from langchain_core.messages.tool import tool_call
from langchain_core.runnables import Runnable, RunnableBinding, RunnableConfig
from langchain_core.tools import StructuredTool

from glm_openrouter import JSONObject
from glm_openrouter import ToolCall as WireToolCall
from glm_openrouter._json.in_text import json_values
from glm_openrouter.corrections import Corrections, invalid_call_error
from glm_openrouter.structured import (
    ModelAnswer,
    OutputSpec,
    adrive,
    ask_until_valid,
    drive,
    schema_check,
)
from langchain_glm._base import ANSWER_TOOLS
from langchain_glm._errors import InvalidToolCallError, ModelRefusalError, StructuredOutputError
from langchain_glm._to_wire.content import type_of
from langchain_glm._unread_calls import malformed_calls, resent_messages, warn_if_cut

from .answers import answer_of, correction_messages

__all__ = ["ModelBinding", "ask_for_answer_tools"]

Output = TypeVar("Output")
Conversation = Generator[list[BaseMessage], BaseMessage, BaseMessage]

_FORM = (ANSWER_TOOLS, "instruction", "response_format")
"""Bound arguments that ask for an answer in a form."""


def ask_for_answer_tools(tools: Sequence[object], tool_choice: object) -> JSONObject:
    """Return arguments that ask in words for one of the tools that are an answer; none if there are no such tools.

    An agent of LangChain that is to answer in a schema binds the schema as a tool that has nothing to run, and forces
    the model to call a tool. The user did not ask for that, and GLM's own endpoint refuses it.
    """
    names = [
        tool.name
        for tool in tools
        if type(tool) is StructuredTool and tool.func is None and tool.coroutine is None
    ]
    if tool_choice != "any" or not names:
        return {}
    return {ANSWER_TOOLS: names}


if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import _ChatModelBinding as _Binding
else:
    _Binding = RunnableBinding[LanguageModelInput, AIMessage]


class ModelBinding(_Binding):  # type: ignore[no-redef]
    """A model with arguments bound to it.

    If it has tools, `invoke` asks again where no call of an answer can be read. If `bind_tools` was told to get an
    answer in a schema, `invoke` sees to that, too: the answer is read tolerantly, and the model gets one chance to mend
    it. `batch` does as `invoke`; `stream` gives what comes.
    """

    @overload
    def with_structured_output(
        self, schema: type[Output], *, include_raw: Literal[False] = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Output]: ...

    @overload
    def with_structured_output(
        self, schema: JSONObject | type | None = None, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]: ...

    def with_structured_output(
        self, schema: JSONObject | type | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Return `with_structured_output` of the model, with the bound arguments."""
        asked_before = _FORM if ANSWER_TOOLS in self.kwargs else ()
        arguments = {name: value for name, value in self.kwargs.items() if name not in asked_before}
        bound = cast(Any, self.bound).with_structured_output(schema, **{**arguments, **kwargs})
        return cast("Runnable[LanguageModelInput, Any]", bound.with_config(self.config))

    def invoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AIMessage:
        """Return the message of the model.

        Raises:
            InvalidToolCallError: No tool call can be read, after `tool_call_retries` neither.
            ModelRefusalError: The answer must fit a schema, and the model refused to give one.
            StructuredOutputError: The answer must be the call of a tool, and is not.
        """
        if not self._looks_at_answers(kwargs):
            return super().invoke(input, config, **kwargs)
        invoke = super().invoke

        def ask(messages: list[BaseMessage]) -> BaseMessage:
            return invoke(messages, config, **kwargs)

        conversation = self._converse(input, kwargs)
        return cast(AIMessage, drive(conversation, ask(next(conversation)), ask))

    async def ainvoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AIMessage:
        """Return the message of the model; see `invoke`."""
        if not self._looks_at_answers(kwargs):
            return await super().ainvoke(input, config, **kwargs)
        invoke = super().ainvoke

        async def ask(messages: list[BaseMessage]) -> BaseMessage:
            return await invoke(messages, config, **kwargs)

        conversation = self._converse(input, kwargs)
        return cast(AIMessage, await adrive(conversation, await ask(next(conversation)), ask))

    if not TYPE_CHECKING:  # those of a binding go past `invoke`
        batch = Runnable.batch
        abatch = Runnable.abatch
        batch_as_completed = Runnable.batch_as_completed
        abatch_as_completed = Runnable.abatch_as_completed

    def bind(self, **kwargs: Any) -> Self:
        """Return this binding with more arguments; see `ChatGLM.bind`."""
        return cast(Self, super().bind(**cast(Any, self.bound)._check_call(kwargs)))

    if TYPE_CHECKING:  # to LangChain, a stream of a binding consists of whole messages

        def stream(
            self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
        ) -> Iterator[AIMessageChunk]:
            """Yield the message of the model while it comes."""
            raise NotImplementedError

        def astream(
            self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
        ) -> AsyncIterator[AIMessageChunk]:
            """Yield the message of the model while it comes."""
            raise NotImplementedError

    def _retries(self, arguments: Mapping[str, Any]) -> int | None:
        retries: int | None = {**self.kwargs, **arguments}.get(
            "tool_call_retries", cast(Any, self.bound).tool_call_retries
        )
        return retries

    def _looks_at_answers(self, arguments: Mapping[str, Any]) -> bool:
        has_tools = bool({**self.kwargs, **arguments}.get("tools"))
        return ANSWER_TOOLS in self.kwargs or (has_tools and self._retries(arguments) is not None)

    def _converse(self, input: LanguageModelInput, arguments: Mapping[str, Any]) -> Conversation:
        messages = cast(Any, self.bound)._convert_input(input).to_messages()
        names: Sequence[str] = self.kwargs.get(ANSWER_TOOLS, ())
        if names:
            conversation = _converse_until_called(names, self.kwargs["tools"], messages)
        elif ANSWER_TOOLS in self.kwargs:
            conversation = _converse_until_written(self.kwargs["response_format"], messages)
        else:
            conversation = _ask_once(messages)
        retries = self._retries(arguments)
        return conversation if retries is None else _with_corrections(conversation, retries)

    @classmethod
    def lc_id(cls) -> list[str]:
        """Return the id of LangChain's own class, as which `loads` reads a dump of this one."""
        return [*cls.get_lc_namespace(), "RunnableBinding"]


def _ask_once(messages: list[BaseMessage]) -> Conversation:
    """Yield the messages to send, receive the answer, and return it."""
    return (yield messages)


def _with_corrections(conversation: Conversation, retries: int) -> Conversation:
    """Yield what a conversation yields, and give it answers that it can go on with.

    Args:
        conversation: What reads the answers.
        retries: How often to ask again for an answer in which no call can be read.
    """
    messages = next(conversation)
    while True:
        corrections = Corrections(
            messages,
            retries,
            malformed=malformed_calls,
            messages_of=resent_messages,
            error=_to_error,
        )
        answer = yield messages
        while (again := corrections.follow_up(answer)) is not None:
            answer = yield again
        try:
            messages = conversation.send(answer)
        except StopIteration as end:
            message: BaseMessage = end.value
            break
    warn_if_cut(message)
    return message


def _to_error(call: WireToolCall, message: BaseMessage) -> InvalidToolCallError:
    error = invalid_call_error(call, message.response_metadata, InvalidToolCallError)
    return cast(InvalidToolCallError, error)


def _converse_until_called(
    names: Sequence[str], tools: Iterable[JSONObject], messages: Sequence[BaseMessage]
) -> Conversation:
    """Yield the messages to send and receive the answer, at most twice; return it as a message that calls a tool."""
    functions = [tool["function"] for tool in tools if "function" in tool]
    forms = {spec["name"]: spec["parameters"] for spec in functions if spec["name"] in names}
    checks = {name: schema_check(schema) for name, schema in forms.items()}
    spec = OutputSpec({"anyOf": list(forms.values())}, partial(_fit, checks), method="prompt")
    conversation = ask_until_valid(
        spec,
        messages,
        read=_read_text,
        correction_messages=correction_messages,
        error=StructuredOutputError,
        refusal=ModelRefusalError,
    )
    try:
        (name, arguments), message = yield from conversation
    except StructuredOutputError as error:
        if _calls_of(error.raw):
            return cast(BaseMessage, error.raw)
        raise
    return _rewrite(message, "", [tool_call(name=name, args=arguments, id=f"call_{uuid4().hex}")])


def _fit(checks: Mapping[str, Callable[[Any], Any]], value: Any) -> tuple[str, Any]:
    """Return the name of the first tool whose schema a value fits, and the value.

    Raises:
        ValueError: It fits none; the message says why, tool by tool.
    """
    problems = []
    for name, check in checks.items():
        try:
            return name, check(value)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    raise ValueError("; ".join(problems))


def _converse_until_written(
    response_format: JSONObject, messages: Sequence[BaseMessage]
) -> Conversation:
    """Yield the messages to send and receive the answer, at most twice; return it as a message that is JSON.

    If it still does not fit, the last message is returned as it is: whoever asked reads it, and raises.
    """
    spec = OutputSpec(response_format["json_schema"]["schema"], method="prompt")
    conversation = ask_until_valid(
        spec,
        messages,
        read=_read_text,
        correction_messages=correction_messages,
        error=StructuredOutputError,
        refusal=ModelRefusalError,
    )
    try:
        value, message = yield from conversation
    except StructuredOutputError as error:
        message = cast(BaseMessage, error.raw)
        values = [*islice(json_values(str(message.text)), 2)]
        if len(values) != 1 or _calls_of(message):
            return message
        value = values[0]
    return message if _is_json(str(message.text)) else _rewrite(message, json.dumps(value), [])


def _calls_of(message: BaseMessage) -> Sequence[Any]:
    return answer_of(message).calls


def _read_text(message: BaseMessage) -> ModelAnswer:
    """Return what counts of a message as a written answer: nothing, while it calls tools."""
    answer = answer_of(message)
    calls = [("", arguments) for _, arguments in answer.calls]
    return answer._replace(text="" if calls else answer.text, calls=calls)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _rewrite(message: BaseMessage, text: str, calls: list[ToolCall]) -> BaseMessage:
    """Return a message with another text and other calls."""
    content: Any = text
    if isinstance(message.content, list):
        others = [block for block in message.content if type_of(block) != "text"]
        written = [{"type": "text", "text": text}] if text else []
        content = [*others, *written, *calls]
    return message.model_copy(update={"content": content, "tool_calls": calls})
