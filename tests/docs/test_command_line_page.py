"""docs/command-line.md shows the help of each command as the command prints it, and names each command."""

import argparse
import re

import pytest

from glm_openrouter.cli import main
from support.pages import HELP, ROOT, check_outputs

PAGE = ROOT / "docs" / "command-line.md"
ASKED = [match["code"].split() for match in HELP.finditer(PAGE.read_text())]


def help_of(arguments, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(arguments)
    return capsys.readouterr().out


def words_of(output):
    """Return the words: where lines break, and whether an option says MODEL twice, depends on Python."""
    return re.sub(r"(-\w) ([A-Z_]+), (--[\w-]+) \2", r"\1, \3 \2", output).split()


def test_the_output_of_each_help_stands_on_the_page(capsys, monkeypatch):
    printed = [help_of(arguments, capsys, monkeypatch) for arguments in ASKED]
    check_outputs(PAGE, printed, HELP, words_of, longest=100)


def test_the_page_shows_the_help_of_every_command(monkeypatch):
    commands = []
    add_parser = argparse._SubParsersAction.add_parser

    def note(self, name, **options):
        commands.append(name)
        return add_parser(self, name, **options)

    monkeypatch.setattr(argparse._SubParsersAction, "add_parser", note)
    with pytest.raises(SystemExit):
        main(["--help"])
    assert [asked[0] for asked in ASKED if len(asked) == 2] == commands
    assert [name for name in commands if f"| `glm-openrouter {name}" not in PAGE.read_text()] == []
