"""Structured prediction: instruction, answer, validation, one repair, or an error that holds the answer.

It takes the place of LlamaIndex's own program for models that call functions, which forces a tool; GLM's own endpoint
refuses to be forced.
"""

from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.llms.llm import LLM
from llama_index.core.program.utils import FlexibleModel, create_flexible_model
from llama_index.core.prompts import PromptTemplate
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel
from pydantic_core import from_json

from glm_openrouter import StructuredOutputError, structured

__all__ = ["StructuredPrediction"]

Model = TypeVar("Model", bound=BaseModel)
Flow = Generator[list[ChatMessage], ChatResponse, Model]

dispatcher = get_dispatcher(__name__)


if TYPE_CHECKING:
    _Base = LLM
else:
    _Base = (
        object  # making one more model class of an LLM takes longer than all else in this import
    )


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
        flow = self._predict(output_cls, prompt, prompt_args)
        arguments = _arguments(output_cls, llm_kwargs)
        messages = next(flow)
        while True:
            try:
                messages = flow.send(self.chat(messages, **arguments))
            except StopIteration as done:
                result: Model = done.value
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
        flow = self._predict(output_cls, prompt, prompt_args)
        arguments = _arguments(output_cls, llm_kwargs)
        messages = next(flow)
        while True:
            try:
                messages = flow.send(await self.achat(messages, **arguments))
            except StopIteration as done:
                result: Model = done.value
                dispatcher.event(LLMStructuredPredictEndEvent(output=result))
                return result

    def _predict(
        self, output_cls: type[Model], prompt: PromptTemplate, prompt_args: dict[str, Any]
    ) -> Flow[Model]:
        """Yield the messages to send; receive the response; return the object."""
        messages = self._ask(output_cls, prompt, prompt_args)
        response = yield messages
        try:
            return _read(output_cls, response.message)
        except StructuredOutputError as error:
            response = yield [*messages, *_ask_again(response.message, error)]
            return _read(output_cls, response.message)

    def _structured_stream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Model | FlexibleModel, None, None]:
        messages, arguments = (
            self._ask(output_cls, prompt, prompt_args),
            _arguments(output_cls, llm_kwargs),
        )
        partials = _Partials(output_cls)
        for response in self.stream_chat(messages, **arguments):
            yield from partials.feed(response)
        try:
            yield _read(output_cls, partials.message)
        except StructuredOutputError as error:
            again = [*messages, *_ask_again(partials.message, error)]
            yield _read(output_cls, self.chat(again, **arguments).message)

    async def _structured_astream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Model | FlexibleModel, None]:
        messages, arguments = (
            self._ask(output_cls, prompt, prompt_args),
            _arguments(output_cls, llm_kwargs),
        )

        async def objects() -> AsyncGenerator[Model | FlexibleModel, None]:
            partials = _Partials(output_cls)
            async for response in await self.astream_chat(messages, **arguments):
                for partial in partials.feed(response):
                    yield partial
            try:
                yield _read(output_cls, partials.message)
            except StructuredOutputError as error:
                again = [*messages, *_ask_again(partials.message, error)]
                yield _read(output_cls, (await self.achat(again, **arguments)).message)

        return objects()

    def _ask(
        self, output_cls: type[BaseModel], prompt: PromptTemplate, prompt_args: dict[str, Any]
    ) -> list[ChatMessage]:
        """Return the messages of a prompt with the instruction, as a part of the system prompt."""
        messages = self._extend_messages(prompt.format_messages(llm=self, **prompt_args))
        instruction = structured.schema_instruction(output_cls.model_json_schema())
        if messages and messages[0].role == MessageRole.SYSTEM:
            system, *messages = messages
            instruction = f"{system.content}\n\n{instruction}"
        return [ChatMessage(role=MessageRole.SYSTEM, content=instruction), *messages]


def _arguments(output_cls: type[BaseModel], llm_kwargs: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "response_format": structured.response_format(output_cls.model_json_schema()),
        **(llm_kwargs or {}),
    }


def _read(output_cls: type[Model], message: ChatMessage) -> Model:
    try:
        return output_cls.model_validate(structured.extract_json(message.content or ""))
    except ValueError as error:
        raise StructuredOutputError(str(error), message) from error


def _ask_again(answer: ChatMessage, error: StructuredOutputError) -> Sequence[ChatMessage]:
    instruction = structured.repair_instruction(str(error))
    return answer, ChatMessage(role=MessageRole.USER, content=instruction)


class _Partials(Generic[Model]):
    """Responses of a stream -> the object as far as it has come."""

    def __init__(self, output_cls: type[Model]) -> None:
        self._output_cls = output_cls
        self._flexible = create_flexible_model(output_cls)
        self._text = ""
        self._last: Any = None
        self.message = ChatMessage()
        """The last message, in the end the whole one."""

    def feed(self, response: ChatResponse) -> Iterator[Model | FlexibleModel]:
        """Yield the object if it has grown."""
        self.message = response.message
        self._text += response.delta or ""
        start = self._text.find("{")
        if not response.delta or start < 0:
            return
        try:
            value = from_json(self._text[start:], allow_partial="trailing-strings")
        except ValueError:
            return
        if value and value != self._last:
            self._last = value
            try:
                yield self._output_cls.model_validate(value)
            except ValueError:
                yield self._flexible.model_validate(value)


def _dispatch_start(
    output_cls: type[BaseModel], prompt: PromptTemplate, arguments: dict[str, Any]
) -> None:
    dispatcher.event(
        LLMStructuredPredictStartEvent(
            output_cls=output_cls, template=prompt, template_args=arguments
        )
    )
