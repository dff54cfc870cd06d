"""`glm-openrouter serve`: an offline OpenRouter on this machine."""

import argparse
import logging
import math
import sys

from ._common import Commands

__all__ = ["add_parser"]

_CHUNK_DELAY = 0.02
"""Seconds, so that one can see a stream."""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "serve",
        help="run an offline OpenRouter on this machine",
        description="Run an offline OpenRouter on this machine until Ctrl-C. It writes each request to stderr.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=8765, help="port; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer under this name too, such as that of a container; may be repeated",
    )
    parser.add_argument(
        "--chunk-delay",
        type=_seconds,
        default=_CHUNK_DELAY,
        metavar="SECONDS",
        help="wait before each chunk of a stream (default: %(default)s)",
    )
    parser.add_argument(
        "--offline", action="store_true", help="changes nothing: this server is always offline"
    )
    parser.set_defaults(command=serve)


def _port(word: str) -> int:
    if not word.isdecimal() or int(word) > 65535:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number from 0 to 65535")
    return int(word)


def _seconds(word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number of seconds")
    return seconds


def serve(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from glm_openrouter.testing import serve as serve_offline  # the server needs an extra

    _log_to_stderr()
    serve_offline(
        options.host,
        options.port,
        allowed_hosts=options.allow_host,
        chunk_delay=options.chunk_delay,
    )
    return 0


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("glm_openrouter.testing")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
