"""How much of a provider's limit a pace uses, and how many requests are refused meanwhile.

The provider has 64 places, of 200 ms each; or it takes 200 requests in any second, answers in 200 ms, and tells the
others to come back in one. Rows are answered with a pace, in one process and in four that share nothing, and beside it
without one, 256 at a time. Printed are answers a second as part of the limit, requests for each answer, and rows that
failed.
"""

import argparse
import asyncio
import json
import logging
import sys
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext

from _figures import Figures, Rows, Table, add_option
from _measure import KEY, MODEL, Child, take_turns
from server import completion, read_request, whole

SECONDS = 0.2
PLACES = 64
RATE = 200
LIMITS = {"places": PLACES / SECONDS, "rate": RATE}
TITLES = {
    "places": f"A provider with {PLACES} places",
    "rate": f"A provider that takes {RATE} requests a second",
}
COLUMNS = {
    "used": "used of the limit",
    "requests": "requests an answer",
    "failed": "rows that failed",
}
IN_FLIGHT = 256


class Provider:
    """Answers what its limit allows, and refuses the rest."""

    def __init__(self, limit: str) -> None:
        self._has_places = limit == "places"
        self._taken = 0
        self._times: deque[float] = deque()
        self.answers = self.refusals = 0

    def takes(self) -> bool:
        now = time.monotonic()
        while self._times and self._times[0] <= now - 1:
            self._times.popleft()
        if self._has_places:
            return self._taken < PLACES
        return len(self._times) < RATE

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await read_request(reader)
                writer.write(await self._answer())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self) -> bytes:
        if not self.takes():
            self.refusals += 1
            body = json.dumps({"error": {"code": 429, "message": "Too many requests"}}).encode()
            again = b"" if self._has_places else b"retry-after: 1\r\n"
            head = b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\n"
            return head + again + b"content-length: %d\r\n\r\n" % len(body) + body
        self._taken += 1
        self._times.append(time.monotonic())
        await asyncio.sleep(SECONDS)
        self._taken -= 1
        self.answers += 1
        return whole(completion())


async def serve(limit: str) -> None:
    provider = Provider(limit)
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps([provider.answers, provider.refusals]), flush=True)


async def ask(url: str, rows: int, in_flight: int, *, paced: bool) -> int:
    """Have so many rows answered, and return how many failed."""
    from glm_openrouter import AsyncClient, ChatRequest, GLMError, Pace

    request = ChatRequest(messages=[{"role": "user", "content": "Where?"}], model=MODEL)
    numbers = iter(range(rows))
    failed = 0

    async def work(client: AsyncClient) -> None:
        nonlocal failed
        for _ in numbers:
            try:
                await client.complete(request, wire_stream=False)
            except GLMError:
                failed += 1

    with Pace() if paced else nullcontext():
        async with AsyncClient(api_key=KEY, base_url=url) as client:
            await asyncio.gather(*(work(client) for _ in range(in_flight)))
    return failed


def measure(limit: str, processes: int, rows: int, *, paced: bool) -> dict[str, float]:
    with Child("pace.py", "serve", limit) as server, ExitStack() as stack:
        url = server.read()
        arguments = [url, str(rows // processes), str(IN_FLIGHT // processes), str(int(paced))]
        workers = [
            stack.enter_context(Child("pace.py", "ask", *arguments)) for _ in range(processes)
        ]
        for worker in workers:
            worker.read()
        pool = stack.enter_context(ThreadPoolExecutor(processes))
        began = time.monotonic()
        failed = sum(map(int, pool.map(Child.ask, workers)))
        seconds = time.monotonic() - began
        answers, refusals = json.loads(server.ask())
    return {
        "used": answers / seconds / LIMITS[limit],
        "requests": (answers + refusals) / answers,
        "failed": failed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=LIMITS)
    parser.add_argument("--rows", type=int, default=4000)
    add_option(parser)
    options = parser.parse_args()
    figures = Figures("pace", options)
    for limit in options.only or LIMITS:
        rows: Rows = {}
        for processes in (1, 4):
            for paced in (True, False):
                count = "1 process" if processes == 1 else f"{processes} processes"
                name = f"{count}, {'with' if paced else 'without'} a pace"
                rows[name] = measure(limit, processes, options.rows, paced=paced)
        figures.add(limit, TITLES[limit], Table(COLUMNS, rows))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", limit]:
            asyncio.run(serve(limit))
        case ["ask", url, rows, in_flight, paced]:
            import aiohttp  # noqa: F401 -- before the clock runs

            import glm_openrouter._client.transport  # noqa: F401 -- and this

            logging.disable()

            take_turns(lambda: asyncio.run(ask(url, int(rows), int(in_flight), paced=paced == "1")))
        case _:
            main()
