"""`with_structured_output`: a model that answers in a schema, at once or while it comes."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, closing
from functools import cached_property
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import (
    AIMessageChunk,
    BaseMessage,
    message_chunk_to_message,
)
from langchain_core.runnables import AddableDict, Runnable, RunnableConfig

from glm_openrouter import JSONObject, errors
from glm_openrouter.structured import (
    Conversation,
    Method,
    OutputSpec,
    adrive,
    ask_until_valid,
    drive,
)
from langchain_glm._errors import ModelRefusalError, StructuredOutputError
from langchain_glm._to_wire.tools import ToolLike, to_tool_choice, to_tools

from .answers import answer_of, correction_messages
from .schemas import is_pydantic, to_spec

__all__ = ["StructuredOutput", "structured_output"]


def structured_output(
    model: BaseChatModel,
    schema: JSONObject | type | None,
    /,  # `model` is an argument of calls, too
    *,
    method: Method,
    include_raw: bool,
    strict: bool | None,
    tools: Sequence[ToolLike] | None = None,
    tool_choice: str | bool | JSONObject | None = None,
    **kwargs: Any,
) -> "StructuredOutput":
    """Return the runnable of `ChatGLM.with_structured_output`."""
    spec = to_spec(schema, method, strict)
    traced = {
        "kwargs": {"method": method, "strict": strict},
        "schema": schema if is_pydantic(schema) else {"title": spec.name, **spec.schema},
    }
    # What cannot be read is corrected once, as any other answer that does not fit.
    own = {"tool_call_retries": None, "ls_structured_output_format": traced}
    arguments = {**kwargs, **spec.arguments, **own}
    if spec.instruction is not None:
        arguments["instruction"] = spec.instruction
    converted = [*to_tools(tools or ()), *to_tools(arguments.get("tools", ()))]
    optional = {"tools": converted or None, "tool_choice": to_tool_choice(tool_choice, converted)}
    arguments |= {name: value for name, value in optional.items() if value is not None}
    output_type = schema if isinstance(schema, type) and not include_raw else JSONObject
    return StructuredOutput(model, arguments, spec, output_type, include_raw=include_raw)


class StructuredOutput(Runnable[LanguageModelInput, Any]):
    """A model that answers in a schema."""

    def __init__(
        self,
        model: BaseChatModel,
        arguments: JSONObject,
        spec: OutputSpec,
        output_type: Any,
        *,
        include_raw: bool,
    ) -> None:
        self._model = model
        self._bound = model.bind(**arguments)
        self._spec = spec
        self._output_type = output_type
        self._include_raw = include_raw

    @property
    def InputType(self) -> Any:  # noqa: N802 -- LangChain's name
        """What a chat model takes."""
        return self._model.InputType

    @property
    def OutputType(self) -> Any:  # noqa: N802 -- LangChain's name
        """The type that was asked for, or a dict."""
        return self._output_type

    def invoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Any:
        """Return the answer as an object.

        Raises:
            ModelRefusalError: The model refused to answer, and `include_raw` is not set. It is not asked again.
            StructuredOutputError: No answer fits, and `include_raw` is not set.
        """
        return self._call_with_config(self._invoke, input, config, **kwargs)

    async def ainvoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Any:
        """Return the answer as an object; see `invoke`."""
        return await self._acall_with_config(self._ainvoke, input, config, **kwargs)

    def stream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Yield the object while it grows: one of a class as soon as it is valid, a dict from its first key on.

        With `include_raw`, yield dicts whose sum is what `invoke` returns. Raises what `invoke` raises.
        """
        yield from self._transform_stream_with_config(iter([input]), self._stream, config, **kwargs)

    async def astream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Yield the object while it grows; see `stream`."""

        async def inputs() -> AsyncIterator[LanguageModelInput]:
            yield input

        parts = self._atransform_stream_with_config(inputs(), self._astream, config, **kwargs)
        async with aclosing(cast("AsyncGenerator[Any]", parts)) as open_parts:
            async for part in open_parts:
                yield part

    def _invoke(
        self,
        input: LanguageModelInput,
        run_manager: CallbackManagerForChainRun,  # noqa: ARG002 -- LangChain's signature
        config: RunnableConfig,
        **kwargs: Any,
    ) -> Any:
        ask = self._ask(config, kwargs)
        conversation = self._converse(input)
        return drive(conversation, ask(next(conversation)), ask)

    async def _ainvoke(
        self,
        input: LanguageModelInput,
        run_manager: AsyncCallbackManagerForChainRun,  # noqa: ARG002 -- LangChain's signature
        config: RunnableConfig,
        **kwargs: Any,
    ) -> Any:
        ask = self._aask(config, kwargs)
        conversation = self._converse(input)
        return await adrive(conversation, await ask(next(conversation)), ask)

    def _stream(
        self,
        inputs: Iterator[LanguageModelInput],
        run_manager: CallbackManagerForChainRun,  # noqa: ARG002 -- LangChain's signature
        config: RunnableConfig,
        **kwargs: Any,
    ) -> Iterator[Any]:
        conversation = self._converse(next(inputs))
        growing = _Growing(self._spec, include_raw=self._include_raw)
        chunks = self._bound.stream(next(conversation), config, **kwargs)
        with closing(cast("Generator[AIMessageChunk]", chunks)) as open_chunks:
            for chunk in open_chunks:
                yield from growing.feed(chunk)
        yield from growing.flush(drive(conversation, growing.message, self._ask(config, kwargs)))

    async def _astream(
        self,
        inputs: AsyncIterator[LanguageModelInput],
        run_manager: AsyncCallbackManagerForChainRun,  # noqa: ARG002 -- LangChain's signature
        config: RunnableConfig,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        conversation = self._converse(await anext(inputs))
        growing = _Growing(self._spec, include_raw=self._include_raw)
        chunks = self._bound.astream(next(conversation), config, **kwargs)
        async with aclosing(cast("AsyncGenerator[AIMessageChunk]", chunks)) as open_chunks:
            async for chunk in open_chunks:
                for part in growing.feed(chunk):
                    yield part
        result = await adrive(conversation, growing.message, self._aask(config, kwargs))
        for part in growing.flush(result):
            yield part

    def _ask(
        self, config: RunnableConfig, arguments: JSONObject
    ) -> Callable[[list[BaseMessage]], BaseMessage]:
        return lambda messages: self._bound.invoke(messages, config, **arguments)

    def _aask(
        self, config: RunnableConfig, arguments: JSONObject
    ) -> Callable[[list[BaseMessage]], Awaitable[BaseMessage]]:
        return lambda messages: self._bound.ainvoke(messages, config, **arguments)

    def _converse(self, input: LanguageModelInput) -> Conversation[BaseMessage, BaseMessage, Any]:
        """Yield the messages to send and receive the answer, at most twice; return what `invoke` returns."""
        messages = self._model._convert_input(input).to_messages()
        conversation = ask_until_valid(
            self._spec,
            messages,
            read=answer_of,
            correction_messages=correction_messages,
            error=StructuredOutputError,
            refusal=ModelRefusalError,
        )
        problem: errors.StructuredOutputError | None = None
        try:
            value, raw = yield from conversation
        except errors.StructuredOutputError as error:
            if not self._include_raw:
                raise
            value, raw, problem = None, error.raw, error
            if self._spec.wants_tool(answer_of(raw)):
                problem = None  # the call is in the message
        return (
            {"raw": raw, "parsed": value, "parsing_error": problem} if self._include_raw else value
        )


class _Growing:
    """Chunks of a message -> the parts of a stream of structured output."""

    def __init__(self, spec: OutputSpec, *, include_raw: bool) -> None:
        self._spec = spec
        self._partials = spec.partials()
        self._include_raw = include_raw
        self._chunks: list[AIMessageChunk] = []
        self._last: Any = None

    @cached_property
    def message(self) -> BaseMessage:
        """The whole message, once all chunks have come."""
        first, *rest = self._chunks
        return message_chunk_to_message(first + rest)

    def feed(self, chunk: AIMessageChunk) -> list[Any]:
        """Return the parts for one chunk."""
        self._chunks.append(chunk)
        parts: list[Any] = [_RawAndParsed(raw=chunk)] if self._include_raw else []
        for value in self._values(chunk):
            try:
                grown = self._spec.validate_partial(value)
            except (ValueError, TypeError):
                continue
            if grown != self._last:
                self._last = grown
                parts.append(_RawAndParsed(parsed=grown) if self._include_raw else grown)
        return parts

    def flush(self, result: Any) -> list[Any]:
        """Return the last parts: what the result adds to those that were given out."""
        if not self._include_raw:
            return [] if self._last is not None and result == self._last else [result]
        added = {name: value for name, value in result.items() if value is not self.message}
        return [_RawAndParsed(added)]

    def _values(self, chunk: AIMessageChunk) -> list[Any]:
        values = self._partials.feed_text(str(chunk.text))
        for call in chunk.tool_call_chunks:
            arguments = call["args"] or ""
            values += self._partials.feed_call(call["index"], call["name"], arguments)
        return values


class _RawAndParsed(AddableDict):
    """A part of a stream with `include_raw`: messages add up, the rest is replaced."""

    def __add__(self, other: Mapping[str, Any]) -> "_RawAndParsed":
        merged = _RawAndParsed({**self, **other})
        before, after = self.get("raw"), other.get("raw")
        if isinstance(before, AIMessageChunk) and isinstance(after, AIMessageChunk):
            merged["raw"] = before + after
        return merged
