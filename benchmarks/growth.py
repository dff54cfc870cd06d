"""Cost of a chunk and peak memory as a LlamaIndex answer gets longer, for consumers who look at it in different ways.

Ours runs twice: with responses that are put together when somebody looks at them, and with all put together at once.

Every figure comes from a fresh process, since a peak of memory does not go down again.
"""

import argparse
import sys

from _contenders import CONTENDERS, EAGER
from _contenders import OURS as LAZY
from _figures import Figures, Rows, Table, add_option
from _measure import Child, cpu_seconds, memory, running_server, take_turns

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
    parser.add_argument("--only", nargs="*", choices=CASES, help="what consumers do")
    add_option(parser)
    options = parser.parse_args()
    figures = Figures("growth", options)
    with running_server() as url:
        for case in options.only or CASES:
            costs: Rows = {name: {} for name in (LAZY, EAGER, PEER)}
            peaks: Rows = {name: {} for name in costs}
            for size in options.sizes:
                for name in costs:
                    if size <= longest(name, case, options):
                        cost, peak = measure(name, case, size, url)
                        costs[name][str(size)], peaks[name][str(size)] = cost, peak
            columns = {str(size): f"{size:,} chunks" for size in options.sizes}
            words = CASES[case]
            figures.add(f"{case}-cost", f"{words}: CPU microseconds a chunk", Table(columns, costs))
            figures.add(f"{case}-peak", f"{words}: MB more at the peak", Table(columns, peaks))


def longest(name: str, case: str, options: argparse.Namespace) -> int:
    if name == PEER:
        return options.peer_limit
    return options.kept_limit if (name, case) == (EAGER, "kept") else sys.maxsize


def measure(name: str, case: str, size: int, url: str) -> tuple[float, float]:
    with Child("growth.py", "--child", name, case, str(size), f"{url}/api/v1") as child:
        child.read()
        cost, growth = child.ask().split()
    return float(cost), float(growth)


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
