"""The command: its options, and what becomes of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glm_openrouter import Client
from glm_openrouter.cli._common import (
    Commands,
    UsageError,
    add_connection,
    add_model,
    connection,
    read_text,
    read_usd,
    write_line,
)

if TYPE_CHECKING:
    from .job import Job
    from .output import Output
    from .rows import Rows

__all__ = ["add_parser"]

_DESCRIPTION = """\
Ask the same about each row of IN, and write the rows with their answers to OUT, in the order in which they come. The
same command again goes on where it stopped: rows whose lines stand in OUT are done, and those in OUT.failed are tried
first. Answers that have been paid for are kept in OUT.journal the moment they come, so that they are not paid for again
after a crash. An OUT of Parquet is made at the end of a run, from OUT.jsonl, which stands beside it."""

_EPILOG = """\
exit codes: 0 all rows are done, 3 some failed, 4 the budget is used up, 2 the arguments are wrong, 1 nothing more
can be asked (such as with a wrong key, or an empty balance), 130 Ctrl-C. After any of them the same command goes on."""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "batch",
        help="ask the same about each row of a file",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("input", metavar="IN", type=Path, help="a file of .jsonl, .csv or .parquet")
    parser.add_argument("output", metavar="OUT", type=Path, help="a file of .jsonl or .parquet")
    parser.add_argument(
        "--prompt",
        metavar="TEXT",
        required=True,
        help="what to ask; {column} is what a row has there, {{ and }} are braces, @FILE reads a file",
    )
    parser.add_argument("--system", metavar="TEXT", help="system prompt, written as --prompt is")
    parser.add_argument(
        "--schema",
        metavar="SCHEMA",
        help="what answers have to look like: a JSON schema in FILE.json, or MODULE:CLASS",
    )
    parser.add_argument(
        "--id",
        metavar="COLUMN",
        help="what tells the rows apart (default: id if there is one, else the line and a hash of it)",
    )
    parser.add_argument(
        "--in-flight",
        type=_count,
        default=256,
        metavar="N",
        help="the most rows under way at a time (default: %(default)s)",
    )
    parser.add_argument(
        "--budget",
        type=read_usd,
        metavar="USD",
        help="the most to spend, over all runs for this OUT",
    )
    add_model(parser)
    parser.add_argument("--max-tokens", type=_count, metavar="N", help="the longest answer")
    parser.add_argument("--temperature", type=float, metavar="T", help="from 0 to 2")
    parser.add_argument("--no-reasoning", action="store_true", help="answer without thinking")
    parser.add_argument(
        "--journal", help="a file, or redis://HOST, for answers (default: OUT.journal)"
    )
    parser.add_argument("--limit", type=_count, metavar="N", help="only the first N rows")
    parser.add_argument(
        "--keep-failed", action="store_true", help="do not try again what has failed"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="show three questions and the cost, and ask nothing"
    )
    add_connection(parser)
    parser.set_defaults(command=batch)


def _count(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is not a whole number from 1 on")
    return int(word)


def batch(options: argparse.Namespace) -> int:
    """Ask about each row, or with `--dry-run` say what that will cost."""
    from .output import Output  # all of these need more than other commands do
    from .parquet import check_parquet
    from .rows import Rows

    output = Output(options.output)
    rows = Rows(options.input, options.id, options.limit)
    for path in (options.input, options.output):
        check_parquet(path)
    if options.input.resolve() in {path.resolve() for path in output.files}:
        raise UsageError("IN and OUT are the same file.")
    job = read_job(options)
    if options.dry_run:
        return _forecast(options, job, rows, output)
    from .run import run_job

    return run_job(options, job, rows, output)


def read_job(options: argparse.Namespace) -> Job:
    """Return what is asked about each row.

    Raises:
        UsageError: A text or a schema cannot be read, or a brace has no partner.
    """
    from .job import Job
    from .schema import read_schema
    from .template import Template

    settings: dict[str, Any] = {
        "model": options.model,
        "max_tokens": options.max_tokens,
        "temperature": options.temperature,
        "reasoning": False if options.no_reasoning else None,
    }
    system = read_text(options.system) if options.system else None
    return Job(
        Template(read_text(options.prompt), "--prompt"),
        Template(system, "--system") if system else None,
        read_schema(options.schema) if options.schema else None,
        {name: value for name, value in settings.items() if value is not None},
    )


def _forecast(options: argparse.Namespace, job: Job, rows: Rows, output: Output) -> int:
    """Say what would be asked, and what it would cost."""
    from .forecast import describe_costs, describe_questions

    state = output.read()
    survey = rows.survey(state.done)
    job.check(survey.columns)
    for line in describe_questions(job, survey):
        write_line(line)
    with connection(options) as client_options, Client(**client_options) as client:
        endpoints = client.endpoints(options.model)
    for line in describe_costs(job, rows, survey, state, endpoints):
        write_line(line)
    return 0
