"""Structured prediction: what the framework does with programs that force a tool, without the force.

It takes the place of LlamaIndex's own programs, because GLM's own endpoint refuses to be forced. How the schema is
asked for follows `pydantic_program_mode`.
"""

import json
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing, closing
from functools import partial
from typing import Any, Generic, TypeVar

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

from glm_openrouter import InvalidRequestError, ModelRefusalError, StructuredOutputError
from glm_openrouter.structured import (
    Method,
    ModelAnswer,
    OutputSpec,
    adrive,
    ask_until_valid,
    drive,
)

__all__ = [
    "FORCE",
    "astream_structured",
    "astructured_predict",
    "stream_structured",
    "structured_predict",
]

Model = TypeVar("Model", bound=BaseModel)
Arguments = dict[str, Any]

dispatcher = get_dispatcher(__name__)

_METHODS: dict[PydanticProgramMode, Method] = {
    PydanticProgramMode.DEFAULT: "json_schema",
    PydanticProgramMode.OPENAI: "function_calling",
    PydanticProgramMode.FUNCTION: "function_calling",
    PydanticProgramMode.LLM: "prompt",
}


def structured_predict(
    llm: LLM,
    output_cls: type[Model],
    prompt: PromptTemplate,
    llm_kwargs: Arguments | None,
    prompt_args: Arguments,
    *,
    use_response_format: bool | None,
) -> Model:
    """Return the answer of an LLM to a prompt as an object of `output_cls`.

    Args:
        llm: What answers.
        output_cls: What the answer has to fit.
        prompt: The prompt.
        llm_kwargs: Arguments of the calls.
        prompt_args: What fills in the prompt.
        use_response_format: Whether to send the schema as `response_format`. Default: as `pydantic_program_mode` says.

    Raises:
        ModelRefusalError: The model refused to answer. It is not asked again.
        StructuredOutputError: The answer does not fit, even after a second try; `raw` is the message.
    """
    _dispatch_start(output_cls, prompt, prompt_args)
    spec = _to_spec(llm, output_cls, use_response_format)
    ask = partial(_ask, llm, _arguments(spec, llm_kwargs))
    conversation = _conversation(llm, spec, prompt, prompt_args)
    result: Model = drive(conversation, ask(next(conversation)), ask)
    dispatcher.event(LLMStructuredPredictEndEvent(output=result))
    return result


async def astructured_predict(
    llm: LLM,
    output_cls: type[Model],
    prompt: PromptTemplate,
    llm_kwargs: Arguments | None,
    prompt_args: Arguments,
    *,
    use_response_format: bool | None,
) -> Model:
    """Return the answer of an LLM to a prompt as an object of `output_cls`; see `structured_predict`."""
    _dispatch_start(output_cls, prompt, prompt_args)
    spec = _to_spec(llm, output_cls, use_response_format)
    ask = partial(_aask, llm, _arguments(spec, llm_kwargs))
    conversation = _conversation(llm, spec, prompt, prompt_args)
    result: Model = await adrive(conversation, await ask(next(conversation)), ask)
    dispatcher.event(LLMStructuredPredictEndEvent(output=result))
    return result


def stream_structured(
    llm: LLM,
    output_cls: type[Model],
    prompt: PromptTemplate,
    llm_kwargs: Arguments | None,
    prompt_args: Arguments,
    *,
    use_response_format: bool | None,
) -> Generator[Model | FlexibleModel, None, None]:
    """Yield the object while it grows; see `structured_predict`."""
    spec = _to_spec(llm, output_cls, use_response_format)
    arguments = _arguments(spec, llm_kwargs)
    conversation = _conversation(llm, spec, prompt, prompt_args)
    growing = _GrowingObject(output_cls, spec)
    with closing(llm.stream_chat(next(conversation), **arguments)) as responses:
        for response in responses:
            yield from growing.feed(response)
    result = drive(conversation, growing.response, partial(_ask, llm, arguments))
    yield from growing.flush(result)


async def astream_structured(
    llm: LLM,
    output_cls: type[Model],
    prompt: PromptTemplate,
    llm_kwargs: Arguments | None,
    prompt_args: Arguments,
    *,
    use_response_format: bool | None,
) -> AsyncGenerator[Model | FlexibleModel, None]:
    """Yield the object while it grows; see `structured_predict`."""
    spec = _to_spec(llm, output_cls, use_response_format)
    arguments = _arguments(spec, llm_kwargs)
    conversation = _conversation(llm, spec, prompt, prompt_args)
    growing = _GrowingObject(output_cls, spec)
    async with aclosing(await llm.astream_chat(next(conversation), **arguments)) as responses:
        async for response in responses:
            for part in growing.feed(response):
                yield part
    result = await adrive(conversation, growing.response, partial(_aask, llm, arguments))
    for part in growing.flush(result):
        yield part


def _to_spec(llm: LLM, output_cls: type[BaseModel], use_response_format: bool | None) -> OutputSpec:
    schema = output_cls.model_json_schema()
    method = _choose_method(llm.pydantic_program_mode, use_response_format)
    return OutputSpec(schema, partial(_validate, output_cls), method=method)


def _choose_method(mode: PydanticProgramMode, use_response_format: bool | None) -> Method:
    if mode not in _METHODS:
        modes = ", ".join(str(mode.value) for mode in _METHODS)
        raise InvalidRequestError(f"pydantic_program_mode must be one of {modes}, got {mode}.")
    if use_response_format:
        return "json_schema"
    method = _METHODS[mode]
    refused = use_response_format is False and method == "json_schema"
    return "function_calling" if refused else method


def _ask(llm: LLM, arguments: Arguments, messages: list[ChatMessage]) -> ChatResponse:
    return llm.chat(messages, **arguments)


async def _aask(llm: LLM, arguments: Arguments, messages: list[ChatMessage]) -> ChatResponse:
    return await llm.achat(messages, **arguments)


def _conversation(
    llm: LLM, spec: OutputSpec, prompt: PromptTemplate, prompt_args: Arguments
) -> Generator[list[ChatMessage], ChatResponse, Any]:
    """Yield the messages to send and receive the response, at most twice; return the object."""
    messages = llm._extend_messages(prompt.format_messages(llm=llm, **prompt_args))
    result, _ = yield from ask_until_valid(
        spec,
        messages,
        read=_to_answer,
        correction_messages=_correction_messages,
        error=_to_error,
        refusal=_to_refusal,
    )
    return result


def _arguments(spec: OutputSpec, llm_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the arguments of the calls; nothing is forced, also where the caller says so, as in LlamaIndex itself."""
    own = {name: value for name, value in (llm_kwargs or {}).items() if name not in FORCE}
    # What cannot be read is corrected once, as any other answer that does not fit.
    arguments = {
        "instruction": spec.instruction,
        "tool_call_retries": None,
        **spec.arguments,
        **own,
    }
    tools = [*own.get("tools", ()), *spec.arguments.get("tools", ())]
    return {**arguments, "tools": tools} if tools else arguments


FORCE = frozenset(("tool_required", "tool_choice", "allow_parallel_tool_calls"))
"""Arguments of LlamaIndex's programs that would force a tool, or several."""


def _validate(output_cls: type[Model], value: Any) -> Model:
    # As JSON, so that a date may be a string in strict models, too.
    return output_cls.model_validate_json(json.dumps(value))


def _to_answer(response: ChatResponse) -> ModelAnswer:
    message = response.message
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    raw = response.raw if isinstance(response.raw, dict) else {}
    return ModelAnswer(
        message.content or "",
        [(call.tool_name, call.tool_kwargs) for call in calls],
        cut=raw.get("finish_reason") == "length",
        refusal=None if calls else message.additional_kwargs.get("refusal"),
    )


def _correction_messages(response: ChatResponse, problem: str) -> list[ChatMessage]:
    """Return a message and what is wrong with it; each of its calls needs a result."""
    message = response.message
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    results = [
        ChatMessage(
            role=MessageRole.TOOL,
            content=problem,
            additional_kwargs={"tool_call_id": call.tool_call_id},
        )
        for call in calls
    ]
    return [message, *(results or [ChatMessage(role=MessageRole.USER, content=problem)])]


def _to_error(problem: str, response: ChatResponse) -> StructuredOutputError:
    return StructuredOutputError(problem, response.message)


def _to_refusal(problem: str, response: ChatResponse) -> ModelRefusalError:
    return ModelRefusalError(problem, response.message)


class _GrowingObject(Generic[Model]):
    """Responses of a stream -> the object as far as it has come."""

    def __init__(self, output_cls: type[Model], spec: OutputSpec) -> None:
        self.response = ChatResponse(message=ChatMessage())
        """The last response, in the end the whole one."""
        self._output_cls = output_cls
        self._flexible = create_flexible_model(output_cls)
        self._partials = spec.partials()
        self._read_lengths: Counter[int] = Counter()
        """How much of the arguments of each call has been read."""
        self._last: Model | FlexibleModel | None = None

    def feed(self, response: ChatResponse) -> list[Model | FlexibleModel]:
        """Return the object, if it has grown: of its class as soon as it is valid."""
        self.response = response
        # Who looks at the message has it put together, which is not needed for text.
        values = self._partials.feed_text(response.delta) if response.delta else self._calls()
        grown = [self._to_object(value) for value in values]
        return [part for part in grown if part is not None and self._is_new(part)]

    def flush(self, result: Model) -> list[Model]:
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
                news = call.tool_kwargs[self._read_lengths[index] :]
                self._read_lengths[index] += len(news)
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
