"""The output of a job: what is done stands in it, line by line, whatever ended the last run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from glm_openrouter._json.values import Number
from glm_openrouter.cli._common import UsageError

from .parquet import write_parquet
from .rows import RowId, digest_of

__all__ = ["Attempts", "Output", "State"]

_BLOCK = 1 << 16
"""Bytes that are read at once to find the end of a line."""

_SUFFIXES = (".jsonl", ".ndjson", ".parquet")


class Attempts(NamedTuple):
    """What has been tried for a row that failed."""

    number: int
    """How often."""
    cost: float
    """USD of all of them."""


class State(NamedTuple):
    """How far a job has come."""

    done: set[int]
    """The rows whose answers are there, as `digest_of` their ids."""
    failed: Mapping[RowId, Attempts]
    """The rows that have failed and are not done, by their ids."""
    cost: float
    """USD of all of these."""
    paid: int
    """How many of them have cost something."""


class _Line(msgspec.Struct):
    """What counts of a line when a job goes on."""

    id: RowId
    cost: Number = 0.0
    attempt: int = 0


class Output:
    """Where the rows go: those with an answer to `path`, those that failed to the same name with `.failed`.

    A file of Parquet is made at the end, from lines that stand beside it.

    Args:
        path: A name that ends with `.jsonl`, `.ndjson` or `.parquet`.

    Raises:
        UsageError: The name has another ending.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix not in _SUFFIXES:
            raise UsageError(f"{path} is none of {', '.join(_SUFFIXES)}.")
        self.path = path
        is_table = path.suffix == ".parquet"
        self.lines = path.with_name(f"{path.name}.jsonl") if is_table else path
        """Where the lines stand."""
        self.failed = path.with_name(f"{path.name}.failed")
        self.journal = path.with_name(f"{path.name}.journal")
        self.job = path.with_name(f"{path.name}.job")
        self._files = ExitStack()
        self._answers: BinaryIO | None = None
        self._failures: BinaryIO | None = None

    @property
    def files(self) -> set[Path]:
        """All that a run may write."""
        return {self.path, self.lines, self.failed, self.journal, self.job}

    def read(self) -> State:
        """Return how far the job has come; a last line that is not whole does not count.

        Raises:
            UsageError: A file is none of this command.
        """
        done: set[int] = set()
        costs, paid = 0.0, 0
        for _, line in _lines_of(self.lines):
            done.add(digest_of(line.id))
            costs += line.cost
            paid += line.cost > 0
        failed = {
            line.id: Attempts(line.attempt + 1, line.cost)
            for _, line in _lines_of(self.failed)
            if digest_of(line.id) not in done
        }
        costs += sum(attempts.cost for attempts in failed.values())
        paid += sum(attempts.cost > 0 for attempts in failed.values())
        return State(done, failed, costs, paid)

    @contextmanager
    def taken(self, job: Mapping[str, Any]) -> Iterator[State]:
        """Have the files for this run, and yield how far the job has come.

        Args:
            job: What makes another job: names of parts, and what they are, as JSON has it.

        Raises:
            UsageError: Another run has them, or they are those of another job.
        """
        with self._files:
            answers = self._files.enter_context(self.lines.open("a+b"))
            _lock(answers, self.lines)
            self._check_job(job, is_new=not answers.tell())
            _cut_off_part(answers)
            self._answers = answers
            self._tidy()
            yield self.read()
        self._answers = self._failures = None
        self._tidy()

    def add(self, row: Mapping[str, Any]) -> None:
        """Write a row that has its answer."""
        assert self._answers is not None  # for the type checker; the block is open
        _write(self._answers, row)

    def add_failed(self, row: Mapping[str, Any]) -> None:
        """Write a row that failed; `attempt` says how often it had before."""
        if self._failures is None:
            self._failures = self._files.enter_context(self.failed.open("ab"))
        _write(self._failures, row)

    def _check_job(self, job: Mapping[str, Any], *, is_new: bool) -> None:
        """See whether the lines are answers to what is asked now; remember what is asked, if there are none yet."""
        written = msgspec.json.format(msgspec.json.encode(job)) + b"\n"
        if is_new:
            _replace(self.job, [written])
            return
        try:
            before = msgspec.json.decode(self.job.read_bytes(), type=dict[str, Any])
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
            raise UsageError(
                f"{self.lines} is there, but no {self.job} that says what was asked. Move it away, or choose another "
                "name for the output."
            ) from None
        now = msgspec.json.decode(written)
        if others := [name for name in {**before, **now} if before.get(name) != now.get(name)]:
            raise UsageError(
                f"{self.lines} has answers of another job: {self.job} has another {', another '.join(others)}. Choose "
                f"another name for the output, or remove {self.lines} and {self.failed} to ask all rows anew."
            )

    def _tidy(self) -> None:
        """Leave of the failed rows those that are not done, each once; without any, there is no file of them."""
        if not self.failed.exists():
            return
        failed = self.read().failed
        if not failed:
            self.failed.unlink()
            return
        last = (
            written
            for written, line in _lines_of(self.failed)
            if (attempts := failed.get(line.id)) and attempts.number == line.attempt + 1
        )
        _replace(self.failed, last)

    def finish(self) -> None:
        """Make the table, if one is wanted.

        Raises:
            UsageError: The rows make none.
        """
        if self.lines != self.path:
            write_parquet(self.lines, self.path)


def _replace(path: Path, lines: Iterable[bytes]) -> None:
    """Write a file that takes the place of another once it is whole."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    with unfinished.open("wb") as file:
        file.writelines(lines)
    os.replace(unfinished, path)


def _lines_of(path: Path) -> Iterator[tuple[bytes, _Line]]:
    """Yield the lines that are whole, as they are written and as they are read."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        for number, written in enumerate(file, 1):
            if not written.endswith(b"\n"):
                return
            try:
                yield written, msgspec.json.decode(written, type=_Line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise UsageError(
                    f"{path}, line {number}, is no row of this command: {error}. Move the file away, or choose another "
                    "name for the output."
                ) from None


def _write(file: BinaryIO, row: Mapping[str, Any]) -> None:
    file.write(msgspec.json.encode(row) + b"\n")
    file.flush()


def _cut_off_part(file: BinaryIO) -> None:
    """Cut off what comes after the last line feed: a line of which a run has written a part only."""
    end = file.seek(0, os.SEEK_END)
    while end:
        begin = max(0, end - _BLOCK)
        file.seek(begin)
        at = file.read(end - begin).rfind(b"\n")
        if at >= 0:
            end = begin + at + 1
            break
        end = begin
    file.truncate(end)


def _lock(file: BinaryIO, path: Path) -> None:
    """Keep other runs from writing the same file, where the system can do that."""
    try:
        import fcntl
    except ImportError:  # on Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(f"Another run is writing {path}.") from None
