"""A driver of Ray that calls the functions it is sent: `python driver.py FD`, with a socket at FD."""

import sys
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection

import cloudpickle
import ray


def main(socket: int) -> None:
    ray.init(num_cpus=2, include_dashboard=False)
    with Connection(socket) as asked, suppress(EOFError):
        while True:
            asked.send_bytes(cloudpickle.dumps(answer(asked.recv_bytes())))


def answer(pickled: bytes) -> tuple[bool, object]:
    """Return whether a function returned, and what; or else what a user would see of its error."""
    function, arguments = cloudpickle.loads(pickled)
    try:
        return True, function(*arguments)
    except Exception:  # noqa: BLE001 -- the test sees it
        return False, traceback.format_exc()


if __name__ == "__main__":
    main(int(sys.argv[1]))
