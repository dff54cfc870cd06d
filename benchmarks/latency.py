"""How long a reader waits, in milliseconds: for the first token of a stream, and from one token to the next.

One process reads 100 streams at once, or 300, of 50 tokens a second. Each stream lasts a second, and a new one begins
where it ends. Percentiles are of all tokens of some seconds; tokens that came in one increment are no time apart.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from contextlib import AsyncExitStack

from _figures import Figures, Rows, Table, add_option
from _measure import Child, median, raise_file_limit, running_server, take_turns
from concurrency import CONTENDERS, OURS, Texts, count

NAMES = [*OURS, "ChatOpenAI"]
STREAMS = (100, 300)
TOKENS = 50
RAMP, WARM_UP, MEASURED = 1.0, 3.0, 6.0
"""Seconds in which the streams are opened; until it counts; in which it counts."""
COLUMNS = {
    f"{what}-{percent}": f"{words}, {percent} %"
    for what, words in (("first", "first token"), ("next", "next token"))
    for percent in (50, 90, 99)
}


class Waits:
    """What a process waits for, from when it counts on."""

    def __init__(self, begin: float) -> None:
        self._begin = begin
        self.end = begin + MEASURED
        self.first: list[float] = []
        self.next: list[float] = []

    async def read(self, texts: Texts) -> None:
        """Read one stream."""
        last = asked = time.monotonic()
        is_first = True
        async for text in texts():
            now = time.monotonic()
            if is_first and self._counts(asked):
                self.first.append(now - asked)
            elif not is_first and self._counts(now):
                self.next.append(now - last)
            if self._counts(now):
                self.next += [0.0] * (len(text.split()) - 1)
            is_first, last = False, now

    def _counts(self, moment: float) -> bool:
        return self._begin <= moment < self.end

    def percentiles(self) -> dict[str, float]:
        """Return them, in milliseconds."""
        found = {}
        for what, waits in (("first", self.first), ("next", self.next)):
            cuts = statistics.quantiles(waits, n=100)
            for percent in (50, 90, 99):
                found[f"{what}-{percent}"] = cuts[percent - 1] * 1000
        return found


async def wait(name: str, url: str, streams: int) -> dict[str, float]:
    """Read so many streams at once for some seconds."""
    async with AsyncExitStack() as stack:
        texts = await CONTENDERS[name](url, TOKENS, stack)
        await count(texts())  # so that all is imported
        begin = time.monotonic()
        waits = Waits(begin + WARM_UP)

        async def work(number: int) -> None:
            await asyncio.sleep(RAMP * number / streams)
            while time.monotonic() < waits.end:
                await waits.read(texts)

        await asyncio.gather(*map(work, range(streams)))
    return waits.percentiles()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="rounds; the median counts")
    parser.add_argument("--only", type=int, nargs="*", choices=STREAMS, help="how many streams")
    add_option(parser)
    options = parser.parse_args()
    raise_file_limit()
    figures = Figures("latency", options)
    with running_server() as url:
        for streams in options.only or STREAMS:
            rows = measure(f"{url}/paced/api/v1", streams, options.repeat)
            title = f"{streams} streams at once, {TOKENS} tokens a second each: milliseconds"
            figures.add(str(streams), title, Table(COLUMNS, rows))


def measure(url: str, streams: int, rounds: int) -> Rows:
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in NAMES}
    for _ in range(rounds):
        for name, found in turns.items():
            with Child("latency.py", "--child", name, url, str(streams)) as child:
                child.read()
                found.append(json.loads(child.ask()))
    return {
        name: {column: median([turn[column] for turn in found]) for column in COLUMNS}
        for name, found in turns.items()
    }


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--child", name, url, streams]:
            take_turns(lambda: json.dumps(asyncio.run(wait(name, url, int(streams)))))
        case _:
            main()
