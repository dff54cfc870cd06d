"""A short run of the fuzzer, the same each time; `make fuzz` runs it for an hour."""

import pytest

from .cases import Case
from .reduce import reduce
from .run import Report, run
from .targets import TARGETS

SEED = 20261124
CASES = 5000


@pytest.fixture(scope="module")
def report() -> Report:
    total = Report()
    for part in run(SEED, cases=CASES):
        total.add(part)
    return total


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_breaks_an_invariant(target: str, report: Report) -> None:
    assert report.counts[target] > CASES // 500
    found = [
        str(finding) for kind, finding in report.findings.items() if kind.startswith(f"{target}:")
    ]
    assert not found, "\n\n".join(found)


def test_two_numbers_repeat_a_case() -> None:
    one, other = Case.draw(SEED, 7), Case.draw(SEED, 7)
    assert (one.target, one.data, one.chance) == (other.target, other.data, other.chance)


def test_what_finds_something_is_made_small() -> None:
    assert reduce(b"one\ntwo three\nfour\n" * 50, lambda data: b"ee" in data) == b"ee"
