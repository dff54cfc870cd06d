"""`glm-openrouter serve`: an offline OpenRouter on this machine."""

import argparse

from ._common import Commands

__all__ = ["add_parser"]


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "serve",
        help="run an offline OpenRouter on this machine",
        description="Run an offline OpenRouter on this machine until Ctrl-C.",
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
        "--offline", action="store_true", help="changes nothing: this server is always offline"
    )
    parser.set_defaults(command=serve)


def _port(word: str) -> int:
    if not word.isdecimal() or int(word) > 65535:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number from 0 to 65535")
    return int(word)


def serve(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from glm_openrouter.testing import serve as serve_offline  # the server needs an extra

    serve_offline(options.host, options.port, allowed_hosts=options.allow_host)
    return 0
