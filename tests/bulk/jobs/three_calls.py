"""Three questions for each row: `python three_calls.py IN OUT JOURNAL IN_FLIGHT`, and again after it was killed.

What stands in OUT is done; a last line that was cut off is not.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from glm_openrouter import AsyncClient, ChatRequest, Journal
from glm_openrouter.batch import run

Row = dict[str, Any]


def read_done(path: Path) -> set[int]:
    """Return the ids in a file, and cut off what is no line."""
    whole, newline, _ = path.read_text().rpartition("\n") if path.exists() else ("", "", "")
    path.write_text(whole + newline)
    return {json.loads(line)["id"] for line in whole.splitlines()}


async def work(rows: Iterator[Row], out: TextIO, journal: str, in_flight: int) -> None:
    client = AsyncClient()

    async def ask(row: Row) -> str:
        answers = []
        for step in (1, 2, 3):
            message = {"role": "user", "content": f"{row['text']} step {step}"}
            answers.append((await client.complete(ChatRequest(messages=[message]))).text)
        return " ".join(answers)

    async for row in run(rows, ask, journal=Journal(journal), in_flight=in_flight):
        out.write(json.dumps(row) + "\n")
        out.flush()


def main(source: str, target: str, journal: str, in_flight: str) -> None:
    done = read_done(Path(target))
    with Path(source).open() as lines, Path(target).open("a") as out:
        rows = (row for row in map(json.loads, lines) if row["id"] not in done)
        asyncio.run(work(rows, out, journal, int(in_flight)))


if __name__ == "__main__":
    main(*sys.argv[1:])
