"""Many rows, one answer each: `batch.run` beside a bare loop of `AsyncClient` and beside the frameworks' own ways.

The server takes 50 ms for an answer, a fifth more or less. Contenders have a process of their own and take turns.
`memory` is for how it grows from 10,000 to 100,000 rows.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import Any

from _figures import Figures, Table, add_option
from _measure import (
    KEY,
    MODEL,
    Child,
    count_requests,
    median,
    memory,
    raise_file_limit,
    running_server,
    take_turns,
)

Row = dict[str, Any]
Rows = Callable[[int], Awaitable[int]]
"""Asks for so many rows, and returns how many were answered."""

BARE = "a loop of AsyncClient"
TEXT = "Label this review in one word: {text}"


def rows_of(count: int) -> Iterator[Row]:
    return ({"id": number, "text": f"Row {number} went well."} for number in range(count))


def question(row: Row) -> str:
    return TEXT.format(text=row["text"])


def completer(url: str) -> Callable[[Row], Awaitable[str]]:
    """Return a function that asks for one row, as all of ours do that know no framework."""
    from glm_openrouter import AsyncClient, ChatRequest

    client = AsyncClient(api_key=KEY, base_url=url)

    async def ask(row: Row) -> str:
        message = {"role": "user", "content": question(row)}
        return (await client.complete(ChatRequest(messages=[message], model=MODEL))).text

    return ask


def bare_loop(url: str, in_flight: int) -> Rows:
    ask = completer(url)

    async def answer(count: int) -> int:
        rows = rows_of(count)

        async def work() -> int:
            return sum([bool(await ask(row)) for row in rows])

        return sum(await asyncio.gather(*(work() for _ in range(in_flight))))

    return answer


def batch(url: str, in_flight: int) -> Rows:
    ask = completer(url)

    async def answer(count: int, file: str | None = None) -> int:
        from glm_openrouter import Journal
        from glm_openrouter.batch import run

        answered = 0
        journal = Journal(file) if file else None
        async for row in run(rows_of(count), ask, journal=journal, in_flight=in_flight):
            answered += bool(row["answer"])
        return answered

    return answer


def batch_with_journal(url: str, in_flight: int) -> Rows:
    """A new journal each turn."""
    answer: Any = batch(url, in_flight)

    async def answer_with_journal(count: int) -> int:
        with tempfile.TemporaryDirectory() as folder:
            return await answer(count, f"{folder}/journal.db")

    return answer_with_journal


def replay(url: str, in_flight: int) -> Rows:
    """The same journal each turn, which the first of them fills."""
    answer: Any = batch(url, in_flight)
    folder = tempfile.mkdtemp()
    return lambda count: answer(count, f"{folder}/journal.db")


def langchain(make: Callable[[str], Any]) -> Callable[[str, int], Rows]:
    def contender(url: str, in_flight: int) -> Rows:
        model = make(url)

        async def answer(count: int) -> int:
            questions = [question(row) for row in rows_of(count)]
            answers = await model.abatch(questions, config={"max_concurrency": in_flight})
            return sum(bool(answer.content) for answer in answers)

        return answer

    return contender


def chat_glm(url: str) -> Any:
    from langchain_glm import ChatGLM

    return ChatGLM(model=MODEL, api_key=KEY, base_url=url)


def chat_openai(url: str) -> Any:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=MODEL, api_key=KEY, base_url=url)


def llamaindex(url: str, in_flight: int) -> Rows:
    from llama_index.core.async_utils import run_jobs

    from llamaindex_glm import GLM

    llm = GLM(model=MODEL, api_key=KEY, api_base=url)

    async def answer(count: int) -> int:
        jobs = [llm.acomplete(question(row)) for row in rows_of(count)]
        return sum(bool(answer.text) for answer in await run_jobs(jobs, workers=in_flight))

    return answer


CONTENDERS: dict[str, Callable[[str, int], Rows]] = {
    BARE: bare_loop,
    "batch.run": batch,
    "batch.run with a journal": batch_with_journal,
    "batch.run, all in the journal": replay,
    "ChatGLM.abatch": langchain(chat_glm),
    "LlamaIndex: run_jobs of GLM.acomplete": llamaindex,
    "ChatOpenAI.abatch": langchain(chat_openai),
}


def be_child(name: str, url: str, rows: str, in_flight: str) -> None:
    answer = CONTENDERS[name](f"{url}/bulk/api/v1", int(in_flight))

    def turn() -> str:
        before = count_requests(url)
        cpu, wall = time.process_time(), time.perf_counter()
        answered = asyncio.run(answer(int(rows)))  # type: ignore[arg-type]
        took = time.process_time() - cpu, time.perf_counter() - wall
        assert answered == int(rows), f"{answered} of {rows}"
        return json.dumps([*took, memory("VmHWM"), count_requests(url) - before])

    take_turns(turn)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--repeat", type=int, default=3, help="rounds; the median counts")
    parser.add_argument("--only", nargs="*", choices=("contenders", "memory"))
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    add_option(parser)
    options = parser.parse_args()
    raise_file_limit()
    if options.child:
        be_child(*options.child)
        return
    figures = Figures("bulk", options)
    with running_server() as url:
        if "contenders" in (options.only or ["contenders"]):
            turns = measure(url, options.rows, options.in_flight, options.repeat)
            title = f"{options.rows:,} rows, {options.in_flight} in flight"
            figures.add("contenders", title, table_of(turns, options.rows))
        if "memory" in (options.only or ["memory"]):
            table = measure_memory(url, options.in_flight)
            figures.add("memory", "Peak memory of `batch.run` with a journal", table)


def measure(url: str, rows: int, in_flight: int, rounds: int) -> dict[str, list[list[float]]]:
    """Return CPU, seconds, peak memory and requests of each contender in each round."""
    words = (url, str(rows), str(in_flight))
    with ExitStack() as stack:
        children = {
            name: stack.enter_context(Child("bulk.py", "--child", name, *words))
            for name in CONTENDERS
        }
        for child in children.values():
            child.read()
        figures: dict[str, list[list[float]]] = {name: [] for name in children}
        for number in range(rounds + 1):
            for name, child in children.items():
                turn = json.loads(child.ask())
                if number:  # the first is to warm up, and fills the journal that is replayed
                    figures[name].append(turn)
        return figures


def table_of(turns: dict[str, list[list[float]]], count: int) -> Table:
    columns = {
        "cpu": "CPU of a row: us",
        "speed": "rows a second",
        "peak": "peak memory: MB",
        "requests": "requests",
    }
    rows = {}
    for name, found in turns.items():
        cpu, wall, peak, requests = map(median, zip(*found, strict=True))
        values = (cpu / count * 1e6, round(count / wall), peak, round(requests))
        rows[name] = dict(zip(columns, values, strict=True))
    return Table(columns, rows, beside=BARE, compared=["cpu"])


def measure_memory(url: str, in_flight: int) -> Table:
    """Each size has a process of its own."""
    rows = {}
    for count in (10_000, 100_000):
        name = "batch.run with a journal"
        with Child("bulk.py", "--child", name, url, str(count), str(in_flight)) as child:
            child.read()
            rows[f"{count:,} rows"] = {"peak": json.loads(child.ask())[2]}
    return Table({"peak": "peak memory: MB"}, rows)


if __name__ == "__main__":
    sys.exit(main())
