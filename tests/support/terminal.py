"""The command on a terminal of its own, in a process of its own."""

import os
import pty
import re
import select
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

from .forked import Forks

STYLE = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?2004[hl]\r?")
"""What sets colours, and what asks the terminal to say where a paste begins and ends."""
MAIN = "from glm_openrouter.cli import main"


def without_style(seen: str) -> str:
    return STYLE.sub("", seen)


def run_in_terminal(
    arguments: Sequence[str],
    *,
    typed: Sequence[str] = (),
    pressed: Mapping[str, str] = MappingProxyType({}),
    code: str = MAIN,
    **variables: str,
) -> tuple[int, str]:
    """Run the command, and return its exit code and what the terminal receives.

    Args:
        arguments: Those of the command.
        typed: Texts; each is typed once a prompt waits for it.
        pressed: Keys; each is pressed once what it belongs to has been seen.
        code: Imports `main`.
        variables: For the environment.
    """
    ours, theirs = pty.openpty()
    forks = Forks.shared()
    environment = {**os.environ, "TERM": "xterm-256color", **variables}
    forks.start(f"{code}\nraise SystemExit(main({[*arguments]!r}))", environment, theirs)
    os.close(theirs)
    waiting, since, keys = [*typed], 0, dict(pressed)
    seen = bytearray()
    pressed_last = b""
    with suppress(OSError):  # Linux says so that the other side is closed
        while True:
            if not select.select([ours], [], [], 5 if pressed_last else 60)[0]:
                if not pressed_last:
                    break
                # A signal between Python's look at signals and its wait for a key is seen with the next one only.
                os.write(ours, pressed_last)
                pressed_last = b""
                continue
            if not (piece := os.read(ours, 65536)):
                break
            pressed_last = b""
            seen += piece
            if waiting and without_style(seen[since:].decode(errors="replace")).endswith("> "):
                since = len(seen)
                os.write(ours, waiting.pop(0).encode())
            for text in [text for text in keys if text in seen[since:].decode(errors="replace")]:
                pressed_last = keys.pop(text).encode()
                os.write(ours, pressed_last)
    os.close(ours)
    return forks.wait(), seen.decode()
