import json
from pathlib import Path

import pytest

from glm_openrouter.cli import main

REVIEWS = [
    {"id": "a", "text": "It broke."},
    {"id": "b", "text": "I love it."},
    {"id": "c", "text": "It is blue."},
    {"id": "d", "text": "It came late."},
]


def write_jsonl(name, rows):
    Path(name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def read_jsonl(name):
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


class BatchCommand:
    """The command in an empty folder with four reviews, against an offline OpenRouter."""

    def __init__(self, server, capsys):
        self.server = server
        self._capsys = capsys
        self.out = self.err = ""
        write_jsonl("reviews.jsonl", REVIEWS)

    def __call__(self, *options, rows="reviews.jsonl", to="labels.jsonl", prompt="Label: {text}"):
        """Run the command, and return its exit code."""
        self.server.clear()
        code = main(["batch", rows, to, "--prompt", prompt, *options])
        self.out, self.err = self._capsys.readouterr()
        return code

    @property
    def asked(self):
        """What was asked since the command began: the last words of each conversation."""
        bodies = [request.body for request in self.server.requests if request.body]
        return [body["messages"][-1]["content"] for body in bodies]

    def answer_with(self, answer):
        """Have questions answered by a function of their words."""
        self.server.answer = lambda prompt: answer(prompt.user_text)


@pytest.fixture
def batch(offline_openrouter, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-of-a-test")
    monkeypatch.setenv("OPENROUTER_API_BASE", offline_openrouter.base_url)
    command = BatchCommand(offline_openrouter, capsys)
    command.answer_with("You said: {}".format)
    return command
