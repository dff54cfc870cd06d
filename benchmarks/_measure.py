"""What the scripts share: the server, child processes that take turns, and what the kernel knows of a process."""

import gc
import os
import resource
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
KEY = "sk-or-bench"
MODEL = "z-ai/glm-4.6"


def raise_file_limit() -> None:
    """Allow as many open files as the system lets us have; the server's processes inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def running_server() -> Iterator[str]:
    """Run the server in another process; give out its URL."""
    with Child("server.py") as server:
        yield server.read()


class Child:
    """A script of this folder in a process of its own, which prints a line for each line it is sent."""

    def __init__(self, script: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self) -> str:
        """Return the next line that the child prints."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} has ended")
        return line.strip()

    def ask(self, word: str = "") -> str:
        """Let the child take its turn, at what the word says, and return what it prints."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return self.read()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def take_turns(turn: Callable[[], object]) -> None:
    """Be a `Child`: say that all is ready, then take a turn for each line that comes."""
    take_turns_at(lambda _: turn())


def take_turns_at(turn: Callable[[str], object]) -> None:
    """Be a `Child` whose turns are at what the lines say."""
    print("ready", flush=True)
    for line in sys.stdin:
        print(turn(line.strip()), flush=True)


def cpu_seconds(run: Callable[[], object], times: int = 1) -> float:
    """Return the CPU time of this process, all threads, for so many runs."""
    gc.collect()
    start = time.process_time()
    for _ in range(times):
        run()
    return time.process_time() - start


def interleave(children: dict[str, Child], word: str, rounds: int) -> dict[str, list[float]]:
    """Let all children take turns, round by round, so that whatever disturbs the machine disturbs all alike."""
    figures: dict[str, list[float]] = {name: [] for name in children}
    for _ in range(rounds):
        for name, child in children.items():
            figures[name].append(float(child.ask(word)))
    return figures


def count_requests(url: str) -> int:
    """Return how many questions the server has been asked."""
    with urllib.request.urlopen(f"{url}/count") as response:
        return int(response.read())


def memory(key: str = "VmRSS") -> float:
    """Return a line of `/proc/self/status` in MB: `VmRSS` is the memory in use, `VmHWM` its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    print(markdown_table(head, rows), end="\n\n", flush=True)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, whose columns are as wide as their widest cells."""
    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    return "\n".join(
        "| " + " | ".join(map(str.ljust, row, widths)) + " |"
        for row in (head, ["-" * width for width in widths], *rows)
    )


def median(figures: Sequence[float]) -> float:
    return statistics.median(figures)
