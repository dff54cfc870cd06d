"""The loop: many cases, in one process or in several."""

import contextlib
import multiprocessing
import resource
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from glm_openrouter import EmptyResponseWarning

from .cases import Case, Finding

__all__ = ["Report", "run", "run_in_processes"]

_EVERY = 1.0
"""Seconds between what a process says of itself."""


@dataclass
class Report:
    """What a run has done so far."""

    counts: Counter[str] = field(default_factory=Counter)
    """Cases by target."""
    findings: dict[str, Finding] = field(default_factory=dict)
    """The first of each kind."""
    times: Counter[str] = field(default_factory=Counter)
    """How often each kind was found."""
    memory: int = 0
    """Megabytes of the process that reported last."""

    @property
    def streams(self) -> int:
        """Cases that are the bytes of a response."""
        others = ("deltas", "answers", "messages")
        return self.counts.total() - sum(self.counts[name] for name in others)

    def add(self, other: "Report") -> None:
        """Add what another process has done."""
        self.counts += other.counts
        self.times += other.times
        self.findings = {**other.findings, **self.findings}
        self.memory = other.memory


def run(
    seed: int, *, first: int = 0, step: int = 1, seconds: float = 1e9, cases: int = 0
) -> Iterator[Report]:
    """Run cases of a seed and yield what was done since the last report, about every second.

    Args:
        seed: Of all chance.
        first: The number of the first case.
        step: From one number to the next.
        seconds: Of wall clock, until no more cases are begun.
        cases: How many to run at most; 0 for no limit.
    """
    now = time.monotonic()
    end, next_report = now + seconds, now + _EVERY
    number, report, known = first, Report(), set[str]()
    with _strict_warnings():
        while now < end and not (cases and number >= first + cases * step):
            _run_case(Case.draw(seed, number), number, report, known)
            number += step
            now = time.monotonic()
            if now >= next_report:
                yield _settled(report)
                report, next_report = Report(), now + _EVERY
    yield _settled(report)


def _run_case(case: Case, number: int, report: Report, known: set[str]) -> None:
    report.counts[case.target.name] += 1
    finding = case.run()
    if finding is None:
        return
    kind = f"{case.target.name}: {finding.kind}"
    report.times[kind] += 1
    if kind not in known:
        known.add(kind)
        small = case.reduced(finding.kind)
        what = f"case {number}, reduced to {len(small.data)} bytes, chance {small.chance}:\n{small.data!r}"
        report.findings[kind] = Finding(small, finding.kind, f"{what}\n{finding.what}")


def _settled(report: Report) -> Report:
    report.memory = _memory()
    return report


def _memory() -> int:
    """Return the megabytes that this process holds, or has held at most where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return pages * resource.getpagesize() // 2**20


@contextlib.contextmanager
def _strict_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", EmptyResponseWarning)
        yield


def run_in_processes(
    count: int, seed: int, *, first: int = 0, seconds: float = 1e9, cases: int = 0
) -> Iterator[Report]:
    """Run cases in several processes, which share the numbers among them; see `run`.

    Raises:
        RuntimeError: One of them died.
    """
    context = multiprocessing.get_context("spawn")
    each = -(-cases // count)
    processes: dict[Any, Any] = {}
    for number in range(count):
        ours, theirs = context.Pipe(duplex=False)
        options = {"first": first + number, "step": count, "seconds": seconds, "cases": each}
        process = context.Process(target=_send, args=(theirs, seed, options), daemon=True)
        process.start()
        theirs.close()
        processes[ours] = process
    while processes:
        for pipe in wait([*processes]):
            try:
                yield pipe.recv()
            except EOFError:
                process = processes.pop(pipe)
                process.join()
                if process.exitcode:
                    raise RuntimeError(f"A process ended with {process.exitcode}.") from None


def _send(pipe: Connection, seed: int, options: dict[str, Any]) -> None:
    for report in run(seed, **options):
        pipe.send(report)
