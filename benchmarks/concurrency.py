"""Many streams at once: ours beside bare aiohttp and our peers, all on one loopback server.

Contenders have a process of their own and take turns. Printed are CPU and peak memory at 1,000 streams with a chunk
every 20 ms, the same at 200 streams as fast as they come, then with the peers and fewer chunks; the same for answers
that are given out whole; how memory grows with the number of streams; and last how many streams of 50 chunks a second
one process serves with 99 % of the chunks less than 100 ms late.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from typing import Any

from _contenders import NO_REASONING, PROMPT
from _figures import Figures, Rows, Table, add_option
from _measure import (
    KEY,
    MODEL,
    Child,
    median,
    memory,
    raise_file_limit,
    running_server,
    take_turns,
)

Texts = Callable[[], AsyncIterator[str]]
"""Opens a stream and yields the texts of its chunks."""

BARE = "bare aiohttp"
LATE = 0.1
"""Seconds."""


async def bare_aiohttp(url: str, chunks: int, stack: AsyncExitStack) -> Texts:
    import aiohttp

    message = {"role": "user", "content": PROMPT}
    body = {"model": MODEL, "messages": [message], "max_tokens": chunks, "stream": True}
    connector = aiohttp.TCPConnector(limit=0)
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))

    async def read() -> AsyncIterator[str]:
        async with session.post(f"{url}/chat/completions", json=body) as response:
            async for line in response.content:
                if line.startswith(b"data: {"):
                    yield json.loads(line[6:])["choices"][0]["delta"]["content"]

    return read


async def async_client(url: str, chunks: int, stack: AsyncExitStack) -> Texts:
    from glm_openrouter import AsyncClient, ChatRequest

    message = {"role": "user", "content": PROMPT}
    request = ChatRequest(
        messages=[message], model=MODEL, max_tokens=chunks, reasoning=NO_REASONING
    )
    client = await stack.enter_async_context(AsyncClient(api_key=KEY, base_url=url))

    async def read() -> AsyncIterator[str]:
        async with client.stream(request) as stream:
            async for delta in stream:
                yield delta.text

    return read


async def chat_glm(url: str, chunks: int, stack: AsyncExitStack) -> Texts:
    from langchain_glm import ChatGLM

    model = ChatGLM(
        model=MODEL, api_key=KEY, base_url=url, max_tokens=chunks, reasoning=NO_REASONING
    )
    return langchain_texts(await stack.enter_async_context(model))


async def langchain_over_aiohttp(url: str, chunks: int, stack: AsyncExitStack) -> Texts:
    from _fake_langchain import FakeChatModel
    from langchain_core.messages import AIMessageChunk
    from langchain_core.outputs import ChatGenerationChunk

    read = await bare_aiohttp(url, chunks, stack)

    class Model(FakeChatModel):
        async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
            async for text in read():
                yield ChatGenerationChunk(message=AIMessageChunk(content=text))

    return langchain_texts(Model(chunks=chunks, ready=False))


async def llamaindex_over_aiohttp(url: str, chunks: int, stack: AsyncExitStack) -> Texts:
    from _fake_llamaindex import FakeLLM
    from llama_index.core.llms import ChatMessage, ChatResponse
    from llama_index.core.llms.callbacks import llm_chat_callback

    read = await bare_aiohttp(url, chunks, stack)

    class Model(FakeLLM):
        @llm_chat_callback()
        async def astream_chat(self, *_: Any, **__: Any) -> Any:
            async def responses() -> AsyncIterator[ChatResponse]:
                whole = ""
                async for text in read():
                    whole += text
                    message = ChatMessage(role="assistant", content=whole)
                    yield ChatResponse(message=message, delta=text)

            return responses()

    return llamaindex_texts(Model(chunks=chunks, ready=False))


async def chat_openai(url: str, chunks: int, _: AsyncExitStack) -> Texts:
    from langchain_openai import ChatOpenAI

    return langchain_texts(
        ChatOpenAI(model=MODEL, api_key=KEY, base_url=url, max_completion_tokens=chunks)
    )


async def chat_openrouter(url: str, chunks: int, _: AsyncExitStack) -> Texts:
    from langchain_openrouter import ChatOpenRouter

    return langchain_texts(
        ChatOpenRouter(model=MODEL, api_key=KEY, base_url=url, max_tokens=chunks)
    )


def langchain_texts(model: Any) -> Texts:
    async def read() -> AsyncIterator[str]:
        async for chunk in model.astream(PROMPT):
            yield chunk.content

    return read


async def llamaindex_glm(url: str, chunks: int, _: AsyncExitStack) -> Texts:
    from llamaindex_glm import GLM

    llm = GLM(model=MODEL, api_key=KEY, api_base=url, max_tokens=chunks, reasoning=NO_REASONING)
    return llamaindex_texts(llm)


async def llamaindex_openrouter(url: str, chunks: int, _: AsyncExitStack) -> Texts:
    from llama_index.llms.openrouter import OpenRouter

    return llamaindex_texts(OpenRouter(model=MODEL, api_key=KEY, api_base=url, max_tokens=chunks))


def llamaindex_texts(llm: Any) -> Texts:
    from llama_index.core.llms import ChatMessage

    messages = [ChatMessage(role="user", content=PROMPT)]

    async def read() -> AsyncIterator[str]:
        async for response in await llm.astream_chat(messages):
            yield response.delta or ""

    return read


async def whole_async_client(url: str, chunks: int, stack: AsyncExitStack) -> Texts:
    from glm_openrouter import AsyncClient, ChatRequest

    message = {"role": "user", "content": PROMPT}
    request = ChatRequest(
        messages=[message], model=MODEL, max_tokens=chunks, reasoning=NO_REASONING
    )
    client = await stack.enter_async_context(AsyncClient(api_key=KEY, base_url=url))

    async def read() -> AsyncIterator[str]:
        yield (await client.complete(request)).text

    return read


async def whole_chat_glm(url: str, chunks: int, stack: AsyncExitStack) -> Texts:
    from langchain_glm import ChatGLM

    model = ChatGLM(
        model=MODEL, api_key=KEY, base_url=url, max_tokens=chunks, reasoning=NO_REASONING
    )
    return langchain_text(await stack.enter_async_context(model))


async def whole_llamaindex_glm(url: str, chunks: int, _: AsyncExitStack) -> Texts:
    from llama_index.core.llms import ChatMessage

    from llamaindex_glm import GLM

    llm = GLM(model=MODEL, api_key=KEY, api_base=url, max_tokens=chunks, reasoning=NO_REASONING)
    messages = [ChatMessage(role="user", content=PROMPT)]

    async def read() -> AsyncIterator[str]:
        yield (await llm.achat(messages)).message.content or ""

    return read


async def whole_chat_openai(
    url: str, chunks: int, _: AsyncExitStack, *, streaming: bool = False
) -> Texts:
    from langchain_openai import ChatOpenAI

    options = {"api_key": KEY, "base_url": url, "streaming": streaming}
    return langchain_text(ChatOpenAI(model=MODEL, max_completion_tokens=chunks, **options))


def langchain_text(model: Any) -> Texts:
    async def read() -> AsyncIterator[str]:
        yield (await model.ainvoke(PROMPT)).content

    return read


CONTENDERS = {
    BARE: bare_aiohttp,
    "AsyncClient": async_client,
    "LangChain over bare aiohttp": langchain_over_aiohttp,
    "ChatGLM.astream": chat_glm,
    "LlamaIndex over bare aiohttp": llamaindex_over_aiohttp,
    "GLM.astream_chat (LlamaIndex)": llamaindex_glm,
    "ChatOpenAI": chat_openai,
    "ChatOpenRouter": chat_openrouter,
    "OpenRouter (LlamaIndex)": llamaindex_openrouter,
}
OURS = list(CONTENDERS)[:6]
ALL = list(CONTENDERS)
WHOLE = {
    BARE: bare_aiohttp,
    "AsyncClient.complete": whole_async_client,
    "ChatGLM.ainvoke": whole_chat_glm,
    "GLM.achat (LlamaIndex)": whole_llamaindex_glm,
    "ChatOpenAI.ainvoke, streamed": partial(whole_chat_openai, streaming=True),
    "ChatOpenAI.ainvoke, in one piece": whole_chat_openai,
}


# What a child does.


async def read_all(name: str, url: str, streams: int, chunks: int) -> None:
    """Read all streams at once and see that none was short."""
    async with AsyncExitStack() as stack:
        texts = await {**CONTENDERS, **WHOLE}[name](url, chunks, stack)
        sizes = await asyncio.gather(*(count(texts()) for _ in range(streams)))
    if min(sizes) < chunks * len("tok "):
        raise RuntimeError(f"A stream gave {min(sizes)} characters")


async def count(texts: AsyncIterator[str]) -> int:
    return sum([len(text) async for text in texts])


RAMP, WARM_UP, PLATEAU = 2.0, 3.0, 3.0
"""Seconds in which the streams are opened; until it counts how late the chunks are; in which it counts."""


async def lateness(name: str, url: str, streams: int, pace: float) -> tuple[int, int]:
    """Return how many chunks came, and how many of them late, once all streams are open."""
    chunks = int((WARM_UP + PLATEAU) / pace)
    came = late = 0

    async def read(texts: Texts, start: float, wait: float) -> None:
        nonlocal came, late
        await asyncio.sleep(wait)
        async for text in texts():
            now = time.monotonic() - start
            for word in text.split():
                sent = float(word) - start
                if WARM_UP < sent < WARM_UP + PLATEAU:
                    came += 1
                    late += now - sent > LATE

    async with AsyncExitStack() as stack:
        first = await CONTENDERS[name](url, 1, stack)
        await count(first())  # so that all is imported
        texts = await CONTENDERS[name](url, chunks, stack)
        start = time.monotonic()
        waits = (RAMP * number / streams for number in range(streams))
        await asyncio.gather(*(read(texts, start, wait) for wait in waits))
    return came, late


def child(name: str, url: str, streams: str, chunks: str) -> None:
    def turn() -> str:
        wall, cpu = time.perf_counter(), time.process_time()
        asyncio.run(read_all(name, url, int(streams), int(chunks)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return json.dumps([wall, cpu / int(streams) / int(chunks) * 1e6, memory("VmHWM")])

    take_turns(turn)


def child_lateness(name: str, url: str, streams: str, pace: str) -> None:
    take_turns(lambda: json.dumps(asyncio.run(lateness(name, url, int(streams), float(pace)))))


# What the parent does.


PARTS = ["paced", "unpaced", "peers", "whole", "memory", "hold"]
PACED, UNPACED = "one every 20 ms", "as fast as they come"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, help="rounds; the median counts")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="what to measure")
    add_option(parser)
    options = parser.parse_args()
    raise_file_limit()
    figures = Figures("concurrency", options)
    with running_server() as url:
        for part in options.only or PARTS:
            globals()[f"measure_{part}"](figures, url, options.repeat)


def measure_paced(figures: Figures, url: str, rounds: int) -> None:
    for chunks in (50, 250):  # to open a stream costs as much as many chunks
        title = f"1,000 streams, {chunks} chunks each, {PACED}"
        table = table_of(measure(OURS, f"{url}/paced/api/v1", 1000, chunks, rounds))
        figures.add(f"paced-{chunks}", title, table)


def measure_unpaced(figures: Figures, url: str, rounds: int) -> None:
    table = table_of(measure(OURS, f"{url}/api/v1", 200, 500, rounds))
    figures.add("unpaced-500", f"200 streams, 500 chunks each, {UNPACED}", table)


def measure_peers(figures: Figures, url: str, rounds: int) -> None:
    table = table_of(measure(ALL, f"{url}/api/v1", 200, 100, max(1, rounds // 2)))
    figures.add("unpaced-100", f"200 streams, 100 chunks each, {UNPACED}, with the peers", table)


def measure_whole(figures: Figures, url: str, rounds: int) -> None:
    table = table_of(measure([*WHOLE], f"{url}/paced/api/v1", 500, 200, rounds))
    figures.add("whole", f"500 whole answers, 200 chunks each, {PACED}", table)


def measure_memory(figures: Figures, url: str, _: int) -> None:
    """Measure peaks, one process for each; one round says all."""
    rows: Rows = {name: {} for name in (*OURS, "ChatOpenAI")}
    counts = (100, 300, 1000)
    for streams in counts:
        turns = measure([*rows], f"{url}/paced/api/v1", streams, 50, 1)
        for name, [(_, _, peak)] in turns.items():
            rows[name][str(streams)] = peak
    columns = {str(streams): f"{streams:,} streams" for streams in counts}
    title = f"Peak memory of streams with 50 chunks each, {PACED}: MB"
    figures.add("memory", title, Table(columns, rows, beside=BARE))


def measure_hold(figures: Figures, url: str, _: int) -> None:
    rows: Rows = {
        name: {"streams": find_held(name, f"{url}/timed/api/v1")} for name in (*OURS, "ChatOpenAI")
    }
    title = "Streams a core holds: 50 chunks a second, 99 % of them less than 100 ms late"
    figures.add("held", title, Table({"streams": "streams"}, rows))


def measure(
    names: list[str], url: str, streams: int, chunks: int, rounds: int
) -> dict[str, list[list[float]]]:
    """Return wall time, CPU of a chunk and peak memory of each contender in each round."""
    with ExitStack() as stack:
        words = (url, str(streams), str(chunks))
        children = {
            name: stack.enter_context(Child("concurrency.py", "--child", name, *words))
            for name in names
        }
        for each in children.values():
            each.read()
        figures: dict[str, list[list[float]]] = {name: [] for name in children}
        for number in range(rounds + 1):
            for name, each in children.items():
                turn = json.loads(each.ask())
                if number:  # the first is to warm up
                    figures[name].append(turn)
        return figures


def table_of(figures: dict[str, list[list[float]]]) -> Table:
    columns = {"wall": "wall: s", "cpu": "CPU of a chunk: us", "peak": "peak memory: MB"}
    medians = {name: map(median, zip(*turns, strict=True)) for name, turns in figures.items()}
    rows = {name: dict(zip(columns, each, strict=True)) for name, each in medians.items()}
    return Table(columns, rows, beside=BARE)


FIRST, FACTOR, STEPS = 128, 4, 4


def find_held(name: str, url: str) -> int:
    """Return the most streams that one process serves in time, to about 9 %."""
    holds = fails = FIRST
    if is_in_time(name, url, FIRST):
        while is_in_time(name, url, fails := holds * FACTOR):
            holds = fails
    else:
        while holds > 1 and not is_in_time(name, url, holds := fails // FACTOR):
            fails = holds
    for _ in range(STEPS):
        streams = round((holds * fails) ** 0.5)
        if is_in_time(name, url, streams):
            holds = streams
        else:
            fails = streams
    return holds


def is_in_time(name: str, url: str, streams: int) -> bool:
    with Child("concurrency.py", "--lateness", name, url, str(streams), "0.02") as each:
        each.read()
        came, late = json.loads(each.ask())
    expected = streams * PLATEAU / 0.02
    if came < 0.9 * expected:
        print(f"{name}: {streams} streams brought {came / expected:.0%} of what should have come")
    return came > 0.9 * expected and late < 0.01 * came


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--child", *words]:
            child(*words)
        case ["--lateness", *words]:
            child_lateness(*words)
        case _:
            main()
