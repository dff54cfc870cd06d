"""Several things at once, for tests that have to wait: waiting together takes as long as waiting alone."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Case = TypeVar("Case")
Result = TypeVar("Result")


def at_once(do: Callable[[Case], Result], cases: Iterable[Case]) -> dict[Case, Result]:
    """Do something with each case, in a thread of its own; the first failure among them is raised."""
    cases = list(cases)
    with ThreadPoolExecutor(len(cases)) as pool:
        return dict(zip(cases, pool.map(do, cases), strict=True))
