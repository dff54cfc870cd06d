"""`ChatGLM`: GLM through OpenRouter as a LangChain chat model."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Unpack, overload

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    BaseRunManager,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import BaseChatModel, LanguageModelInput, ModelProfile
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.utils import LC_ID_PREFIX
from pydantic import Field, field_validator

from glm_openrouter import ChatRequest, Delta, JSONObject, ModelFacts

from ._base import ANSWER_TOOLS, OpenRouterModel, check_calls_of_model, trace_model
from ._connection import MODEL_CONFIG
from ._errors import translate_errors
from ._from_wire.chunks import to_chunk, to_content_blocks_chunk, to_last_chunk
from ._from_wire.events import StreamEvents
from ._from_wire.messages import to_result
from ._threads import keep_threads
from ._to_wire.tools import to_tool_choice, to_tools

if TYPE_CHECKING:
    # As in LangChain's own models: importing it takes as long as a tenth of this package.
    from langchain_core.tools import BaseTool
    from langchain_protocol.protocol import MessagesData

    from glm_openrouter.structured import Method

    from ._arguments import ChatGLMArguments
    from ._structured.binding import ModelBinding
else:
    # `RunnableWithFallbacks` resolves the annotations of a method to see whether it returns a runnable, and then calls
    # it on the fallbacks, too. So each name has to be there, and what is returned has to be one.
    BaseTool = MessagesData = Method = Any
    ModelBinding = Runnable

__all__ = ["ChatGLM"]

Output = TypeVar("Output")


@check_calls_of_model
@keep_threads
class ChatGLM(OpenRouterModel, BaseChatModel):  # type: ignore[misc]  # model_construct, which pydantic's plugin adds
    """GLM 4.6, or any other model, through OpenRouter.

    ```python
    from langchain_glm import ChatGLM

    model = ChatGLM(temperature=0.6)
    print(model.invoke("Why is the sky blue?").text)
    ```

    Takes every argument of `ChatOpenRouter` with the same meaning (`timeout` is in seconds), and every parameter of
    `glm_openrouter.ModelParameters`. An unknown argument is an error.

    Raises:
        AuthenticationError: There is no API key.
        pydantic.ValidationError: An argument is unknown or makes no sense.
    """

    model_config = MODEL_CONFIG

    n: Literal[1] = 1
    """OpenRouter gives one answer to a request."""

    streaming: bool = False
    """Whether `invoke` streams, too."""

    tool_call_retries: Annotated[int, Field(ge=0)] | None = 2
    """How often a model with tools is asked again, within the same `invoke`, if no tool call of its answer can be read;
    each time it is told what was wrong. Then there is an `InvalidToolCallError`. `None` leaves it to the caller: there
    is no error and no warning, and the calls are in `invalid_tool_calls`, where `stream` always has them."""

    stream_usage: bool = True
    """Whether a stream ends with its usage."""

    client: None = Field(default=None, exclude=True, repr=False)
    """Must be `None`: there is no client of OpenRouter's SDK here. See `http_client`."""

    if TYPE_CHECKING:

        def __init__(self, **arguments: Unpack["ChatGLMArguments"]) -> None: ...

    @field_validator("client", mode="before")
    @classmethod
    def _needs_no_sdk(cls, client: object) -> None:
        if client is not None:
            msg = "ChatGLM uses no SDK: pass an httpx.Client as http_client, an httpx.AsyncClient as http_async_client."
            raise ValueError(msg)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 -- LangChain's signature
        **kwargs: Any,
    ) -> ChatResult:
        request = self._request(messages, stop, kwargs)
        with translate_errors():
            return to_result(self._client.complete(request, wire_stream=self._wire_stream(request)))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 -- LangChain's signature
        **kwargs: Any,
    ) -> ChatResult:
        request = self._request(messages, stop, kwargs)
        with translate_errors():
            wire_stream = self._wire_stream(request)
            return to_result(await self._async_client.complete(request, wire_stream=wire_stream))

    def _wire_stream(self, request: ChatRequest) -> bool | None:
        """Return whether an answer that is given out whole may come as a stream; `None` leaves that to the client."""
        off = self.disable_streaming
        return False if off is True or (off == "tool_calling" and request.tools) else None

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 -- LangChain's signature
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        request = self._request(messages, stop, kwargs)
        convert = self._convert_delta
        with translate_errors(), self._client.stream(request) as stream:
            for delta in stream:
                yield convert(delta)
            yield to_last_chunk(stream.completion, with_usage=self.stream_usage)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 -- LangChain's signature
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        request = self._request(messages, stop, kwargs)
        convert = self._convert_delta
        with translate_errors():
            async with self._async_client.stream(request) as stream:
                async for delta in stream:
                    yield convert(delta)
                yield to_last_chunk(stream.completion, with_usage=self.stream_usage)

    def _stream_chat_model_events(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator["MessagesData"]:
        request = self._request(messages, stop, kwargs)
        events = self._stream_events(run_manager, request)
        with translate_errors(), self._client.stream(request) as stream:
            yield events.start()
            for delta in stream:
                yield from events.feed(delta)
            yield from events.flush(stream.completion)

    async def _astream_chat_model_events(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator["MessagesData"]:
        request = self._request(messages, stop, kwargs)
        events = self._stream_events(run_manager, request)
        with translate_errors():
            async with self._async_client.stream(request) as stream:
                yield events.start()
                async for delta in stream:
                    for event in events.feed(delta):
                        yield event
                for event in events.flush(stream.completion):
                    yield event

    def _stream_events(
        self, run_manager: BaseRunManager | None, request: ChatRequest
    ) -> StreamEvents:
        message_id = f"{LC_ID_PREFIX}-{run_manager.run_id}" if run_manager else ""
        return StreamEvents(message_id, request.model, with_usage=self.stream_usage)

    @property
    def _convert_delta(self) -> Callable[[Delta], ChatGenerationChunk]:
        return to_content_blocks_chunk if self.output_version == "v1" else to_chunk

    def bind_tools(
        self,
        tools: "Sequence[JSONObject | type | Callable[..., Any] | BaseTool]",
        *,
        tool_choice: str | bool | JSONObject | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> "ModelBinding":
        """Return this model with tools.

        Args:
            tools: Whatever `convert_to_openai_tool` takes, and server tools such as
                `{"type": "openrouter:web_search"}`.
            tool_choice: `"auto"`, `"none"`, `"any"` or `"required"`, the name of a tool, `True` for the only one, or a
                dict in OpenAI's form. Nothing is forced unless it is asked for: Z.AI itself knows only `"auto"`.
            strict: Whether providers should enforce the schemas. Few can; it narrows the choice of endpoints.
            parallel_tool_calls: Whether the model may call several tools in one turn; its default is to do so.
            **kwargs: Any parameters for the calls.

        Raises:
            InvalidRequestError: `tool_choice` does not fit the tools.
        """
        # Late, as all of structured output: it makes a class of pydantic, and not every program needs it.
        from ._structured.binding import ask_for_answer_tools
        from ._structured.schemas import has_schema

        with translate_errors():
            converted = to_tools(tools, strict=strict)
        if forms := ask_for_answer_tools(tools, tool_choice):
            kwargs, tool_choice = {**forms, **kwargs}, None
        elif has_schema(kwargs.get("response_format")):
            kwargs = {ANSWER_TOOLS: [], **kwargs}
        with translate_errors():
            optional = {
                "tools": converted or None,
                "tool_choice": to_tool_choice(tool_choice, converted),
                "parallel_tool_calls": parallel_tool_calls,
            }
        arguments = {name: value for name, value in optional.items() if value is not None}
        return self.bind(**arguments, **kwargs)

    def bind(self, **kwargs: Any) -> "ModelBinding":
        """Return this model with arguments for its calls.

        Raises:
            InvalidRequestError: One is an option of the connection, such as `api_key`: it belongs to the constructor.
        """
        from ._structured.binding import ModelBinding

        return ModelBinding(bound=self, kwargs=self._check_call(kwargs), config={})

    @overload
    def with_structured_output(
        self,
        schema: type[Output],
        *,
        method: "Method" = "json_schema",
        include_raw: Literal[False] = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Output]: ...

    @overload
    def with_structured_output(
        self,
        schema: JSONObject | None = None,
        *,
        method: "Method" = "json_schema",
        include_raw: Literal[False] = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, JSONObject]: ...

    @overload
    def with_structured_output(
        self,
        schema: JSONObject | type | None = None,
        *,
        method: "Method" = "json_schema",
        include_raw: Literal[True],
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, JSONObject]: ...

    @overload
    def with_structured_output(
        self,
        schema: JSONObject | type | None = None,
        *,
        method: "Method" = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]: ...

    def with_structured_output(
        self,
        schema: JSONObject | type | None = None,
        *,
        method: "Method" = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Return a runnable whose output fits `schema`.

        It works with every provider: the schema goes into the request *and* into a short instruction, the answer is
        read tolerantly and validated strictly, and the model gets one chance to mend it. `stream` gives the object
        while it grows.

        Args:
            schema: A pydantic class, a dataclass, or any other type that pydantic can validate; a TypedDict or a JSON
                schema, for which the output is a dict. With `json_mode` it may be left out, for any JSON object.
            method: `json_schema` (`response_format` with the schema), `function_calling` (a tool, not forced),
                `json_mode` (`response_format` without a schema), or `prompt` (the instruction only).
            include_raw: Return `{"raw", "parsed", "parsing_error"}` and do not raise.
            strict: Whether providers should enforce the schema. Few can; it narrows the choice of endpoints.
            **kwargs: Any parameters for the calls, such as other `tools`. If the model calls one of those instead of
                giving its answer, the call is in `raw`; without `include_raw` it is an error.

        Raises:
            InvalidRequestError: The schema cannot be asked for with this method.
            ModelRefusalError: While running: the model refused to answer. It is not asked again.
            StructuredOutputError: While running: no answer fits. It holds the raw message.
        """
        from ._structured.output import structured_output

        kwargs = self._check_call(kwargs)
        with translate_errors():
            return structured_output(
                self, schema, method=method, include_raw=include_raw, strict=strict, **kwargs
            )

    @property
    def _llm_type(self) -> str:
        return "openrouter-glm"

    def refresh_profile(self) -> ModelProfile:
        """Ask the catalogue of OpenRouter for limits and abilities of the model, and put them into `profile`.

        Nothing else asks it: without this, `profile` holds what was true when this version was made.

        Raises:
            APIError: OpenRouter did not answer, or does not know the model.
        """
        with translate_errors():
            self.profile = _to_profile(self._refresh_facts(self.model_name))
        return self.profile

    async def arefresh_profile(self) -> ModelProfile:
        """Ask the catalogue of OpenRouter for limits and abilities of the model; see `refresh_profile`."""
        with translate_errors():
            self.profile = _to_profile(await self._arefresh_facts(self.model_name))
        return self.profile

    def _resolve_model_profile(self) -> ModelProfile | None:
        facts = self._facts(self.model_name)
        return _to_profile(facts) if facts else None

    def _get_invocation_params(
        self, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        # What tracers see of a call; events of version 3 come here without passing the methods that check it.
        return super()._get_invocation_params(stop=stop, **self._check_call(kwargs))

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        parameters = super()._get_ls_params(stop=self._stop_texts(stop), **kwargs)
        return trace_model(parameters, kwargs.get("model") or self.model_name)


def _to_profile(facts: ModelFacts) -> ModelProfile:
    return ModelProfile(
        name=facts.name,
        status="deprecated" if facts.expiration_date else "active",
        max_input_tokens=facts.context_window,
        max_output_tokens=facts.max_output_tokens,
        text_inputs=True,
        image_inputs=facts.image_input,
        image_tool_message=facts.image_input,
        audio_inputs=facts.audio_input,
        video_inputs=facts.video_input,
        text_outputs=True,
        image_outputs=False,
        audio_outputs=False,
        video_outputs=False,
        reasoning_output=facts.reasoning,
        tool_calling=facts.tool_calling,
        tool_choice=facts.tool_calling,
        structured_output=True,  # made sure of by this package, not by the provider
    )
