"""`GLM`: GLM through OpenRouter as a LlamaIndex LLM."""

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, closing
from typing import Any

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
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool
from pydantic import ConfigDict, Field, SecretStr, model_validator

from glm_openrouter import (
    DEFAULT_MODEL,
    ChatRequest,
    ClientHolder,
    ModelParameters,
)

from ._from_wire import to_completion_response, to_response, to_tool_selections
from ._growing import GrowingResponse, GrowingResponses
from ._structured import StructuredPrediction
from ._to_wire import to_messages, to_tool

__all__ = ["GLM"]

JSONObject = dict[str, Any]

_DEFAULT_CONTEXT_WINDOW = 128_000
"""Tokens, for models that nothing is known about."""

_RESERVE = 16_384
"""Tokens that query engines keep free for thinking and answer when they fill the context window; not a limit.

They would keep 256 for a model that names none, and count with another tokenizer.
"""


class GLM(ClientHolder, ModelParameters, StructuredPrediction, FunctionCallingLLM):
    """GLM 4.6, or any other model, through OpenRouter.

    ```python
    from llamaindex_glm import GLM

    llm = GLM(temperature=0.6)
    print(llm.complete("Why is the sky blue?"))
    ```

    Takes the arguments of `llama_index.llms.openrouter.OpenRouter`, and every parameter of
    `glm_openrouter.ModelParameters`. An unknown argument is an error.

    Raises:
        AuthenticationError: There is no API key.
        pydantic.ValidationError: An argument is unknown or makes no sense.
    """

    model_config = ConfigDict(
        extra="forbid",
        arbitrary_types_allowed=True,
        protected_namespaces=(),
        hide_input_in_errors=True,  # it may be a key under a wrong name
    )

    model: str = DEFAULT_MODEL
    """Model id, with or without a routing suffix such as `:exacto` or `:nitro`."""

    api_key: SecretStr | None = Field(default=None, exclude=True, repr=False)
    """Default: `OPENROUTER_API_KEY`."""

    api_base: str | None = None
    """Default: `OPENROUTER_API_BASE`, else https://openrouter.ai/api/v1."""

    context_window: int | None = Field(default=None, gt=0)
    """Tokens of prompt and answer together. Default: what is known of the model."""

    is_chat_model: bool = True
    is_function_calling_model: bool = True

    strict: bool = False
    """Whether providers should enforce the schemas of tools. Few can; it narrows the choice of endpoints."""

    additional_kwargs: JSONObject = Field(default_factory=dict)
    """More parameters, for code that is used to this name; unknown ones go into the body as `extra_body` does."""

    def __init__(self, **arguments: Any) -> None:
        arguments = self._conceal(arguments)
        super().__init__(**arguments)
        _ = self._client  # which checks the key and the base URL

    @model_validator(mode="before")
    @classmethod
    def _take_routing(cls, values: Any) -> Any:
        """Take `order` and `allow_fallbacks`, as `OpenRouter` does, for what they are: parts of `provider`."""
        routing = {
            name: values[name]
            for name in ("order", "allow_fallbacks")
            if values.get(name) is not None
        }
        rest = {
            name: value
            for name, value in values.items()
            if name not in ("order", "allow_fallbacks")
        }
        if routing:
            rest["provider"] = {**dict(rest.get("provider") or {}), **routing}
        return rest

    @classmethod
    def class_name(cls) -> str:
        """Return the name under which LlamaIndex serialises this class."""
        return "GLM_OpenRouter"

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex asks a model about itself; `num_output` is room that it keeps, and is not sent."""
        facts = self._facts(self.model)
        known = facts.context_window if facts else _DEFAULT_CONTEXT_WINDOW
        window = self.context_window or known
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

    def _connection(self) -> tuple[SecretStr | None, str | None]:
        return self.api_key, self.api_base

    def _request(self, messages: Sequence[ChatMessage], arguments: JSONObject) -> ChatRequest:
        """Return the request for a call: what the model was made with, overridden by what the call says."""
        model = arguments.get("model") or self.model
        wire_messages = to_messages(messages, model)
        return self.build_request(
            wire_messages, {"model": self.model}, arguments, more=self.additional_kwargs
        )

    def _prompt_messages(self, prompt: str, formatted: bool) -> list[ChatMessage]:
        to_prompt = None if formatted else self.completion_to_prompt
        text = to_prompt(prompt) if to_prompt else prompt
        return [ChatMessage(role=MessageRole.USER, content=text)]

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Return the response to a conversation.

        Raises:
            APIError: OpenRouter did not answer with a complete response.
            TruncatedToolCallError: A tool call was cut off.
        """
        return to_response(self._client.complete(self._request(messages, kwargs)))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Return the response to a conversation; see `chat`."""
        return to_response(await self._async_client.complete(self._request(messages, kwargs)))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Return the responses to a conversation while it grows; each holds all that has come, and its `delta`.

        Reasoning comes as `additional_kwargs["thinking_delta"]`. The last response has the usage. Raises what `chat`
        raises, while iterating.
        """
        return self._responses(self._request(messages, kwargs))

    @llm_chat_callback()
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Return the responses to a conversation while it grows; see `stream_chat`."""
        return self._aresponses(self._request(messages, kwargs))

    def _responses(self, request: ChatRequest) -> Generator[ChatResponse, None, None]:
        growing = GrowingResponses()
        with self._client.stream(request) as stream:
            for delta in stream:
                yield growing.feed(delta)
            yield to_response(stream.completion, delta="")

    async def _aresponses(self, request: ChatRequest) -> AsyncGenerator[ChatResponse, None]:
        growing = GrowingResponses()
        async with self._async_client.stream(request) as stream:
            async for delta in stream:
                yield growing.feed(delta)
            yield to_response(stream.completion, delta="")

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Return the response to a prompt; see `chat`."""
        request = self._request(self._prompt_messages(prompt, formatted), kwargs)
        return to_completion_response(to_response(self._client.complete(request)))

    @llm_completion_callback()
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """Return the response to a prompt; see `chat`."""
        request = self._request(self._prompt_messages(prompt, formatted), kwargs)
        return to_completion_response(to_response(await self._async_client.complete(request)))

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """Return the responses to a prompt while they grow; see `stream_chat`."""
        request = self._request(self._prompt_messages(prompt, formatted), kwargs)

        def responses() -> CompletionResponseGen:
            with closing(self._responses(request)) as chat_responses:
                yield from map(to_completion_response, chat_responses)

        return responses()

    @llm_completion_callback()
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """Return the responses to a prompt while they grow; see `stream_chat`."""
        request = self._request(self._prompt_messages(prompt, formatted), kwargs)

        async def responses() -> CompletionResponseAsyncGen:
            async with aclosing(self._aresponses(request)) as chat_responses:
                async for response in chat_responses:
                    yield to_completion_response(response)

        return responses()

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
        """Return the arguments of `chat` for a conversation with tools; nothing is forced unless it is asked for."""
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
        given = {name: value for name, value in optional.items() if value is not None}
        specs = [to_tool(tool, strict=strict) for tool in tools]
        return {"messages": messages, "tools": specs, **given, **kwargs}

    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],  # noqa: ARG002 -- LlamaIndex's signature
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,  # noqa: ARG002 -- LlamaIndex's signature
    ) -> ChatResponse:
        """Keep the first tool call only, as LlamaIndex expects it unless parallel calls are allowed."""
        calls = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
        if not allow_parallel_tool_calls and len(calls) > 1:
            response.message.blocks = [
                block for block in response.message.blocks if block not in calls[1:]
            ]
        return response

    def get_tool_calls_from_response(
        self,
        response: ChatResponse,
        error_on_no_tool_call: bool = True,
        **kwargs: Any,  # noqa: ARG002 -- LlamaIndex's signature
    ) -> list[ToolSelection]:
        """Return the tool calls of a response.

        Agents also ask with each response of a stream: of one that still grows, calls that are not complete are left
        out.

        Raises:
            TruncatedToolCallError: The response is finished, and the arguments of a call are not a JSON object.
            ValueError: There is no call, and `error_on_no_tool_call` is set.
        """
        selections = to_tool_selections(
            response, finished=not isinstance(response, GrowingResponse)
        )
        if not selections and error_on_no_tool_call:
            msg = f"Expected a tool call, got text: {response.message.content!r}"
            raise ValueError(msg)
        return selections


def _to_tool_choice(choice: str | JSONObject | None) -> str | JSONObject | None:
    if not isinstance(choice, str) or choice in ("auto", "none", "required"):
        return choice
    return "required" if choice == "any" else {"type": "function", "function": {"name": choice}}
