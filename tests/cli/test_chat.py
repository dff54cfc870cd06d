"""`glm-openrouter chat`: a conversation in the terminal."""

import io
import os
import signal
import subprocess
import sys

import pytest

from glm_openrouter.cli import main
from glm_openrouter.testing import Hold, json_reply, stream_reply
from support.wire import USAGE, chunk, response_body, thinks

ANSWER = stream_reply(
    [thinks("Short."), chunk({"content": "Left."}), chunk({}, "stop", usage=USAGE)]
)


@pytest.fixture
def talk(monkeypatch, capsys):
    """Run `chat` with lines that a user types, and return the exit code and what is seen."""

    def run(server, *lines, options=()):
        monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-of-a-test")
        monkeypatch.setenv("OPENROUTER_API_BASE", server.base_url)
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        code = main(["chat", *options])
        return code, capsys.readouterr().out

    return run


def test_it_shows_the_reasoning_and_the_answer(talk, scripted_openrouter):
    code, out = talk(scripted_openrouter(ANSWER), "Which way?", "/quit")

    assert code == 0
    assert "Short.\n\nLeft.\n" in out


def test_the_prompt_shows_the_cost_so_far(talk, scripted_openrouter):
    _, out = talk(scripted_openrouter(ANSWER), "Which way?", "And then?", "/quit")

    cost = USAGE["cost"]
    prompts = [line.partition(" USD")[0] for line in out.splitlines() if " USD > " in line]
    assert [float(each) for each in prompts] == pytest.approx([0, cost, 2 * cost], abs=1e-6)


def test_it_remembers_what_was_said(talk, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    talk(server, "Which way?", "And then?", options=["--system", "You know ports."])

    assert server.requests[1].body["messages"] == [
        {"role": "system", "content": "You know ports."},
        {"role": "user", "content": "Which way?"},
        {"role": "assistant", "content": "Left."},
        {"role": "user", "content": "And then?"},
    ]


def test_it_is_one_session_without_tools(talk, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    talk(server, "Which way?", "And then?")

    first, second = (request.body for request in server.requests)
    assert first["session_id"] == second["session_id"]
    assert "tools" not in first
    assert first["stream"] is True


def test_the_model_and_the_thinking_can_be_chosen(talk, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    talk(server, "Which way?", options=["--model", "z-ai/glm-5", "--no-reasoning"])

    assert server.requests[0].body["model"] == "z-ai/glm-5"
    assert server.requests[0].body["reasoning"] == {"enabled": False}


@pytest.mark.parametrize("end", ["/quit", None], ids=["quit", "Ctrl-D"])
def test_it_ends_when_the_user_leaves(talk, scripted_openrouter, end):
    server = scripted_openrouter(ANSWER)
    code, _ = talk(server, *filter(None, [end]))

    assert code == 0
    assert server.requests == []


def test_an_empty_line_asks_nothing(talk, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    talk(server, "", "  ", "/quit")

    assert server.requests == []


def test_after_an_error_it_goes_on_without_that_turn(talk, scripted_openrouter):
    refusal = json_reply({"error": {"code": 403, "message": "Flagged"}}, 403)
    server = scripted_openrouter(refusal, ANSWER)
    _, out = talk(server, "Something bad", "Which way?", "/quit")

    assert "Flagged (403)" in out
    assert "Left." in out
    assert server.requests[1].body["messages"] == [{"role": "user", "content": "Which way?"}]


def test_text_that_looks_like_markup_is_shown_as_it_is(talk, scripted_openrouter):
    reply = stream_reply([response_body({"content": "Take [bold]this[/bold] way."})])
    _, out = talk(scripted_openrouter(reply), "Which way?", "/quit")

    assert "Take [bold]this[/bold] way." in out


def test_ctrl_c_stops_the_answer_and_keeps_what_came(scripted_openrouter):
    endless = stream_reply([chunk({"content": "Left and"}), Hold()], done=False)
    server = scripted_openrouter(endless, ANSWER)
    variables = {
        **os.environ,
        "OPENROUTER_API_KEY": "sk-or-v1-of-a-test",
        "OPENROUTER_API_BASE": server.base_url,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "glm_openrouter", "chat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=variables,
    ) as process:
        process.stdin.write("Which way?\n")
        process.stdin.flush()
        seen = ""
        while "Left and" not in seen:
            seen += process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate("And then?\n/quit\n")

    assert process.returncode == 0
    assert "[stopped]" in rest
    assert server.connections[0].wait_closed()
    assert server.requests[1].body["messages"][1] == {"role": "assistant", "content": "Left and"}
