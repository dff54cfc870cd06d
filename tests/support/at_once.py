"""Several things at once, for tests that have to wait: waiting together takes as long as waiting alone."""

import inspect
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any, TypeVar

from .clients import MODES, ClientRun
from .clock import noted_waits

Case = TypeVar("Case")
Result = TypeVar("Result")


def at_once(do: Callable[[Case], Result], cases: Iterable[Case]) -> dict[Case, Result]:
    """Do something with each case, in a thread of its own; the first failure among them is raised."""

    def do_one(case: Case) -> Result:
        try:
            return do(case)
        except BaseException as error:
            error.add_note(f"This was the case {case!r}.")
            raise

    cases = list(cases)
    with ThreadPoolExecutor(len(cases)) as pool:
        return dict(zip(cases, pool.map(do_one, cases), strict=True))


def waiting(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Have a test that waits run with both clients and all cases at once.

    Args:
        names: Of the cases. The test takes one of them as its last argument, if there are any; the first one is `run`,
            and one between them is `scripted_openrouter`.
    """

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        takes_server = "scripted_openrouter" in inspect.signature(test).parameters

        def test_all(scripted_openrouter: Any) -> None:
            server = [scripted_openrouter] if takes_server else []

            def test_one(case: tuple[str, ...]) -> None:
                mode, *name = case
                waits: list[float] = []
                with noted_waits(waits):
                    test(ClientRun(mode, waits), *server, *name)

            at_once(test_one, product(MODES, names) if names else product(MODES))

        test_all.__name__, test_all.__module__ = test.__name__, test.__module__
        return test_all

    return decorate
