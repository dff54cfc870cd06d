"""Runs code in forks of a process that has imported the command: a new interpreter would import it each time anew."""

import atexit
import fcntl
import json
import os
import socket
import subprocess
import sys
import termios
import traceback
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

__all__ = ["Forks"]

_IMPORTED = (
    "glm_openrouter.cli._chat",
    "glm_openrouter.cli._doctor",
    "glm_openrouter.cli._providers",
    "glm_openrouter._client.transport",
    "rich.console",
)
_TESTS = Path(__file__).parents[1]
_LONGEST = 1 << 18


class Forks:
    """The process that forks, and the way to it; one fork runs at a time."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        self._lock = Lock()
        code = f"from support.forked import serve; serve({theirs.fileno()})"
        environment = {**os.environ, "PYTHONPATH": str(_TESTS)}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code], pass_fds=[theirs.fileno()], env=environment
            )
        atexit.register(self._end)

    @classmethod
    @cache
    def shared(cls) -> "Forks":
        """Return that of this process, which ends with it."""
        return cls()

    def _end(self) -> None:
        self._socket.close()
        self._process.wait(60)

    def start(self, code: str, environment: dict[str, str], terminal: int) -> None:
        """Start code in a session of its own, on a terminal."""
        self._lock.acquire()
        job = {"code": code, "environment": environment, "folder": os.getcwd()}
        socket.send_fds(self._socket, [json.dumps(job).encode()], [terminal])

    def wait(self) -> int:
        """Return the exit code, once it has ended."""
        self._socket.settimeout(60)
        try:
            return int(self._socket.recv(_LONGEST))
        finally:
            self._lock.release()


def serve(number: int) -> None:
    """Fork for each job that comes, until the other side is gone."""
    for name in _IMPORTED:
        import_module(name)
    jobs = socket.socket(fileno=number)
    while True:
        message, descriptors, _, _ = socket.recv_fds(jobs, _LONGEST, 1)
        if not message:
            return
        (terminal,) = descriptors
        if not (child := os.fork()):
            os._exit(_run(terminal, **json.loads(message)))
        os.close(terminal)
        jobs.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def _run(terminal: int, code: str, environment: dict[str, str], folder: str) -> int:
    """Be what a new interpreter would be that runs code on a terminal, and return its exit code."""
    os.setsid()
    for number in range(3):
        os.dup2(terminal, number)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.stdin = sys.__stdin__ = _open(0, "r", "strict")
    sys.stdout = sys.__stdout__ = _open(1, "w", "strict")
    sys.stderr = sys.__stderr__ = _open(2, "w", "backslashreplace")
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        exec(code, names)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 -- as the interpreter does
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _open(number: int, mode: str, errors: str) -> Any:
    """Return one of the streams that an interpreter begins with."""
    return open(number, mode, buffering=1, encoding="utf-8", errors=errors, closefd=False)
