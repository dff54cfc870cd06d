"""Who is compared: each model behind the same few verbs, with its default settings where none are asked for."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from typing import Any

from pydantic import BaseModel

KEY = "sk-or-compare"
MODEL = "z-ai/glm-4.6"
QUESTION = "Whom do you write to?"

Send = Callable[..., str]
"""A tool: `send(to, text)`."""


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@dataclass(frozen=True)
class Answer:
    text: str
    reasoning: str
    calls: list[Mapping[str, Any]]
    """The arguments of the tool calls."""
    everything: str
    """All that a user can read of it."""


@dataclass(frozen=True)
class _Contender:
    """One model; the classes below ask it in the way of their framework."""

    construct: Callable[..., Any]
    """Makes it from a URL and settings: `timeout` in seconds, `max_retries`, `provider`."""
    _: KW_ONLY
    name: str
    statement: str
    """Imports it, as `Model`."""
    embed: Callable[[str], Any] | None = None
    """Makes vectors with it, if there is a class for that."""
    rank: Callable[[str], Any] | None = None
    """Ranks documents, if there is a class for that."""
    limit: Callable[[float], Any] | None = None
    """A context in which all calls cost no more than so many dollars, if there is one."""


class LangChain(_Contender):
    """A chat model of LangChain."""

    def ask(self, url: str, tool: Send | None = None, *, stream: bool, **settings: Any) -> Answer:
        model = self.construct(url, **settings)
        bound = model if tool is None else model.bind_tools([tool])
        message = _sum(bound.stream(QUESTION)) if stream else bound.invoke(QUESTION)
        blocks = message.content_blocks
        reasoning = "".join(b.get("reasoning", "") for b in blocks if b["type"] == "reasoning")
        calls = [call["args"] for call in message.tool_calls]
        return Answer(str(message.text), reasoning, calls, repr(message))

    async def ask_async(self, url: str, *, stream: bool, **settings: Any) -> None:
        model = self.construct(url, **settings)
        if stream:
            _ = [chunk async for chunk in model.astream(QUESTION)]
        else:
            await model.ainvoke(QUESTION)

    def ask_in_loops(self, url: str, times: int) -> None:
        model = self.construct(url)
        for _ in range(times):
            asyncio.run(model.ainvoke(QUESTION))

    def take_one_chunk(self, url: str) -> None:
        for chunk in self.construct(url).stream(QUESTION):
            if chunk.text:
                break

    def force_tool(self, url: str, tool: Send) -> None:
        self.construct(url).bind_tools([tool], tool_choice=tool.__name__).invoke(QUESTION)

    def structured(self, url: str) -> Any:
        return self.construct(url).with_structured_output(Person).invoke("Who is it?")

    def run_agent(self, url: str, tool: Send, *, stream: bool) -> None:
        from langchain.agents import create_agent

        agent = create_agent(self.construct(url), tools=[tool])
        question = {"messages": [{"role": "user", "content": QUESTION}]}
        config = {"configurable": {"thread_id": "thread-1"}}
        if stream:
            for _ in agent.stream(question, config, stream_mode="messages"):
                pass
        else:
            agent.invoke(question, config)

    def context_window(self, url: str) -> int | None:
        model = self.construct(url, model=f"{MODEL}:exacto")
        return (model.profile or {}).get("max_input_tokens")


class LlamaIndex(_Contender):
    """An LLM of LlamaIndex."""

    def ask(self, url: str, tool: Send | None = None, *, stream: bool, **settings: Any) -> Answer:
        llm, tools = self.construct(url, **settings), _function_tools(tool)
        if stream:
            responses = list(llm.stream_chat_with_tools(tools, QUESTION))
        else:
            responses = [llm.chat_with_tools(tools, QUESTION)]
        last = responses[-1]
        calls = llm.get_tool_calls_from_response(last, error_on_no_tool_call=False)
        everything = f"{last!r} {last.raw!r} {last.additional_kwargs!r}"
        reasoning = "".join(map(_reasoning_of, responses))
        text = last.message.content or ""
        return Answer(text, reasoning, [call.tool_kwargs for call in calls], everything)

    async def ask_async(self, url: str, *, stream: bool, **settings: Any) -> None:
        llm = self.construct(url, **settings)
        if stream:
            _ = [response async for response in await llm.astream_complete(QUESTION)]
        else:
            await llm.acomplete(QUESTION)

    def ask_in_loops(self, url: str, times: int) -> None:
        llm = self.construct(url)
        for _ in range(times):
            asyncio.run(llm.acomplete(QUESTION))

    def take_one_chunk(self, url: str) -> None:
        for response in self.construct(url).stream_complete(QUESTION):
            if response.delta:
                break

    def force_tool(self, url: str, tool: Send) -> None:
        llm = self.construct(url)
        llm.chat_with_tools(_function_tools(tool), QUESTION, tool_required=True)

    def structured(self, url: str) -> Any:
        from llama_index.core.prompts import PromptTemplate

        return self.construct(url).structured_predict(Person, PromptTemplate("Who is it?"))

    def run_agent(self, url: str, tool: Send, *, stream: bool) -> None:
        from llama_index.core.agent.workflow import FunctionAgent

        async def run() -> None:
            agent = FunctionAgent(
                llm=self.construct(url), tools=_function_tools(tool), streaming=stream
            )
            await agent.run(QUESTION)

        asyncio.run(run())

    def context_window(self, url: str) -> int | None:
        return self.construct(url, model=f"{MODEL}:exacto").metadata.context_window


Contender = LangChain | LlamaIndex


def _sum(chunks: Any) -> Any:
    whole = None
    for chunk in chunks:
        whole = chunk if whole is None else whole + chunk
    return whole


def _function_tools(tool: Send | None) -> list[Any]:
    from llama_index.core.tools import FunctionTool

    return [] if tool is None else [FunctionTool.from_defaults(tool)]


def _reasoning_of(response: Any) -> str:
    blocks = [b for b in response.message.blocks if type(b).__name__ == "ThinkingBlock"]
    extra = response.additional_kwargs.get("thinking_delta")
    return "".join(block.content or "" for block in blocks) + (extra or "")


def chat_glm() -> Contender:
    from glm_openrouter import Budget
    from langchain_glm import ChatGLM, OpenRouterEmbeddings, OpenRouterRerank

    def construct(url: str, model: str = MODEL, **settings: Any) -> Any:
        return ChatGLM(model=model, api_key=KEY, base_url=url, **settings)

    def embed(url: str) -> Any:
        embeddings = OpenRouterEmbeddings(model="baai/bge-m3", api_key=KEY, base_url=url)
        return embeddings.embed_query("tea")

    def rank(url: str) -> Any:
        from langchain_core.documents import Document

        documents = [Document("coffee"), Document("tea")]
        reranker = OpenRouterRerank(model="cohere/rerank-v3.5", api_key=KEY, base_url=url)
        return reranker.compress_documents(documents, "tea")

    statement = "from langchain_glm import ChatGLM as Model"
    return LangChain(
        construct, name="ChatGLM", statement=statement, embed=embed, rank=rank, limit=Budget
    )


def chat_openrouter() -> Contender:
    from langchain_openrouter import ChatOpenRouter

    def construct(url: str, model: str = MODEL, **settings: Any) -> Any:
        if "timeout" in settings:
            settings["timeout"] = round(settings["timeout"] * 1000)
        if "provider" in settings:
            settings["openrouter_provider"] = settings.pop("provider")
        return ChatOpenRouter(model=model, api_key=KEY, base_url=url, **settings)

    return LangChain(
        construct,
        name="ChatOpenRouter",
        statement="from langchain_openrouter import ChatOpenRouter as Model",
    )


def chat_openai() -> Contender:
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings

    def construct(url: str, model: str = MODEL, **settings: Any) -> Any:
        if "provider" in settings:
            settings["extra_body"] = {"provider": settings.pop("provider")}
        return ChatOpenAI(model=model, api_key=KEY, base_url=url, **settings)

    def embed(url: str) -> Any:
        embeddings = OpenAIEmbeddings(
            model="baai/bge-m3", api_key=KEY, base_url=url, check_embedding_ctx_length=False
        )
        return embeddings.embed_query("tea")

    statement = "from langchain_openai import ChatOpenAI as Model"
    return LangChain(construct, name="ChatOpenAI", statement=statement, embed=embed)


def chat_litellm() -> Contender:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it is fetched from GitHub
    import litellm
    from langchain_litellm import ChatLiteLLM, LiteLLMEmbeddings

    litellm.suppress_debug_info = True

    def construct(url: str, model: str = MODEL, **settings: Any) -> Any:
        if "timeout" in settings:
            settings["request_timeout"] = settings.pop("timeout")
        if "provider" in settings:
            settings["model_kwargs"] = {"provider": settings.pop("provider")}
        return ChatLiteLLM(model=f"openrouter/{model}", api_key=KEY, api_base=url, **settings)

    def embed(url: str) -> Any:
        embeddings = LiteLLMEmbeddings(model="openrouter/baai/bge-m3", api_key=KEY, api_base=url)
        return embeddings.embed_query("tea")

    @contextmanager
    def limit(dollars: float) -> Iterator[None]:
        litellm._current_cost, litellm.max_budget = 0, dollars
        yield
        litellm.max_budget = 0

    statement = "from langchain_litellm import ChatLiteLLM as Model"
    return LangChain(construct, name="ChatLiteLLM", statement=statement, embed=embed, limit=limit)


def llamaindex_glm() -> Contender:
    from glm_openrouter import Budget
    from llamaindex_glm import GLM, OpenRouterEmbedding, OpenRouterRerank

    def construct(url: str, model: str = MODEL, **settings: Any) -> Any:
        return GLM(model=model, api_key=KEY, api_base=url, **settings)

    def embed(url: str) -> Any:
        embedding = OpenRouterEmbedding(model="baai/bge-m3", api_key=KEY, api_base=url)
        return embedding.get_query_embedding("tea")

    def rank(url: str) -> Any:
        from llama_index.core.schema import NodeWithScore, TextNode

        nodes = [NodeWithScore(node=TextNode(text=text)) for text in ("coffee", "tea")]
        reranker = OpenRouterRerank(model="cohere/rerank-v3.5", api_key=KEY, api_base=url)
        return reranker.postprocess_nodes(nodes, query_str="tea")

    statement = "from llamaindex_glm import GLM as Model"
    return LlamaIndex(
        construct, name="GLM", statement=statement, embed=embed, rank=rank, limit=Budget
    )


def llamaindex_openrouter() -> Contender:
    from llama_index.llms.openrouter import OpenRouter

    def construct(url: str, model: str = MODEL, **settings: Any) -> Any:
        if "provider" in settings:
            settings["additional_kwargs"] = {"extra_body": {"provider": settings.pop("provider")}}
        # Without this, it takes no tools.
        tools = {"is_function_calling_model": True}
        return OpenRouter(model=model, api_key=KEY, api_base=url, **tools, **settings)

    return LlamaIndex(
        construct,
        name="OpenRouter",
        statement="from llama_index.llms.openrouter import OpenRouter as Model",
    )


OURS: dict[str, Callable[[], Contender]] = {"ChatGLM": chat_glm, "GLM": llamaindex_glm}
PEERS: dict[str, Callable[[], Contender]] = {
    "ChatOpenRouter": chat_openrouter,
    "ChatOpenAI": chat_openai,
    "ChatLiteLLM": chat_litellm,
    "OpenRouter": llamaindex_openrouter,
}
