"""Structured prediction: what the framework does with programs that force a tool, without the force.

It takes the place of LlamaIndex's own programs, because GLM's own endpoint refuses to be forced. How the schema is
asked for follows `pydantic_program_mode`.
"""

import json
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import aclosing, closing
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    MessageRole,
    ToolCallBlock,
)
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.llms.llm import LLM
from llama_index.core.program.utils import FlexibleModel, create_flexible_model
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import PydanticProgramMode
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel, ValidationError

from glm_openrouter import InvalidRequestError, StructuredOutputError
from glm_openrouter.structured import (
    Method,
    ModelAnswer,
    OutputSpec,
    adrive,
    ask_until_valid,
    drive,
)

from ._compat import OpenAICompatArguments

__all__ = ["StructuredPrediction"]

Model = TypeVar("Model", bound=BaseModel)

dispatcher = get_dispatcher(__name__)

_METHODS: dict[PydanticProgramMode, Method] = {
    PydanticProgramMode.DEFAULT: "json_schema",
    PydanticProgramMode.OPENAI: "function_calling",
    PydanticProgramMode.FUNCTION: "function_calling",
    PydanticProgramMode.LLM: "prompt",
}

if TYPE_CHECKING:

    class _Base(OpenAICompatArguments, LLM):
        """What the methods here stand on."""
else:
    # Making one more model class of an LLM takes longer than all else in this import.
    _Base = object


class StructuredPrediction(_Base):
    """The part of an LLM that answers in pydantic models."""

    @dispatcher.span
    def structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Return the answer to a prompt as an object of `output_cls`.

        Raises:
            StructuredOutputError: The answer does not fit, even after a second try; `raw` is the message.
        """
        _dispatch_start(output_cls, prompt, prompt_args)
        spec = self._spec(output_cls)
        ask = self._ask(_arguments(spec, llm_kwargs))
        conversation = self._converse(spec, prompt, prompt_args)
        result: Model = drive(conversation, ask(next(conversation)), ask)
        dispatcher.event(LLMStructuredPredictEndEvent(output=result))
        return result

    @dispatcher.span
    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Return the answer to a prompt as an object of `output_cls`; see `structured_predict`."""
        _dispatch_start(output_cls, prompt, prompt_args)
        spec = self._spec(output_cls)
        ask = self._aask(_arguments(spec, llm_kwargs))
        conversation = self._converse(spec, prompt, prompt_args)
        result: Model = await adrive(conversation, await ask(next(conversation)), ask)
        dispatcher.event(LLMStructuredPredictEndEvent(output=result))
        return result

    def _structured_stream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Model | FlexibleModel, None, None]:
        spec = self._spec(output_cls)
        arguments = _arguments(spec, llm_kwargs)
        conversation = self._converse(spec, prompt, prompt_args)
        growing = _GrowingObject(output_cls, spec)
        responses = self.stream_chat(next(conversation), **arguments)
        with closing(responses) as open_responses:
            for response in open_responses:
                yield from growing.feed(response)
        result = drive(conversation, growing.response, self._ask(arguments))
        yield from growing.finish(result)

    async def _structured_astream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Model | FlexibleModel, None]:
        spec = self._spec(output_cls)
        arguments = _arguments(spec, llm_kwargs)
        conversation = self._converse(spec, prompt, prompt_args)

        async def objects() -> AsyncGenerator[Model | FlexibleModel, None]:
            growing = _GrowingObject(output_cls, spec)
            responses = await self.astream_chat(next(conversation), **arguments)
            async with aclosing(responses) as open_responses:
                async for response in open_responses:
                    for part in growing.feed(response):
                        yield part
            result = await adrive(conversation, growing.response, self._aask(arguments))
            for part in growing.finish(result):
                yield part

        return objects()

    def _spec(self, output_cls: type[BaseModel]) -> OutputSpec:
        mode = self.pydantic_program_mode
        if mode not in _METHODS:
            known = ", ".join(str(known.value) for known in _METHODS)
            raise InvalidRequestError(f"pydantic_program_mode must be one of {known}, got {mode}.")
        schema = output_cls.model_json_schema()
        return OutputSpec(schema, partial(_validate, output_cls), method=self._method())

    def _method(self) -> Method:
        if self.should_use_structured_outputs:
            return "json_schema"
        chosen = _METHODS[self.pydantic_program_mode]
        refused = self.should_use_structured_outputs is False and chosen == "json_schema"
        return "function_calling" if refused else chosen

    def _ask(self, arguments: dict[str, Any]) -> Callable[[list[ChatMessage]], ChatResponse]:
        return lambda messages: self.chat(messages, **arguments)

    def _aask(
        self, arguments: dict[str, Any]
    ) -> Callable[[list[ChatMessage]], Awaitable[ChatResponse]]:
        return lambda messages: self.achat(messages, **arguments)

    def _converse(
        self, spec: OutputSpec, prompt: PromptTemplate, prompt_args: dict[str, Any]
    ) -> Generator[list[ChatMessage], ChatResponse, Any]:
        """Yield the messages to send and receive the response, at most twice; return the object."""
        messages = self._extend_messages(prompt.format_messages(llm=self, **prompt_args))
        result, _ = yield from ask_until_valid(
            spec, messages, read=_read, correction_messages=_complain, error=_to_error
        )
        return result


def _arguments(spec: OutputSpec, llm_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the arguments of the calls; nothing is forced, also where the caller says so, as in LlamaIndex itself."""
    own = {name: value for name, value in (llm_kwargs or {}).items() if name not in _FORCE}
    arguments = {"instruction": spec.instruction, **spec.arguments, **own}
    tools = [*own.get("tools", ()), *spec.arguments.get("tools", ())]
    return {**arguments, "tools": tools} if tools else arguments


_FORCE = frozenset(("tool_required", "tool_choice", "allow_parallel_tool_calls"))


def _validate(output_cls: type[Model], value: Any) -> Model:
    # As JSON, so that a date may be a string in strict models, too.
    return output_cls.model_validate_json(json.dumps(value))


def _read(response: ChatResponse) -> ModelAnswer:
    message = response.message
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    raw = response.raw if isinstance(response.raw, dict) else {}
    return ModelAnswer(
        message.content or "",
        [(call.tool_name, call.tool_kwargs) for call in calls],
        cut=raw.get("finish_reason") == "length",
    )


def _complain(response: ChatResponse, words: str) -> list[ChatMessage]:
    """Return a message and what is wrong with it; each of its calls needs a result."""
    message = response.message
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    results = [
        ChatMessage(
            role=MessageRole.TOOL,
            content=words,
            additional_kwargs={"tool_call_id": call.tool_call_id},
        )
        for call in calls
    ]
    return [message, *(results or [ChatMessage(role=MessageRole.USER, content=words)])]


def _to_error(problem: str, response: ChatResponse) -> StructuredOutputError:
    return StructuredOutputError(problem, response.message)


class _GrowingObject(Generic[Model]):
    """Responses of a stream -> the object as far as it has come."""

    def __init__(self, output_cls: type[Model], spec: OutputSpec) -> None:
        self.response = ChatResponse(message=ChatMessage())
        """The last response, in the end the whole one."""
        self._output_cls = output_cls
        self._flexible = create_flexible_model(output_cls)
        self._partials = spec.partials()
        self._seen: Counter[int] = Counter()
        """How much of the arguments of each call has been read."""
        self._last: Model | FlexibleModel | None = None

    def feed(self, response: ChatResponse) -> list[Model | FlexibleModel]:
        """Return the object, if it has grown: of its class as soon as it is valid."""
        self.response = response
        # Who looks at the message has it put together, which is not needed for text.
        values = self._partials.feed_text(response.delta) if response.delta else self._calls()
        grown = [self._to_object(value) for value in values]
        return [part for part in grown if part is not None and self._is_new(part)]

    def finish(self, result: Model) -> list[Model]:
        """Return the result, if it has not been there."""
        return [result] if self._is_new(result) else []

    def _is_new(self, part: Model | FlexibleModel) -> bool:
        before, self._last = self._last, part
        return part != before

    def _calls(self) -> list[Any]:
        calls = [
            block for block in self.response.message.blocks if isinstance(block, ToolCallBlock)
        ]
        values: list[Any] = []
        for index, call in enumerate(calls):
            if isinstance(call.tool_kwargs, str):
                news = call.tool_kwargs[self._seen[index] :]
                self._seen[index] += len(news)
                values += self._partials.feed_call(index, call.tool_name, news)
        return values

    def _to_object(self, value: Any) -> Model | FlexibleModel | None:
        try:
            return _validate(self._output_cls, value)
        except (ValidationError, RecursionError):
            return self._flexible.model_validate(value) if isinstance(value, dict) else None


def _dispatch_start(
    output_cls: type[BaseModel], prompt: PromptTemplate, arguments: dict[str, Any]
) -> None:
    dispatcher.event(
        LLMStructuredPredictStartEvent(
            output_cls=output_cls, template=prompt, template_args=arguments
        )
    )
