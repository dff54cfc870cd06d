"""Memory and open files of a process that makes thousands of calls: both should stay flat after the first lines."""

import argparse
import asyncio

from _contenders import PROMPT, consume, consume_async
from _measure import KEY, MODEL, memory, open_files, print_table, running_server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000, help="calls of each kind")
    parser.add_argument("--every", type=int, default=1000)
    parser.add_argument("--chunks", type=int, default=20)
    options = parser.parse_args()
    with running_server() as url:
        asyncio.run(soak(f"{url}/api/v1", options))


async def soak(url: str, options: argparse.Namespace) -> None:
    """Make all calls with one model; the synchronous ones block the loop, on which nothing else runs."""
    from langchain_glm import ChatGLM

    model = ChatGLM(model=MODEL, api_key=KEY, base_url=url, max_tokens=options.chunks)
    rows = []
    for start in range(0, options.calls, options.every):
        for _ in range(options.every):
            model.invoke(PROMPT)
            await model.ainvoke(PROMPT)
            consume(model.stream(PROMPT))
            await consume_async(model.astream(PROMPT))
        row = (start + options.every, memory(), open_files())
        rows.append([f"{figure:,.0f}" for figure in row])
    print_table(["calls of each kind", "memory: MB", "open files"], rows)


if __name__ == "__main__":
    main()
