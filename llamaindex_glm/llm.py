"""`GLM`: GLM through OpenRouter as a LlamaIndex LLM."""

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from functools import partial, wraps
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar, Unpack

from llama_index.core.base.llms.generic_utils import (
    messages_to_prompt as generic_messages_to_prompt,
)
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
    ToolCallBlock,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.program.utils import FlexibleModel
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field, model_validator

from glm_openrouter import (
    DEFAULT_MODEL,
    ChatRequest,
    InvalidRequestError,
    InvalidToolCallError,
    ModelParameters,
    OpenRouterModelBase,
    ToolCall,
)
from glm_openrouter.corrections import Corrections, invalid_call_error
from glm_openrouter.request.history import HistoryOptions
from glm_openrouter.request.instructions import UNRUN_CALL_RESULT
from glm_openrouter.request.layers import build_request
from glm_openrouter.request.parameters import ModelId, parameters_of

from ._callbacks import chat_callback, completion_callback
from ._calls import check_calls_of_llm
from ._compat import OpenAICompatArguments
from ._connection import Connected
from ._from_wire import (
    malformed_calls,
    to_completion_response,
    to_response,
    to_tool_selections,
)
from ._streaming.builder import ResponseBuilder
from ._streaming.choice import new_chat_builder, new_completion_builder
from ._structured import (
    astream_structured,
    astructured_predict,
    stream_structured,
    structured_predict,
)
from ._to_wire import to_messages, to_tool

if TYPE_CHECKING:
    from ._arguments import GLMArguments

__all__ = ["GLM"]

JSONObject = dict[str, Any]
Model = TypeVar("Model", bound=BaseModel)
Response = TypeVar("Response")

_DEFAULT_CONTEXT_WINDOW = 128_000
"""Tokens, for models that nothing is known about."""

_RESERVE = 16_384
"""Tokens that query engines keep free for thinking and answer when they fill the context window; not a limit.

They would keep 256 for a model that names none, and count with another tokenizer.
"""


_ALL_CALLS = "all_calls"
"""An argument of a call: all tool calls of the answer must be readable, not only one."""

_NOT_ON_THE_WIRE = frozenset(
    ("instruction", "tool_call_retries", _ALL_CALLS, *HistoryOptions.model_fields)
)
"""Arguments of a call that are no parameters of a request."""

Correct = Callable[[Response], ChatRequest | None]
"""Returns the request to send after a response, `None` if the response is the last one."""


def _done(_: object) -> None:
    """Return that a response is the last one."""


@check_calls_of_llm
class GLM(
    Connected,
    OpenRouterModelBase,
    ModelParameters,
    OpenAICompatArguments,
    FunctionCallingLLM,
):
    """GLM 4.6, or any other model, through OpenRouter.

    ```python
    from llamaindex_glm import GLM

    llm = GLM(temperature=0.6)
    print(llm.complete("Why is the sky blue?"))
    ```

    Takes the arguments of `llama_index.llms.openrouter.OpenRouter`, and every parameter of
    `glm_openrouter.ModelParameters`, by name; the model may also come first. An unknown argument is an error.

    Raises:
        AuthenticationError: There is no API key.
        pydantic.ValidationError: An argument is unknown or makes no sense.
    """

    model_config = ConfigDict(defer_build=False)  # the bases say the rest

    _call_names = _NOT_ON_THE_WIRE

    model: ModelId = DEFAULT_MODEL
    """Model id, with or without a routing suffix such as `:exacto` or `:nitro`."""

    context_window: int | None = Field(default=None, gt=0)
    """Tokens of prompt and answer together. Default: what is known of the model."""

    is_chat_model: bool = True
    """`False` sends a conversation as one text, which `messages_to_prompt` makes of it."""

    is_function_calling_model: bool = True
    """Whether the model calls tools. Agents refuse one that does not."""

    tool_call_retries: Annotated[int, Field(ge=0)] | None = 2
    """How often the model is asked again, within the same call, if it was given tools and no tool call of its answer
    can be read; each time it is told what was wrong. Then there is an `InvalidToolCallError`. With `None` there is
    none, and the calls are in the response as they came."""

    strict: bool = False
    """Whether providers should enforce the schemas of tools. Few can; it narrows the choice of endpoints."""

    if TYPE_CHECKING:

        def __init__(
            self, model: str | None = None, **arguments: Unpack["GLMArguments"]
        ) -> None: ...

    @model_validator(mode="after")
    def _no_option_gets_into_the_body(self) -> Self:
        self._refuse_options(self.additional_kwargs)
        return self

    @classmethod
    def class_name(cls) -> str:
        """Return the name under which LlamaIndex serialises this class."""
        return "GLM_OpenRouter"

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex asks a model about itself; `num_output` is room that it keeps, and is not sent."""
        facts = self._facts(self.model)
        default_window = facts.context_window if facts else _DEFAULT_CONTEXT_WINDOW
        window = self.context_window or default_window
        reserve = min(_RESERVE, window // 4)
        return LLMMetadata(
            context_window=window,
            num_output=self.max_tokens or self.max_completion_tokens or reserve,
            is_chat_model=self.is_chat_model,
            is_function_calling_model=self.is_function_calling_model
            and (facts is None or facts.tool_calling),
            model_name=self.model,
        )

    def refresh_profile(self) -> LLMMetadata:
        """Ask the catalogue of OpenRouter for limits and abilities of the model, and put them into `metadata`.

        Nothing else asks it: without this, `metadata` holds what was true when this version was made. `context_window`
        of the constructor stays.

        Raises:
            APIError: OpenRouter did not answer, or does not know the model.
        """
        self._refresh_facts(self.model)
        return self.metadata

    async def arefresh_profile(self) -> LLMMetadata:
        """Ask the catalogue of OpenRouter for limits and abilities of the model; see `refresh_profile`."""
        await self._arefresh_facts(self.model)
        return self.metadata

    def _request(self, messages: Sequence[ChatMessage], arguments: JSONObject) -> ChatRequest:
        """Return the request for a conversation."""
        if not self.is_chat_model:
            to_prompt = self.messages_to_prompt or generic_messages_to_prompt
            return self._text_request(to_prompt(messages), True, arguments)
        return self._build(messages, arguments)

    def _text_request(self, prompt: str, formatted: bool, arguments: JSONObject) -> ChatRequest:
        """Return the request for a text."""
        if not formatted and self.completion_to_prompt is not None:
            prompt = self.completion_to_prompt(prompt)
        message = ChatMessage(role=MessageRole.USER, content=prompt)
        return self._build([message], {**self._room_after(prompt, arguments), **arguments})

    def _build(self, messages: Sequence[ChatMessage], arguments: JSONObject) -> ChatRequest:
        """Return the request for a call: what the model was made with, overridden by what the call says."""
        model = arguments.get("model") or self.model
        wire_messages = to_messages(messages, self._message_rules(model, arguments))
        call = {name: value for name, value in arguments.items() if name not in _NOT_ON_THE_WIRE}
        return build_request(
            wire_messages,
            self,
            {"model": self.model},
            call,
            model_kwargs=self.additional_kwargs,
            instruction=arguments.get("instruction"),
        )

    def _room_after(self, prompt: str, arguments: JSONObject) -> JSONObject:
        """Return the `max_tokens` that the prompt leaves, where LlamaIndex wants that: for models of text."""
        tokenizer = None if self.is_chat_model else self._tokenizer
        parameters = {**parameters_of(self), **self.additional_kwargs, **arguments}
        has_limit = parameters.get("max_tokens") or parameters.get("max_completion_tokens")
        if tokenizer is None or has_limit:
            return {}
        window, prompt_tokens = self.metadata.context_window, len(tokenizer.encode(prompt))
        if prompt_tokens >= window:
            raise InvalidRequestError(
                f"The prompt has {prompt_tokens} tokens, the context window of {self.model} {window}. "
                "Shorten the prompt."
            )
        return {"max_tokens": window - prompt_tokens}

    @chat_callback
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Return the response to a conversation.

        Raises:
            APIError: OpenRouter did not answer with a complete response.
            TruncatedToolCallError: A tool call was cut off.
            InvalidToolCallError: No tool call can be read, after `tool_call_retries` neither.
        """
        return self._complete(self._request(messages, kwargs), self._correct(messages, kwargs))

    @chat_callback
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Return the response to a conversation; see `chat`."""
        request = self._request(messages, kwargs)
        return await self._acomplete(request, self._correct(messages, kwargs))

    @chat_callback
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Return the responses to a conversation while it grows; each holds all that has come, and its `delta`.

        Reasoning comes as `additional_kwargs["thinking_delta"]`. The last response has the usage. If the model is asked
        again because no tool call can be read, the responses begin anew. Raises what `chat` raises, while iterating.
        """
        request = self._request(messages, kwargs)
        new_builder = partial(new_chat_builder, one_call=_one_call(request))
        return self._stream(request, new_builder, self._correct(messages, kwargs))

    @chat_callback
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Return the responses to a conversation while it grows; see `stream_chat`."""
        request = self._request(messages, kwargs)
        new_builder = partial(new_chat_builder, one_call=_one_call(request))
        return self._astream(request, new_builder, self._correct(messages, kwargs))

    @completion_callback
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Return the response to a prompt; see `chat`."""
        return to_completion_response(self._complete(self._text_request(prompt, formatted, kwargs)))

    @completion_callback
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """Return the response to a prompt; see `chat`."""
        return to_completion_response(
            await self._acomplete(self._text_request(prompt, formatted, kwargs))
        )

    @completion_callback
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """Return the responses to a prompt while they grow; see `stream_chat`."""
        return self._stream(self._text_request(prompt, formatted, kwargs), new_completion_builder)

    @completion_callback
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """Return the responses to a prompt while they grow; see `stream_chat`."""
        return self._astream(self._text_request(prompt, formatted, kwargs), new_completion_builder)

    def _complete(
        self, request: ChatRequest, correct: Correct[ChatResponse] = _done
    ) -> ChatResponse:
        while True:
            response = to_response(self._client.complete(request), one_call=_one_call(request))
            again = correct(response)
            if again is None:
                return response
            request = again

    async def _acomplete(
        self, request: ChatRequest, correct: Correct[ChatResponse] = _done
    ) -> ChatResponse:
        while True:
            completion = await self._async_client.complete(request)
            response = to_response(completion, one_call=_one_call(request))
            again = correct(response)
            if again is None:
                return response
            request = again

    def _stream(
        self,
        request: ChatRequest,
        new_builder: Callable[[], ResponseBuilder[Response]],
        correct: Correct[Response] = _done,
    ) -> Generator[Response, None, None]:
        while True:
            builder = new_builder()
            with self._client.stream(request) as stream:
                for delta in stream:
                    yield builder.feed(delta)
                last = builder.flush(stream.completion)
            again = correct(last)
            if again is None:
                yield last
                return
            request = again

    async def _astream(
        self,
        request: ChatRequest,
        new_builder: Callable[[], ResponseBuilder[Response]],
        correct: Correct[Response] = _done,
    ) -> AsyncGenerator[Response, None]:
        while True:
            builder = new_builder()
            async with self._async_client.stream(request) as stream:
                async for delta in stream:
                    yield builder.feed(delta)
                last = builder.flush(stream.completion)
            again = correct(last)
            if again is None:
                yield last
                return
            request = again

    def _correct(
        self, messages: Sequence[ChatMessage], arguments: JSONObject
    ) -> Correct[ChatResponse]:
        """Return what gives the next request where no tool call of a response can be read."""
        retries = arguments.get("tool_call_retries", self.tool_call_retries)
        if retries is None or not arguments.get("tools"):
            return _done
        corrections = Corrections(
            messages,
            retries,
            malformed=partial(malformed_calls, needs_all=arguments.get(_ALL_CALLS, False)),
            messages_of=_correction_messages,
            error=_to_error,
        )

        def correct(response: ChatResponse) -> ChatRequest | None:
            again = corrections.follow_up(response)
            return None if again is None else self._request(again, arguments)

        return correct

    def structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: JSONObject | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Return the answer to a prompt as an object of `output_cls`.

        Raises:
            ModelRefusalError: The model refused to answer. It is not asked again.
            StructuredOutputError: The answer does not fit, even after a second try; `raw` is the message.
        """
        prefer = self.should_use_structured_outputs
        return structured_predict(
            self, output_cls, prompt, llm_kwargs, prompt_args, use_response_format=prefer
        )

    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: JSONObject | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Return the answer to a prompt as an object of `output_cls`; see `structured_predict`."""
        prefer = self.should_use_structured_outputs
        return await astructured_predict(
            self, output_cls, prompt, llm_kwargs, prompt_args, use_response_format=prefer
        )

    if TYPE_CHECKING:  # the decorator of LlamaIndex hides the class of the objects

        def stream_structured_predict(
            self,
            output_cls: type[Model],
            prompt: PromptTemplate,
            llm_kwargs: JSONObject | None = None,
            **prompt_args: Any,
        ) -> Generator[Model | FlexibleModel, None, None]:
            """Yield the object while it grows: of `output_cls` as soon as it is valid; see `structured_predict`."""
            raise NotImplementedError

        async def astream_structured_predict(
            self,
            output_cls: type[Model],
            prompt: PromptTemplate,
            llm_kwargs: JSONObject | None = None,
            **prompt_args: Any,
        ) -> AsyncGenerator[Model | FlexibleModel, None]:
            """Yield the object while it grows; see `stream_structured_predict`."""
            raise NotImplementedError

    def _structured_stream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: JSONObject | None = None,
        **prompt_args: Any,
    ) -> Generator[Model | FlexibleModel, None, None]:
        prefer = self.should_use_structured_outputs
        return stream_structured(
            self, output_cls, prompt, llm_kwargs, prompt_args, use_response_format=prefer
        )

    async def _structured_astream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: JSONObject | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Model | FlexibleModel, None]:
        prefer = self.should_use_structured_outputs
        return astream_structured(
            self, output_cls, prompt, llm_kwargs, prompt_args, use_response_format=prefer
        )

    if not TYPE_CHECKING:  # the signatures are LlamaIndex's

        @wraps(FunctionCallingLLM.predict_and_call)
        def predict_and_call(self, *arguments: Any, **keywords: Any) -> Any:  # noqa: D102 -- it has LlamaIndex's
            # Nothing runs before all calls can be read: no further turn would tell the model that one was not run.
            return super().predict_and_call(*arguments, **self._demanding_all_calls(keywords))

        @wraps(FunctionCallingLLM.apredict_and_call)
        async def apredict_and_call(self, *arguments: Any, **keywords: Any) -> Any:  # noqa: D102 -- it has LlamaIndex's
            return await super().apredict_and_call(
                *arguments, **self._demanding_all_calls(keywords)
            )

    def _demanding_all_calls(self, arguments: JSONObject) -> JSONObject:
        return (
            {**arguments, _ALL_CALLS: True}
            if self.metadata.is_function_calling_model
            else arguments
        )

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,  # noqa: ARG002 -- LlamaIndex's signature
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: str | JSONObject | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> JSONObject:
        """Return the arguments of `chat` for a conversation with tools; nothing is forced unless it is asked for.

        Where `allow_parallel_tool_calls` is off, responses have one call at most, whatever the provider does.
        """
        messages = list(chat_history or ())
        if user_msg is not None:
            if isinstance(user_msg, str):
                user_msg = ChatMessage(role=MessageRole.USER, content=user_msg)
            messages.append(user_msg)
        if not tools:
            return {"messages": messages, **kwargs}
        strict = self.strict if strict is None else strict
        choice = tool_choice or ("required" if tool_required else None)
        optional = {
            "tool_choice": _to_tool_choice(choice),
            "parallel_tool_calls": None if allow_parallel_tool_calls else False,
        }
        choices = {name: value for name, value in optional.items() if value is not None}
        specs = [to_tool(tool, strict=strict) for tool in tools]
        return {"messages": messages, "tools": specs, **choices, **kwargs}

    def get_tool_calls_from_response(
        self,
        response: ChatResponse,
        error_on_no_tool_call: bool = True,
        **kwargs: Any,  # noqa: ARG002 -- LlamaIndex's signature
    ) -> list[ToolSelection]:
        """Return the tool calls of a response.

        Agents also ask with each response of a stream: of those before the last, calls that are not complete are left
        out.

        Raises:
            TruncatedToolCallError: The response is not one of those, and a call was cut off.
            InvalidToolCallError: The response is not one of those, and no call can be read.
            ValueError: There is no call, and `error_on_no_tool_call` is set.
        """
        selections = to_tool_selections(response)
        if not selections and error_on_no_tool_call:
            msg = f"Expected a tool call, got text: {response.message.content!r}"
            raise ValueError(msg)
        return selections


def _to_tool_choice(choice: str | JSONObject | None) -> str | JSONObject | None:
    if not isinstance(choice, str) or choice in ("auto", "none", "required"):
        return choice
    return "required" if choice == "any" else {"type": "function", "function": {"name": choice}}


def _one_call(request: ChatRequest) -> bool:
    return request.parallel_tool_calls is False


def _correction_messages(response: ChatResponse, problem: str) -> list[ChatMessage]:
    """Return a message none of whose calls was run; those that can be read need a result, too."""
    message = response.message
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if not any(block.tool_name for block in blocks):
        return [message, ChatMessage(role=MessageRole.USER, content=problem)]
    unread = {call.id for call in malformed_calls(response, needs_all=True)}
    results = [
        ChatMessage(
            role=MessageRole.TOOL,
            content=UNRUN_CALL_RESULT,
            additional_kwargs={"tool_call_id": block.tool_call_id},
        )
        for block in blocks
        if block.tool_call_id not in unread
    ]
    return [message, *results]


def _to_error(call: ToolCall, response: ChatResponse) -> InvalidToolCallError:
    return invalid_call_error(call, response.raw if isinstance(response.raw, dict) else {})
