"""`glm-openrouter demo`: the examples, from any folder."""

import os
import sys

import pytest

from examples import demo
from glm_openrouter import ChatRequest, Client
from glm_openrouter.cli import main


@pytest.fixture
def runs(monkeypatch):
    """Put a client of the environment in the place of the examples; the list has what it saw."""
    seen = []

    def ask():
        request = ChatRequest(messages=[{"role": "user", "content": "What is 2 + 2?"}])
        with Client() as client:
            seen.append((os.environ.get("OPENROUTER_API_BASE"), client.complete(request).text))
        return 3

    monkeypatch.setattr(demo, "main", ask)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-of-a-test")
    monkeypatch.setenv("OPENROUTER_API_BASE", "http://127.0.0.1:1/api/v1")
    return seen


def test_offline_the_examples_ask_a_server_of_its_own(runs):
    main(["demo", "--offline"])

    ((base_url, text),) = runs
    assert base_url.startswith("http://127.0.0.1:")
    assert "2 + 2 = 4" in text


def test_the_exit_code_is_1_if_examples_failed(runs):
    assert main(["demo", "--offline"]) == 1


def test_without_offline_the_environment_stays_as_it_is(runs, offline_openrouter, monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_BASE", offline_openrouter.base_url)
    main(["demo"])

    assert [base_url for base_url, _ in runs] == [offline_openrouter.base_url]


@pytest.mark.parametrize("missing", ["rich.console", "langchain", "llama_index.retrievers.bm25"])
def test_it_names_the_extra_that_is_missing(monkeypatch, capsys, missing):
    monkeypatch.setitem(sys.modules, missing, None)

    assert main(["demo"]) == 1
    assert 'pip install "glm-openrouter[demo]"' in capsys.readouterr().err
