"""What a model, a server or the user writes is text on the terminal, in every command."""

import json
import sys
from unicodedata import category

import pytest
from rich.console import Console

from glm_openrouter.cli import main
from glm_openrouter.testing import ScriptedServer, json_reply, stream_reply
from support.terminal import run_in_terminal, without_style
from support.wire import call, chunk, response_body, thinks

NASTY = {
    "clipboard": "\x1b]52;c;aGVsbG8=\x07",
    "title": "\x1b]0;owned\x07",
    "clear": "\x1b[2J\x1b[H",
    "C1": "\x9b2J\x9d0;owned\x9c",
    "direction": "\u202eevil\u2066",
    "overwriting": "works\b\b\b\b\bfails\rfails\x7f\x0b\x0c\x00",
    "unseen": "a\u200bb\ufeffc\u00ad\U000e0041",
    "half": "\ud800\udc00\ud800",
    "markup": "[link=file:///etc/passwd]x[/link] [/nope] [red]r[/red] :smile: [@click=app.bell]b[/]",
}
WHOLE = "".join(NASTY.values())
SHOWN = NASTY["markup"]


def commands_in(seen):
    """Return the characters that command the terminal, but for what sets colours and ends lines."""
    return {
        char
        for char in without_style(seen).replace("\r\n", "\n")
        if category(char) in ("Cc", "Cf", "Cs") and char not in "\n\t"
    }


def test_chat_shows_reasoning_and_answer_as_text(in_terminal, scripted_openrouter):
    server = scripted_openrouter(
        stream_reply([thinks(WHOLE), chunk({"content": WHOLE}), chunk({}, "stop")])
    )
    seen = in_terminal(server, "chat", typed=["Hello\n", "/quit\n"])

    assert commands_in(seen) == set()
    assert without_style(seen).count(SHOWN) == 2


def test_a_control_sequence_in_pieces_is_text_too(in_terminal, scripted_openrouter):
    pieces = [chunk({"content": piece}) for piece in WHOLE]
    server = scripted_openrouter(stream_reply([*pieces, chunk({}, "stop")]))
    seen = in_terminal(server, "chat", typed=["Hello\n", "/quit\n"])

    assert commands_in(seen) == set()
    assert SHOWN in without_style(seen)


def test_chat_shows_errors_as_text(in_terminal, scripted_openrouter):
    refusal = {"code": 403, "message": WHOLE, "metadata": {"provider_name": WHOLE, "raw": WHOLE}}
    server = scripted_openrouter(json_reply({"error": refusal}, 403))
    seen = in_terminal(server, "chat", typed=["Hello\n", "/quit\n"])

    assert commands_in(seen) == set()
    assert SHOWN in seen


ENDPOINTS = json_reply(
    {
        "data": {
            "endpoints": [
                {"tag": WHOLE, "provider_name": WHOLE, "quantization": WHOLE},
                {"tag": "two\nlines", "supported_parameters": [WHOLE]},
            ]
        }
    }
)


def test_doctor_shows_answers_and_names_as_text(in_terminal, scripted_openrouter):
    weather = {"tool_calls": [call(WHOLE, json.dumps({"city": WHOLE}), 0, "call_1")]}
    person = {"content": json.dumps({"name": WHOLE, "age": 36})}
    server = scripted_openrouter(
        ENDPOINTS,
        json_reply({"data": {"limit_remaining": 1}}),
        ENDPOINTS,
        stream_reply([chunk({"content": WHOLE}, provider=WHOLE), chunk({}, "stop")]),
        json_reply({**response_body(weather, "tool_calls"), "provider": WHOLE}),
        json_reply({**response_body(person), "provider": WHOLE}),
    )
    seen = in_terminal(server, "doctor")

    assert commands_in(seen) == set()
    assert without_style(seen).count(SHOWN) >= 4


def test_doctor_shows_a_check_in_one_line(in_terminal, scripted_openrouter):
    name = "Z.AI\nworks  tool call  0.10 s  get_weather"
    stream = stream_reply([chunk({"content": "one"}, "stop", provider=name)])
    no = json_reply({"error": {"code": 400, "message": "no"}}, 400)
    server = scripted_openrouter(ENDPOINTS, json_reply({"data": {}}), ENDPOINTS, stream, no)
    seen = in_terminal(server, "doctor")

    lines = without_style(seen).splitlines()
    assert [line[:5] for line in lines if line[7:].startswith("tool call")] == ["fails"]


MODELS = ["a/b[/x]", f"z-ai/{WHOLE[:40]}"]
COMMANDS = [
    *(["--model", model] for model in MODELS),
    ["--json"],
    ["--model", "z-ai/unknown"],
    ["a", WHOLE.replace("\x00", "").encode(errors="ignore").decode()],
]
ACTIONS = ["warnings.warn(text)", "logging.error(text)", "1 / 0", "raise RuntimeError(text)"]
END = "That was all of it."
PROVIDERS_OFTEN = f"""
import contextlib, logging, warnings
from glm_openrouter.cli import _providers, main as run
text = {WHOLE!r}

def main(_):
    for arguments in {COMMANDS!r}:
        with contextlib.suppress(SystemExit):
            run(["providers", *arguments])
        print({END!r})
    for action in {ACTIONS!r}:
        _providers.Client = lambda **_: exec(action)
        run(["providers"])
        print({END!r})
"""


@pytest.fixture(scope="module")
def providers_shown():
    """What `providers` shows each time, on one terminal: an interpreter for each would take most of the time."""
    refusal = json_reply({"error": {"code": 404, "message": WHOLE}}, 404)
    with ScriptedServer(
        [lambda asked: refusal if "unknown" in asked.path else ENDPOINTS]
    ) as server:
        _, seen = run_in_terminal(
            [],
            code=PROVIDERS_OFTEN,
            OPENROUTER_API_KEY="sk-or-v1-of-a-test",
            OPENROUTER_API_BASE=server.base_url,
            COLUMNS="1000",
        )
    *parts, rest = seen.split(f"{END}\r\n")
    assert rest == ""
    names = [*MODELS, "--json", "refused", "wrong arguments", *ACTIONS]
    return dict(zip(names, parts, strict=True))


@pytest.mark.parametrize("model", MODELS)
def test_providers_shows_entries_and_the_model_as_text(providers_shown, model):
    seen = providers_shown[model]

    assert commands_in(seen) == set()
    assert "Traceback" not in seen
    assert SHOWN in seen
    assert "two lines" in seen


def test_json_of_providers_is_the_same_without_control_characters(providers_shown):
    seen = providers_shown["--json"]

    assert commands_in(seen) == set()
    received = json.loads(json.dumps(WHOLE)).replace("\ud800", "\ufffd")
    assert received in [row["tag"] for row in json.loads(seen)]


def test_errors_on_stderr_are_text(providers_shown):
    seen = providers_shown["refused"]

    assert commands_in(seen) == set()
    assert SHOWN in seen


def test_arguments_that_are_wrong_are_shown_as_text(providers_shown):
    seen = providers_shown["wrong arguments"]

    assert "unrecognized arguments" in seen
    assert commands_in(seen) == set()


@pytest.mark.parametrize("action", ACTIONS)
def test_warnings_logs_and_tracebacks_are_text(providers_shown, action):
    seen = providers_shown[action]

    assert "Traceback" in seen
    assert commands_in(seen) == set()


def test_an_unexpected_error_has_exit_code_1(monkeypatch, capsys):
    monkeypatch.setattr("glm_openrouter.cli._providers.Client", None)

    assert main(["providers"]) == 1
    assert "TypeError" in capsys.readouterr().err


def test_examples_print_text(monkeypatch, capsys):
    from examples import demo, langchain_chain

    text = WHOLE.encode(errors="ignore").decode()
    monkeypatch.setattr(langchain_chain, "main", lambda: sys.stdout.write(text))
    demo.run_part("langchain_chain")

    out = capsys.readouterr().out
    assert SHOWN in out
    assert commands_in(out) == set()


def test_lines_of_examples_break_between_words_on_a_terminal(monkeypatch, capsys):
    from examples import demo, langchain_chain

    text = "Tea came to Lisbon, and was sold there by apothecaries."
    monkeypatch.setattr(langchain_chain, "main", lambda: sys.stdout.write(text) and None)
    monkeypatch.setattr(demo, "console", Console(force_terminal=True, width=20))
    demo.run_part("langchain_chain")

    lines = without_style(capsys.readouterr().out).splitlines()
    assert lines[-3:] == ["Tea came to Lisbon,", "and was sold there", "by apothecaries."]
