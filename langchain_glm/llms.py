"""`GLM`: GLM through OpenRouter as a LangChain LLM, text in and text out, on the chat endpoint."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Unpack

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.base import LangSmithParams, LanguageModelInput
from langchain_core.language_models.llms import BaseLLM
from langchain_core.messages import HumanMessage
from langchain_core.outputs import Generation, GenerationChunk, LLMResult
from langchain_core.runnables import Runnable
from langchain_core.runnables.config import ContextThreadPoolExecutor

from glm_openrouter import ChatRequest, Completion

from ._base import OpenRouterModel, check_calls_of_model, trace_model
from ._connection import MODEL_CONFIG
from ._errors import translate_errors
from ._from_wire.messages import to_metadata, to_usage
from ._threads import keep_threads

if TYPE_CHECKING:
    from ._arguments import GLMArguments

__all__ = ["GLM"]


@check_calls_of_model
@keep_threads
class GLM(OpenRouterModel, BaseLLM):  # type: ignore[misc]  # model_construct, which pydantic's plugin adds
    """GLM 4.6, or any other model, through OpenRouter, as a completion of text.

    ```python
    from langchain_glm import GLM

    llm = GLM(reasoning=False)
    print(llm.invoke("The capital of Norway is"))
    ```

    Takes the arguments of `ChatGLM`, except `n`, `streaming` and `stream_usage`. What comes beside the text, such as
    reasoning and usage, is in `generation_info`.
    """

    model_config = MODEL_CONFIG

    if TYPE_CHECKING:

        def __init__(self, **arguments: Unpack["GLMArguments"]) -> None: ...

    def _text_request(
        self, prompt: str, stop: list[str] | None, arguments: dict[str, Any]
    ) -> ChatRequest:
        return self._request([HumanMessage(prompt)], stop, arguments)

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 -- LangChain's signature
        **kwargs: Any,
    ) -> LLMResult:
        requests = [self._text_request(prompt, stop, kwargs) for prompt in prompts]
        with translate_errors():
            if len(requests) == 1:
                return _to_result([self._client.complete(requests[0])])
            with ContextThreadPoolExecutor() as pool:
                return _to_result(list(pool.map(self._client.complete, requests)))

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 -- LangChain's signature
        **kwargs: Any,
    ) -> LLMResult:
        requests = [self._text_request(prompt, stop, kwargs) for prompt in prompts]
        calls = [
            asyncio.ensure_future(self._async_client.complete(request)) for request in requests
        ]
        try:
            with translate_errors():
                return _to_result(await asyncio.gather(*calls))
        finally:
            for call in calls:
                call.cancel()

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        request = self._text_request(prompt, stop, kwargs)
        with translate_errors(), self._client.stream(request) as stream:
            for delta in stream:
                if delta.text:
                    chunk = GenerationChunk(text=delta.text)
                    if run_manager:
                        run_manager.on_llm_new_token(delta.text, chunk=chunk)
                    yield chunk
            yield GenerationChunk(text="", generation_info=_info(stream.completion))

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        request = self._text_request(prompt, stop, kwargs)
        with translate_errors():
            async with self._async_client.stream(request) as stream:
                async for delta in stream:
                    if delta.text:
                        chunk = GenerationChunk(text=delta.text)
                        if run_manager:
                            await run_manager.on_llm_new_token(delta.text, chunk=chunk)
                        yield chunk
                yield GenerationChunk(text="", generation_info=_info(stream.completion))

    @property
    def _identifying_params(self) -> dict[str, Any]:
        # LangChain's cache of text LLMs is keyed by these.
        return {**super()._identifying_params, "base_url": self.openrouter_api_base}

    @property
    def _llm_type(self) -> str:
        return "openrouter-glm-text"

    def bind(self, **kwargs: Any) -> Runnable[LanguageModelInput, str]:
        """Return this model with arguments for its calls.

        Raises:
            InvalidRequestError: One is an option of the connection, such as `api_key`: it belongs to the constructor.
        """
        return super().bind(**self._check_call(kwargs))

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        parameters = super()._get_ls_params(stop=self._stop_texts(stop), **kwargs)
        return trace_model(parameters, kwargs.get("model") or self.model_name)


def _info(completion: Completion) -> dict[str, Any]:
    beside = {
        "reasoning_content": completion.reasoning,
        "usage_metadata": to_usage(completion.usage),
    }
    return {**to_metadata(completion), **{name: value for name, value in beside.items() if value}}


def _to_result(completions: list[Completion]) -> LLMResult:
    return LLMResult(
        generations=[
            [Generation(text=completion.text, generation_info=_info(completion))]
            for completion in completions
        ]
    )
