"""Who is measured. A contender has a method for every case; run as a script, it is a child that takes turns at one."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from typing import Any

from _measure import KEY, MODEL, cpu_seconds, take_turns_at

PROMPT = "Why is the sky blue?"
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Look something up.",
        "parameters": {"type": "object", "properties": {"query": {"type": "string"}}},
    },
}
CALLS_PER_TURN = 20
NO_REASONING = {"enabled": False}
"""Else ours would warn that so small a `max_tokens` leaves no room for an answer."""

JSONObject = dict[str, Any]


def look_up(query: str) -> str:
    """Look something up."""
    return query


def consume(items: Iterable[Any]) -> None:
    for _ in items:
        pass


async def consume_async(items: AsyncIterator[Any]) -> None:
    async for _ in items:
        pass


class BareHttpx:
    """httpx and `json.loads`; nothing is built of what comes."""

    def __init__(self, url: str, chunks: int) -> None:
        import httpx

        self._client = httpx.Client(timeout=60)
        self._async_client = httpx.AsyncClient(timeout=60)
        self._runner = asyncio.Runner()
        self._url = f"{url}/chat/completions"
        message = {"role": "user", "content": PROMPT}
        self._body: JSONObject = {"model": MODEL, "messages": [message], "max_tokens": chunks}

    def text(self) -> None:
        self._stream({**self._body, "stream": True})

    def tools(self) -> None:
        self._stream({**self._body, "stream": True, "tools": [TOOL]})

    def _stream(self, body: JSONObject) -> None:
        with self._client.stream("POST", self._url, json=body) as response:
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    json.loads(line[6:])

    def async_text(self) -> None:
        self._runner.run(self._stream_async({**self._body, "stream": True}))

    async def _stream_async(self, body: JSONObject) -> None:
        async with self._async_client.stream("POST", self._url, json=body) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    json.loads(line[6:])

    def whole(self) -> None:
        self.text()

    def call(self) -> None:
        self._client.post(self._url, json=self._body).json()

    def async_call(self) -> None:
        self._runner.run(self._call_async())

    async def _call_async(self) -> None:
        (await self._async_client.post(self._url, json=self._body)).json()


class BareAiohttp:
    """aiohttp and `json.loads`; nothing is built of what comes."""

    def __init__(self, url: str, chunks: int) -> None:
        import aiohttp

        self._runner = asyncio.Runner()
        self._url = f"{url}/chat/completions"
        message = {"role": "user", "content": PROMPT}
        self._body: JSONObject = {"model": MODEL, "messages": [message], "max_tokens": chunks}
        self._session = self._runner.run(_make(aiohttp.ClientSession))

    def async_whole(self) -> None:
        self._runner.run(self._stream())

    async def _stream(self) -> None:
        async with self._session.post(self._url, json={**self._body, "stream": True}) as response:
            async for line in response.content:
                if line.startswith(b"data: {"):
                    json.loads(line[6:])


async def _make(construct: Callable[[], Any]) -> Any:
    """Make something that needs a running loop."""
    return construct()


class LangChain:
    """A LangChain chat model.

    Args:
        construct: Makes it.
        in_one_piece: Makes one that asks for a whole answer in one piece, as the peers do in any case.
    """

    def __init__(
        self, construct: Callable[[], Any], in_one_piece: Callable[[], Any] | None = None
    ) -> None:
        self.construct = construct
        self._model = construct()
        self._in_one_piece = (in_one_piece or construct)()
        self._with_tools = self._model.bind_tools([TOOL])
        self._runner = asyncio.Runner()

    def text(self) -> None:
        consume(self._model.stream(PROMPT))

    def tools(self) -> None:
        consume(self._with_tools.stream(PROMPT))

    def async_text(self) -> None:
        self._runner.run(consume_async(self._model.astream(PROMPT)))

    def events(self) -> None:
        consume(self._model.stream_events(PROMPT, version="v3"))

    def whole(self) -> None:
        self._model.invoke(PROMPT)

    def async_whole(self) -> None:
        self._runner.run(self._model.ainvoke(PROMPT))

    def call(self) -> None:
        self._in_one_piece.invoke(PROMPT)

    def async_call(self) -> None:
        self._runner.run(self._in_one_piece.ainvoke(PROMPT))


class LlamaIndex:
    """A LlamaIndex LLM, whose consumer reads `delta`; see `LangChain`."""

    def __init__(
        self, construct: Callable[[], Any], in_one_piece: Callable[[], Any] | None = None
    ) -> None:
        from llama_index.core.llms import ChatMessage
        from llama_index.core.tools import FunctionTool

        self.construct = construct
        self._llm = construct()
        self._in_one_piece = (in_one_piece or construct)()
        self._tool = FunctionTool.from_defaults(look_up)
        self._messages = [ChatMessage(role="user", content=PROMPT)]
        self._runner = asyncio.Runner()

    def text(self) -> None:
        for response in self._llm.stream_chat(self._messages):
            _ = response.delta

    def looks(self) -> None:
        for response in self._llm.stream_chat(self._messages):
            _ = response.message.content

    def prompt(self) -> None:
        for response in self._llm.stream_complete(PROMPT):
            _ = response.delta

    def calls(self) -> None:
        for response in self._llm.stream_chat_with_tools([self._tool], PROMPT):
            self._llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)

    def kept(self) -> None:
        self._kept = list(self._llm.stream_chat(self._messages))

    def async_text(self) -> None:
        self._runner.run(self._read_async())

    async def _read_async(self) -> None:
        async for response in await self._llm.astream_chat(self._messages):
            _ = response.delta

    def whole(self) -> None:
        self._llm.chat(self._messages)

    def async_whole(self) -> None:
        self._runner.run(self._llm.achat(self._messages))

    def call(self) -> None:
        self._in_one_piece.chat(self._messages)

    def async_call(self) -> None:
        self._runner.run(self._in_one_piece.achat(self._messages))


def langchain_alone(url: str, chunks: int, *, ready: bool) -> LangChain:  # noqa: ARG001 -- needs no server
    from _fake_langchain import FakeChatModel

    return LangChain(lambda: FakeChatModel(chunks=chunks, ready=ready))


def chat_openai(url: str, chunks: int) -> LangChain:
    from langchain_openai import ChatOpenAI

    return LangChain(
        lambda: ChatOpenAI(model=MODEL, api_key=KEY, base_url=url, max_completion_tokens=chunks)
    )


def chat_openrouter(url: str, chunks: int) -> LangChain:
    from langchain_openrouter import ChatOpenRouter

    return LangChain(
        lambda: ChatOpenRouter(model=MODEL, api_key=KEY, base_url=url, max_tokens=chunks)
    )


def chat_litellm(url: str, chunks: int) -> LangChain:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it is fetched from GitHub
    os.environ["REPEATED_STREAMING_CHUNK_LIMIT"] = "1000000"  # the server says the same word always
    from langchain_litellm import ChatLiteLLM

    return LangChain(
        lambda: ChatLiteLLM(
            model=f"openrouter/{MODEL}", api_key=KEY, api_base=url, max_tokens=chunks
        )
    )


def chat_glm(url: str, chunks: int) -> LangChain:
    from langchain_glm import ChatGLM

    construct = partial(
        ChatGLM, model=MODEL, api_key=KEY, base_url=url, max_tokens=chunks, reasoning=NO_REASONING
    )
    return LangChain(construct, partial(construct, wire_stream=False))


def chat_glm_bridged(url: str, chunks: int) -> LangChain:
    from langchain_glm import ChatGLM

    class Bridged(ChatGLM):
        """Leaves it to LangChain to make events of chunks."""

        @property
        def _stream_chat_model_events(self) -> None:
            return None

    return LangChain(
        lambda: Bridged(
            model=MODEL, api_key=KEY, base_url=url, max_tokens=chunks, reasoning=NO_REASONING
        )
    )


def llamaindex_alone(url: str, chunks: int, *, ready: bool) -> LlamaIndex:  # noqa: ARG001 -- needs no server
    from _fake_llamaindex import FakeLLM

    return LlamaIndex(lambda: FakeLLM(chunks=chunks, ready=ready))


def llamaindex_openrouter(url: str, chunks: int) -> LlamaIndex:
    from llama_index.llms.openrouter import OpenRouter

    return LlamaIndex(
        lambda: OpenRouter(
            model=MODEL,
            api_key=KEY,
            api_base=url,
            max_tokens=chunks,
            is_function_calling_model=True,
        )
    )


def llamaindex_glm(url: str, chunks: int) -> LlamaIndex:
    from llamaindex_glm import GLM

    construct = partial(
        GLM, model=MODEL, api_key=KEY, api_base=url, max_tokens=chunks, reasoning=NO_REASONING
    )
    return LlamaIndex(construct, partial(construct, wire_stream=False))


def llamaindex_glm_eager(url: str, chunks: int) -> LlamaIndex:
    from llamaindex_glm._streaming import choice

    choice.LAZY = False
    return llamaindex_glm(url, chunks)


BARE_AIOHTTP = "bare aiohttp"
OURS = "ours"
EAGER = "ours, put together with each chunk"
BRIDGED = "ours, events made by LangChain"
CONTENDERS: dict[str, dict[str, Callable[[str, int], Any]]] = {
    "langchain": {
        "bare httpx": BareHttpx,
        BARE_AIOHTTP: BareAiohttp,
        "the framework alone, chunks from memory": partial(langchain_alone, ready=True),
        "the framework alone, chunks built": partial(langchain_alone, ready=False),
        "ChatOpenAI": chat_openai,
        "ChatOpenRouter": chat_openrouter,
        "ChatLiteLLM": chat_litellm,
        BRIDGED: chat_glm_bridged,
        OURS: chat_glm,
    },
    "llamaindex": {
        "bare httpx": BareHttpx,
        BARE_AIOHTTP: BareAiohttp,
        "the framework alone, chunks from memory": partial(llamaindex_alone, ready=True),
        "the framework alone, chunks built": partial(llamaindex_alone, ready=False),
        "llama-index-llms-openrouter": llamaindex_openrouter,
        EAGER: llamaindex_glm_eager,
        OURS: llamaindex_glm,
    },
}


STREAMED = ("text", "tools", "async_text", "events", "whole", "async_whole")


def main() -> None:
    framework, name, url, chunks = sys.argv[1:]
    contender = CONTENDERS[framework][name](url, int(chunks))
    warm = set()

    def turn(case: str) -> float:
        run = getattr(contender, case)
        times, parts = (1, int(chunks)) if case in STREAMED else (CALLS_PER_TURN, CALLS_PER_TURN)
        if case not in warm:
            cpu_seconds(run, 2)
            warm.add(case)
        return cpu_seconds(run, times) / parts * 1e6

    take_turns_at(turn)


if __name__ == "__main__":
    main()
