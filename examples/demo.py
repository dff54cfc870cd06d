"""All examples in a row, and what they took. Without OPENROUTER_API_KEY, offline."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module

from rich import box
from rich.console import Console
from rich.table import Table

from glm_openrouter import SpendEntry, track_spend
from glm_openrouter.cli import plain_output
from glm_openrouter.cli._wrap import wrapped_output
from glm_openrouter.testing import OfflineServer

PARTS = (
    "langchain_chain",
    "langchain_agent",
    "langchain_structured",
    "langchain_rag",
    "langchain_graph",
    "langchain_events",
    "langchain_approval",
    "llamaindex_rag",
    "llamaindex_agent",
    "llamaindex_search_agent",
    "llamaindex_chat",
    "llamaindex_subquestions",
    "llamaindex_handoff",
)
LAST = "bulk_job"
"""A part that runs in processes of its own, so that the table knows nothing of what it costs."""
COLUMNS = ("Calls", "Prompt\ntokens", "Completion\ntokens", "of which\nreasoning", "USD", "Seconds")

console = Console(highlight=False)


def main() -> int:
    """Run all parts, and then a job in processes of its own; return how many failed."""
    with ExitStack() as stack:
        if not os.environ.get("OPENROUTER_API_KEY"):
            server = stack.enter_context(OfflineServer(chunk_delay=0.005))
            os.environ["OPENROUTER_API_KEY"] = "sk-or-offline"
            os.environ["OPENROUTER_API_BASE"] = server.base_url
            console.print("OPENROUTER_API_KEY is not set: an offline server answers, by rules.")
        failed = run_parts()
        return failed + (run_part(LAST) is None)


def run_parts() -> int:
    """Run all parts, show what they took, and return how many failed."""
    table = Table("Part", box=box.SIMPLE, padding=0)
    for column in COLUMNS:
        table.add_column(column, justify="right")
    times = {}
    with track_spend() as all_spend:
        for name in PARTS:
            with track_spend() as spend:
                times[name] = run_part(name)
            table.add_row(name, *figures(spend.total, times[name]))
    table.add_section()
    all_seconds = sum(seconds or 0 for seconds in times.values())
    table.add_row("total", *figures(all_spend.total, all_seconds), style="bold")
    console.print("\n", table)
    return list(times.values()).count(None)


def run_part(name: str) -> float | None:
    """Run one part and return how many seconds it took, or None if it failed."""
    try:
        part = import_module(f"examples.{name}")
        console.print()
        console.rule()
        console.print(part.__doc__, style="bold")
        begin = time.perf_counter()
        with readable_output():
            if (coroutine := part.main()) is not None:
                asyncio.run(coroutine)
        return time.perf_counter() - begin
    except Exception as error:  # noqa: BLE001 -- the other parts still run
        with readable_output():
            print(f"{type(error).__name__}: {error}")
        return None


@contextmanager
def readable_output() -> Iterator[None]:
    """Show what is printed in the block as text, which a terminal gets broken between words."""
    with ExitStack() as stack:
        if console.is_terminal:
            stack.enter_context(wrapped_output(console.width))
        yield stack.enter_context(plain_output())


def figures(spend: SpendEntry, seconds: float | None) -> list[str]:
    tokens = (spend.prompt_tokens, spend.completion_tokens, spend.reasoning_tokens)
    counts = [f"{count:,}" for count in (spend.calls, *tokens)]
    return [*counts, f"{spend.cost:.6f}", "failed" if seconds is None else f"{seconds:.1f}"]


if __name__ == "__main__":
    sys.exit(main())
