"""CPU microseconds of the client: a streamed chunk, a call, a construction. Ours beside its peers and its floors.

Every contender runs in a process of its own, so that what one imports is no work for the garbage collector of another,
and they take turns, so that the noise of the machine hits all alike.
"""

import argparse
from contextlib import ExitStack

from _contenders import BARE_AIOHTTP, BRIDGED, CONTENDERS, EAGER, OURS
from _figures import Figures, Rows, Table, add_option
from _measure import Child, interleave, median, running_server

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
    figures = Figures("stream", options)
    with running_server() as url:
        for framework, title in FRAMEWORKS.items():
            cases = [
                case
                for case in CASES
                if (framework, case) not in ABSENT and wanted(framework, case, options)
            ]
            if cases:
                rows = measure(framework, cases, f"{url}/api/v1", options)
                columns = {case: CASES[case] for case in cases}
                figures.add(framework, title, Table(columns, rows, beside=OURS))


FRAMEWORKS = {
    "langchain": "LangChain: CPU microseconds (times ours)",
    "llamaindex": "LlamaIndex: CPU microseconds (times ours)",
}
WHOLE = ("whole", "async_whole")
"""Nobody else streams what is asked for whole."""
ABSENT = {("llamaindex", "tools"), ("llamaindex", "events")}
FLOORS = ("bare", "the framework")


def wanted(framework: str, case: str, options: argparse.Namespace) -> bool:
    return any(word in f"{framework}:{case}" for word in options.only or [""])


def measure(framework: str, cases: list[str], url: str, options: argparse.Namespace) -> Rows:
    """Return the medians of each contender."""
    names = [name for name in CONTENDERS[framework] if any(takes_part(name, c) for c in cases)]
    rows: Rows = {name: {} for name in names}
    with ExitStack() as stack:
        words = (url, str(options.chunks))
        children = {
            name: stack.enter_context(Child("_contenders.py", framework, name, *words))
            for name in names
        }
        for child in children.values():
            child.read()
        for case in cases:
            part = {name: child for name, child in children.items() if takes_part(name, case)}
            for name, turns in interleave(part, case, options.repeat).items():
                rows[name][case] = median(turns)
    return rows


def takes_part(name: str, case: str) -> bool:
    if name == EAGER:  # growth.py has it
        return False
    if name == BRIDGED:
        return case == "events"
    if name == BARE_AIOHTTP:
        return case == "async_whole"
    if case in WHOLE:
        return name == OURS or (name == "bare httpx" and case == "whole")
    return case not in ("construct", "events") or not name.startswith(FLOORS)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=2000, help="chunks of a stream")
    parser.add_argument("--repeat", type=int, default=11, help="rounds; the median counts")
    parser.add_argument(
        "--only", nargs="*", metavar="WORD", help="cases to run, such as text or llamaindex:call"
    )
    add_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
