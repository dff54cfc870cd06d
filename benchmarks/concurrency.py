"""A thousand streams at once, each giving a chunk every 20 ms: one client of ours beside bare aiohttp.

They take turns in processes of their own. `late` is how much longer a turn took than the pace alone.
"""

import argparse
import asyncio
import json
import sys
import time
from contextlib import ExitStack
from typing import Any

from _contenders import PROMPT
from _measure import (
    KEY,
    MODEL,
    Child,
    median,
    memory,
    print_table,
    raise_file_limit,
    running_server,
    take_turns,
)
from server import PACE


async def bare_aiohttp(url: str, streams: int, chunks: int) -> None:
    import aiohttp

    message = {"role": "user", "content": PROMPT}
    body = {"model": MODEL, "messages": [message], "max_tokens": chunks, "stream": True}

    async def read() -> int:
        count = 0
        async with session.post(f"{url}/chat/completions", json=body) as response:
            async for line in response.content:
                if line.startswith(b"data: {"):
                    json.loads(line[6:])
                    count += 1
        return count

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await check(read, streams, chunks)


async def async_client(url: str, streams: int, chunks: int) -> None:
    from glm_openrouter import AsyncClient, ChatRequest

    message = {"role": "user", "content": PROMPT}
    request = ChatRequest(messages=[message], model=MODEL, max_tokens=chunks)

    async def read() -> int:
        count = 0
        async with client.stream(request) as stream:
            async for _ in stream:
                count += 1
        return count

    async with AsyncClient(api_key=KEY, base_url=url) as client:
        await check(read, streams, chunks)


async def chat_glm(url: str, streams: int, chunks: int) -> None:
    from langchain_glm import ChatGLM

    async with ChatGLM(model=MODEL, api_key=KEY, base_url=url, max_tokens=chunks) as model:
        await read_models(model, streams, chunks)


async def chat_openai(url: str, streams: int, chunks: int) -> None:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model=MODEL, api_key=KEY, base_url=url, max_completion_tokens=chunks)
    await read_models(model, streams, chunks)


async def read_models(model: Any, streams: int, chunks: int) -> None:
    async def read() -> int:
        count = 0
        async for _ in model.astream(PROMPT):
            count += 1
        return count

    await check(read, streams, chunks)


async def check(read: Any, streams: int, chunks: int) -> None:
    """Read all streams at once and see that none was short."""
    counts = await asyncio.gather(*(read() for _ in range(streams)))
    if min(counts) < chunks:
        raise RuntimeError(f"A stream gave {min(counts)} chunks of {chunks}")


CONTENDERS = {
    "bare aiohttp": bare_aiohttp,
    "AsyncClient": async_client,
    "ChatGLM": chat_glm,
    "ChatOpenAI": chat_openai,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--chunks", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peer", action="store_true", help="ChatOpenAI, too, which takes long")
    options = parser.parse_args()
    names = list(CONTENDERS) if options.peer else list(CONTENDERS)[:-1]
    raise_file_limit()
    with running_server() as url, ExitStack() as stack:
        arguments = (f"{url}/paced/api/v1", str(options.streams), str(options.chunks))
        children = {
            name: stack.enter_context(Child("concurrency.py", "--child", name, *arguments))
            for name in names
        }
        report(take_rounds(children, options.repeat), PACE * options.chunks)


def take_rounds(children: dict[str, Child], rounds: int) -> dict[str, list[list[float]]]:
    for child in children.values():
        child.read()
    figures: dict[str, list[list[float]]] = {name: [] for name in children}
    for number in range(rounds + 1):
        for name, child in children.items():
            turn = json.loads(child.ask())
            if number:  # the first is to warm up
                figures[name].append(turn)
    return figures


def report(figures: dict[str, list[list[float]]], pace: float) -> None:
    medians = {name: [*map(median, zip(*turns, strict=True))] for name, turns in figures.items()}
    wall_floor, cpu_floor, _ = medians["bare aiohttp"]
    rows = [
        [
            name,
            f"{wall:.2f} ({wall / wall_floor:.1f}x)",
            f"{wall - pace:.2f}",
            f"{cpu:.0f} ({cpu / cpu_floor:.1f}x)",
            f"{peak:.0f}",
        ]
        for name, (wall, cpu, peak) in medians.items()
    ]
    print_table(["", "wall: s", "late: s", "CPU of a chunk: us", "peak memory: MB"], rows)


def child(name: str, url: str, streams: str, chunks: str) -> None:
    total = int(streams) * int(chunks)

    def turn() -> str:
        wall, cpu = time.perf_counter(), time.process_time()
        asyncio.run(CONTENDERS[name](url, int(streams), int(chunks)))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return json.dumps([wall, cpu / total * 1e6, memory("VmHWM")])

    take_turns(turn)


if __name__ == "__main__":
    if "--child" in sys.argv:
        child(*sys.argv[2:])
    else:
        main()
