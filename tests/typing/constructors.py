"""What constructors take: read by mypy and pyright in `make types`. A test runs it: what is right works."""

from typing import Any

import httpx
from langchain_core.caches import InMemoryCache
from llama_index.core.callbacks import CallbackManager
from llama_index.core.types import PydanticProgramMode
from pydantic import SecretStr

import glm_openrouter
import langchain_glm
import llamaindex_glm
from glm_openrouter import (
    AsyncClient,
    ChatRequest,
    Client,
    ClientOptions,
    MaxPrice,
    OtherPlugin,
    ProviderPreferences,
    ProviderPreferencesDict,
    Reasoning,
    ReasoningDict,
    WebSearch,
)
from langchain_glm import ChatGLM, ChatGLMArguments
from llamaindex_glm import GLM, GLMArguments

KEY = "sk-or-v1-typing"
MESSAGES = [{"role": "user", "content": "Which way to the harbour?"}]

provider: ProviderPreferencesDict = {
    "only": ["z-ai", "novita"],
    "quantizations": ["fp8"],
    "sort": {"partition": "none"},
    "max_price": {"prompt": 1, "completion": "2.5"},
    "preferred_max_latency": {"p90": 2.5},
}
reasoning: ReasoningDict = {"effort": "high", "exclude": False}
plugins: list[dict[str, Any]] = [{"id": "moderation", "level": 2}]


def models() -> None:
    ChatGLM(api_key=KEY, model="z-ai/glm-4.6", temperature=1, reasoning=True, base_url=None)
    ChatGLM(api_key=SecretStr(KEY), model_name="z-ai/glm-4.6", reasoning="high", stop=["."])
    ChatGLM(openrouter_api_key=KEY, reasoning={"effort": "high"}, stop_sequences=".")
    ChatGLM(api_key=KEY, reasoning=reasoning, provider=provider, request_timeout=20)
    ChatGLM(api_key=KEY, reasoning=Reasoning(enabled=False), timeout=httpx.Timeout(5))
    ChatGLM(api_key=KEY, provider={"data_collection": "deny"}, plugins=[{"id": "web"}])
    ChatGLM(api_key=KEY, openrouter_provider=ProviderPreferences(max_price=MaxPrice(prompt=1)))
    ChatGLM(api_key=KEY, plugins=plugins, repairs=["think_tags"], cache_control={"ttl": "1h"})
    ChatGLM(api_key=KEY, plugins=[WebSearch(max_results=2), OtherPlugin(id="armor", level=2)])
    ChatGLM(api_key=KEY, cache=InMemoryCache(), tags=["harbour"], rate_limiter=None, n=1)
    ChatGLM(api_key=KEY, default_headers={"X-Team": "harbour"}, max_completion_tokens=4096)
    ChatGLM(api_key=KEY, openrouter_api_base="https://openrouter.ai/api/v1", max_retries=0)
    options: ChatGLMArguments = {"api_key": KEY, "temperature": 0.2, "model_kwargs": {"seed": 7}}
    ChatGLM(**options)
    more: dict[str, Any] = {"api_key": KEY, "temperature": 0.2}
    ChatGLM(**more)

    langchain_glm.GLM(api_key=KEY, stop=["."], reasoning=False)
    langchain_glm.GLM(openrouter_api_key=KEY, provider=provider, repairs=())

    GLM("z-ai/glm-4.6", api_key=KEY, api_base=None, temperature=0.6, max_new_tokens=4096)
    GLM(model="z-ai/glm-4.6", api_key=SecretStr(KEY), order=["z-ai"], allow_fallbacks=False)
    GLM(api_key=KEY, reasoning={"effort": "low"}, additional_kwargs={"seed": 7}, strict=True)
    GLM(api_key=KEY, provider=provider, callback_manager=CallbackManager(), reuse_client=False)
    GLM(api_key=KEY, pydantic_program_mode=PydanticProgramMode.LLM, system_prompt="Be brief.")
    arguments: GLMArguments = {"api_key": KEY, "context_window": 32_768}
    GLM(**arguments)


def clients() -> None:
    options: ClientOptions = {"api_key": KEY, "timeout": 20, "repairs": ["think_tags"]}
    Client(**options)
    Client(api_key=SecretStr(KEY), base_url=None, app_categories=("cli-agent",))
    AsyncClient(**options)
    with httpx.Client() as own:
        Client(api_key=KEY, http_client=own)


def requests() -> None:
    ChatRequest(messages=MESSAGES)
    ChatRequest(messages=MESSAGES, reasoning="low", provider=provider, plugins=plugins)
    ChatRequest(messages=MESSAGES, reasoning={"max_tokens": 9000}, metadata={"run": "7"})
    ChatRequest(messages=MESSAGES, tools=None, stop=".", debug={"echo_upstream_body": True})


def misspelt() -> None:
    ChatGLM(temprature=0.3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ChatGLM(openai_api_key=KEY)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ChatGLM(provider={"onyl": []})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ChatGLM(reasoning={"efort": "high"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    langchain_glm.GLM(streaming=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    GLM(temprature=0.3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    GLM(base_url="https://x/api/v1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    GLM(provider={"onyl": []})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Client(api_kye=KEY)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    AsyncClient(request_timeout=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ChatRequest(messages=MESSAGES, temprature=0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ChatRequest(temperature=0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    _ = glm_openrouter.Cleint  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    _ = langchain_glm.ChatGML  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    _ = llamaindex_glm.GML  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def of_wrong_types() -> None:
    ChatGLM(temperature="hot")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ChatGLM(api_key=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ChatGLM(models="z-ai/glm-4.6")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ChatGLM(reasoning="hard")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ChatGLM(provider={"sort": "cheapest"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    langchain_glm.GLM(seed="7 or so")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    GLM(temperature="hot")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    GLM(context_window="large")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Client(max_retries="often")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ChatRequest(messages="Hello")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ChatRequest(messages=MESSAGES, reasoning="hard")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
