"""Processes that a test starts, and kills with all that they have started."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["Job", "kill_with_descendants", "running"]


class Job:
    """A Python process, whose output goes to a file."""

    def __init__(
        self,
        command: Sequence[str],
        environment: dict[str, str],
        log: Path,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self._log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                pass_fds=pass_fds,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """All that it has printed, and others that use the same file."""
        return self._log.read_text(errors="replace")

    def wait(self, seconds: float = 250) -> int:
        """Return the exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"It is not over after {seconds} s:\n{self.output}") from None

    def kill(self) -> None:
        """End it as a crash does, and nothing that it has started."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running(
    command: Sequence[str],
    environment: dict[str, str],
    log: Path,
    pass_fds: Sequence[int] = (),
) -> Iterator[Job]:
    """Run a Python process; at the end it is killed with all that it has started."""
    job = Job(command, environment, log, pass_fds)
    try:
        yield job
    finally:
        kill_with_descendants(job.process.pid)
        job.process.wait()


def kill_with_descendants(pid: int) -> None:
    """Kill a process and all that it has started, whoever has taken them over since: they are in its session."""
    session = {member for member in _processes() if _session_of(member) == pid}
    for member in session | _descendants(pid) | {pid}:
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)


def _descendants(pid: int) -> set[int]:
    parents = {member: _parent_of(member) for member in _processes()}
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _parent_of(pid: int) -> int:
    return _stat(pid)[1]


def _session_of(pid: int) -> int:
    return _stat(pid)[3]


def _stat(pid: int) -> list[int]:
    """Return what Linux says of a process after its name: state (as 0), parent, group, session."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return [0, 0, 0, 0]
    return [0, *map(int, words[1:4])]
