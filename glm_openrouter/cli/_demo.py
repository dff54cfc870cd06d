"""`glm-openrouter demo`: the examples, one after the other."""

import argparse
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from ._common import Commands, add_connection, connection

__all__ = ["add_parser"]

_NEEDED = (
    "rich.console",
    "bm25s",
    "chromadb",
    "langchain",
    "langchain_chroma",
    "langchain_classic",
    "langchain_text_splitters",
    "llama_index.core",
    "llama_index.retrievers.bm25",
    "llama_index.vector_stores.chroma",
    "starlette",
    "uvicorn",
)


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "demo",
        help="run the examples and show what they cost",
        description="Run the examples and show what they cost. Without OPENROUTER_API_KEY, an offline server answers.",
    )
    add_connection(parser)
    parser.set_defaults(command=demo)


def demo(options: argparse.Namespace) -> int:
    """Run the examples, and return 1 if one of them failed."""
    _check_installation()
    with connection(options) as client_options:
        if options.offline:
            os.environ["OPENROUTER_API_KEY"] = str(client_options.get("api_key") or "")
            os.environ["OPENROUTER_API_BASE"] = client_options.get("base_url") or ""
        sys.path.insert(0, str(_home()))
        return 1 if import_module("examples.demo").main() else 0


def _check_installation() -> None:
    """See whether there is all that the examples need.

    Raises:
        ImportError: Something is missing; the message names the extra.
    """
    for name in _NEEDED:
        if not _is_installed(name):
            raise ImportError(f'The examples need {name}: pip install "glm-openrouter[demo]"')


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):  # of a parent, or of what is switched off
        return False


def _home() -> Path:
    """Return the folder that holds `examples`: in an installed package beside this module, else the repository."""
    bundled = Path(__file__).with_name("bundled")
    return bundled if bundled.is_dir() else Path(__file__).parents[2]
