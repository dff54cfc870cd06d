"""A Redis of the tests' own: Debian's `redis-server` on a socket in a folder, which keeps nothing on disk."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["RedisServer", "running_redis"]


@dataclass
class RedisServer:
    """One that runs."""

    port: int
    """On 127.0.0.1."""
    socket_path: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where other machines would find it."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def unix_url(self) -> str:
        """Where only this machine does."""
        return f"unix://{self.socket_path}?db=0"

    def ask(self, *words: str) -> str:
        """Send a command without any library, and return the answer as Redis writes it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall((" ".join(words) + "\r\n").encode())
            return connection.recv(65_536).decode()

    def clear(self) -> None:
        """Forget all keys."""
        self.ask("FLUSHALL")

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running_redis(folder: Path) -> Iterator[RedisServer]:
    """Run a Redis in a folder until the block ends.

    Raises:
        RuntimeError: There is no `redis-server` on this machine; tests fail then, and are not skipped.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise RuntimeError("These tests need a Redis: apt-get install redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = folder / "redis.sock"
    options = ["--port", str(port), "--bind", "127.0.0.1", "--unixsocket", str(path)]
    options += ["--dir", str(folder), "--save", "", "--appendonly", "no", "--loglevel", "warning"]
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen([program, *options], stdout=log, stderr=log)
    server = RedisServer(port, path, process)
    try:
        _wait_until_it_answers(server, folder / "redis.log")
        yield server
    finally:
        server.stop()


def _wait_until_it_answers(server: RedisServer, log: Path) -> None:
    for _ in range(1000):
        try:
            if server.ask("PING").startswith("+PONG"):
                return
        except OSError:
            time.sleep(0.01)
        if server.process.poll() is not None:
            break
    raise RuntimeError(f"The Redis does not start: {log.read_text()}")
