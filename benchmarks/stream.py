"""CPU microseconds of the client: a streamed chunk, a call, a construction. Ours beside its peers and its floors.

Every contender runs in a process of its own, so that what one imports is no work for the garbage collector of another,
and they take turns, so that the noise of the machine hits all alike.
"""

import argparse
from contextlib import ExitStack

from _contenders import BARE_AIOHTTP, BRIDGED, CONTENDERS, OURS
from _measure import Child, interleave, median, print_table, running_server

CASES = {
    "text": "a chunk of text",
    "tools": "a chunk of tool arguments",
    "async_text": "a chunk of text, async",
    "events": "a chunk as v3 event",
    "whole": "a chunk of a whole answer",
    "async_whole": "a chunk of a whole answer, async",
    "call": "a call, in one piece",
    "async_call": "a call, in one piece, async",
    "construct": "a construction",
}


def main() -> None:
    options = read_options()
    with running_server() as url:
        for framework in CONTENDERS:
            cases = [
                case
                for case in CASES
                if (framework, case) not in ABSENT and wanted(framework, case, options)
            ]
            columns = [measure(framework, case, f"{url}/api/v1", options) for case in cases]
            if cases:
                report(framework, cases, columns)


WHOLE = ("whole", "async_whole")
"""Nobody else streams what is asked for whole."""
ABSENT = {("llamaindex", "tools"), ("llamaindex", "events")}
FLOORS = ("bare", "the framework")


def wanted(framework: str, case: str, options: argparse.Namespace) -> bool:
    return any(word in f"{framework}:{case}" for word in options.only or [""])


def measure(framework: str, case: str, url: str, options: argparse.Namespace) -> dict[str, float]:
    """Return the median of each contender."""
    names = [name for name in CONTENDERS[framework] if takes_part(name, case)]
    with ExitStack() as stack:
        children = {
            name: stack.enter_context(
                Child("_contenders.py", framework, name, case, url, str(options.chunks))
            )
            for name in names
        }
        figures = interleave(children, options.repeat)
    return {name: median(values) for name, values in figures.items()}


def takes_part(name: str, case: str) -> bool:
    if name == BRIDGED:
        return case == "events"
    if name == BARE_AIOHTTP:
        return case == "async_whole"
    if case in WHOLE:
        return name == OURS or (name == "bare httpx" and case == "whole")
    return case not in ("construct", "events") or not name.startswith(FLOORS)


def report(framework: str, cases: list[str], columns: list[dict[str, float]]) -> None:
    def cell(column: dict[str, float], name: str) -> str:
        if name not in column:
            return ""
        return f"{column[name]:,.0f} ({column[name] / column[OURS]:.1f}x)"

    print(f"{framework}: CPU microseconds (times ours)\n")
    rows = [[name, *(cell(column, name) for column in columns)] for name in CONTENDERS[framework]]
    print_table(["", *(CASES[case] for case in cases)], rows)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=2000, help="chunks of a stream")
    parser.add_argument("--repeat", type=int, default=11, help="rounds; the median counts")
    parser.add_argument(
        "--only", nargs="*", metavar="WORD", help="cases to run, such as text or llamaindex:call"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
