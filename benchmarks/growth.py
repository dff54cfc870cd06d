"""Cost of a chunk and peak memory as a LlamaIndex answer gets longer, for consumers who look at it in different ways.

Ours runs twice: with responses that are put together when somebody looks at them, and with all put together at once.

Every figure comes from a fresh process, since a peak of memory does not go down again.
"""

import argparse
import sys

from _contenders import CONTENDERS, EAGER
from _contenders import OURS as LAZY
from _measure import Child, cpu_seconds, memory, print_table, running_server, take_turns

PEER = "llama-index-llms-openrouter"
SIZES = (1_000, 10_000, 100_000)
CASES = {
    "text": "stream_chat, each delta read",
    "prompt": "stream_complete, each delta read",
    "looks": "stream_chat, all of the text read each time, as agents do",
    "calls": "stream_chat_with_tools, the calls read each time, as agents do",
    "kept": "stream_chat, all responses kept",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--peer-limit", type=int, default=10_000, help="longest answer of the peer")
    parser.add_argument(
        "--kept-limit", type=int, default=10_000, help="longest answer that is kept whole each time"
    )
    options = parser.parse_args()
    names = (LAZY, EAGER, PEER)
    rows = []
    with running_server() as url:
        for case, words in CASES.items():
            for size in options.sizes:
                row = [words, f"{size:,}"]
                for name in names:
                    takes_part = size <= longest(name, case, options)
                    row += measure(name, case, size, url) if takes_part else ("", "")
                rows.append(row)
    head = [cell for name in names for cell in (f"{name}: us a chunk", "MB more at the peak")]
    print_table(["", "chunks", *head], rows)


def longest(name: str, case: str, options: argparse.Namespace) -> int:
    if name == PEER:
        return options.peer_limit
    return options.kept_limit if (name, case) == (EAGER, "kept") else sys.maxsize


def measure(name: str, case: str, size: int, url: str) -> tuple[str, str]:
    with Child("growth.py", "--child", name, case, str(size), f"{url}/api/v1") as child:
        child.read()
        cost, growth = child.ask().split()
    return f"{float(cost):,.1f}", f"{float(growth):,.1f}"


def child(name: str, case: str, size: str, url: str) -> None:
    contend = CONTENDERS["llamaindex"][name]
    getattr(contend(url, 100), case)()  # to warm up
    contender = contend(url, int(size))

    def turn() -> str:
        before = memory()
        cost = cpu_seconds(getattr(contender, case)) / int(size) * 1e6
        return f"{cost} {memory('VmHWM') - before}"

    take_turns(turn)


if __name__ == "__main__":
    if "--child" in sys.argv:
        child(*sys.argv[2:])
    else:
        main()
