"""Run the fuzzer from the command line; `--case` repeats one case of a run, and shows it."""

import argparse
import sys
import time

from .cases import Case
from .run import Report, run, run_in_processes

_EVERY = 10.0
"""Seconds between lines of progress."""


def main() -> int:
    """Return 1 if there are findings."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="run this case only, and show what it is")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--streams", type=int, default=0, help="stop after this many")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if options.case is not None:
        return _repeat(options.seed, options.case)
    return _run(options)


def _repeat(seed: int, number: int) -> int:
    case = Case.draw(seed, number)
    print(f"{case.target.name}, chance {case.chance}, {len(case.data)} bytes:\n{case.data!r}")
    total = Report()
    for report in run(seed, first=number, cases=1):
        total.add(report)
    return _show(total)


def _run(options: argparse.Namespace) -> int:
    begun = last = time.monotonic()
    total = Report()
    print(f"seed {options.seed}, {options.processes} processes", flush=True)
    for report in run_in_processes(
        options.processes, options.seed, first=options.first, seconds=options.seconds
    ):
        total.add(report)
        for finding in report.findings.values():
            print(f"\nFOUND {finding}", flush=True)
        now = time.monotonic()
        if now - last >= _EVERY:
            last = now
            print(_progress(total, now - begun), flush=True)
        if options.streams and total.streams >= options.streams:
            break
    print(_progress(total, time.monotonic() - begun))
    return _show(total)


def _progress(total: Report, seconds: float) -> str:
    rate = total.streams / seconds
    return (
        f"{seconds:7.0f} s  {total.streams:9,} streams ({rate:,.0f} a second), "
        f"{total.counts.total():,} cases, {len(total.findings)} kinds of findings, {total.memory} MB"
    )


def _show(total: Report) -> int:
    print("\n".join(f"{count:9,} {name}" for name, count in total.counts.most_common()))
    for kind, finding in sorted(total.findings.items()):
        print(f"\n{total.times[kind]:,} times {finding}")
    print(f"\n{len(total.findings)} kinds of findings")
    return bool(total.findings)


if __name__ == "__main__":
    sys.exit(main())
