"""`glm-openrouter chat`: a conversation in the terminal."""

import io
import sys
import textwrap

import pytest

from glm_openrouter.cli import main
from glm_openrouter.testing import Hold, json_reply, stream_reply
from support.terminal import run_in_terminal, without_style
from support.wire import USAGE, chunk, response_body, thinks

ANSWER = stream_reply(
    [thinks("Short."), chunk({"content": "Left."}), chunk({}, "stop", usage=USAGE)]
)


class Typed(io.StringIO):
    """What somebody types at a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def talk(monkeypatch, capsys):
    """Run `chat` with lines that a user types, and return the exit code and what is seen."""

    def run(server, *lines, options=()):
        monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-of-a-test")
        monkeypatch.setenv("OPENROUTER_API_BASE", server.base_url)
        monkeypatch.setattr("sys.stdin", Typed("".join(f"{line}\n" for line in lines)))
        code = main(["chat", *options])
        return code, capsys.readouterr().out

    return run


@pytest.fixture
def pipe(monkeypatch, capsys):
    """Run `chat` with something on standard input, and return the exit code, the output and the errors."""

    def run(server, text, *options):
        monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-of-a-test")
        monkeypatch.setenv("OPENROUTER_API_BASE", server.base_url)
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        code = main(["chat", *options])
        return code, *capsys.readouterr()

    return run


def last_question(server):
    return server.requests[-1].body["messages"][-1]["content"]


# A conversation


def test_it_shows_the_answer(talk, scripted_openrouter):
    code, out = talk(scripted_openrouter(ANSWER), "Which way?", "/quit")

    assert code == 0
    assert "> Left.\n" in out


def test_the_first_lines_name_the_model_its_place_and_how_to_leave(talk, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    _, out = talk(server, "/quit", options=["--model", "z-ai/glm-5"])

    title, help_line = out.splitlines()[:2]
    assert title == f"z-ai/glm-5 at {server.base_url}"
    assert "/help" in help_line
    assert "Ctrl-D leaves" in help_line


def test_the_first_line_says_that_it_is_offline(talk, scripted_openrouter):
    _, out = talk(scripted_openrouter(ANSWER), "/quit", options=["--offline"])

    assert "offline" in out.splitlines()[0]


def test_an_answer_is_followed_by_the_cost_so_far(talk, scripted_openrouter):
    _, out = talk(scripted_openrouter(ANSWER), "Which way?", "And then?", "/quit")

    costs = [line.split()[1] for line in out.splitlines() if line.endswith(" USD so far.")]
    cost = USAGE["cost"]
    assert [float(each) for each in costs] == pytest.approx([cost, 2 * cost], abs=1e-6)


def test_it_remembers_what_was_said_and_thought(talk, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    talk(server, "Which way?", "And then?", options=["--system", "You know ports."])

    detail = {"type": "reasoning.text", "text": "Short.", "format": "unknown", "index": 0}
    assert server.requests[1].body["messages"] == [
        {"role": "system", "content": "You know ports."},
        {"role": "user", "content": "Which way?"},
        {"role": "assistant", "content": "Left.", "reasoning_details": [detail]},
        {"role": "user", "content": "And then?"},
    ]


def test_clear_begins_a_new_conversation(talk, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    talk(server, "Which way?", "/clear", "And then?", options=["--system", "You know ports."])

    first, second = (request.body for request in server.requests)
    assert [message["role"] for message in second["messages"]] == ["system", "user"]
    assert first["session_id"] != second["session_id"]


def test_help_lists_the_commands_and_asks_nothing(talk, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    _, out = talk(server, "/help", "/quit")

    assert [command for command in ("/help", "/clear", "/quit", "Ctrl-C") if f"\n{command}" in out]
    assert server.requests == []


def test_a_command_that_does_not_exist_asks_nothing(talk, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    _, out = talk(server, "/cler", "/quit")

    assert "There is no /cler." in out
    assert server.requests == []


def test_a_question_may_begin_with_a_path(talk, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    talk(server, "/etc/hosts", "/tmp is what?")

    asked = [request.body["messages"][-1]["content"] for request in server.requests]
    assert asked == ["/etc/hosts", "/tmp is what?"]


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


@pytest.mark.parametrize("end", ["/quit", "exit", None], ids=["command", "word", "Ctrl-D"])
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


def test_thinking_that_looked_like_text_is_not_remembered(talk, scripted_openrouter):
    pieces = [chunk({"content": "Hm, left."}), chunk({"content": "</think>Right and"})]
    server = scripted_openrouter(stream_reply(pieces, done=False), ANSWER)
    talk(server, "Which way?", "And then?")

    assert server.requests[1].body["messages"][1] == {"role": "assistant", "content": "Right and"}


def test_an_answer_that_was_cut_off_says_so(talk, scripted_openrouter):
    cut = stream_reply([chunk({"content": "Left and"}), chunk({}, "length")])
    _, out = talk(scripted_openrouter(cut), "Which way?", "/quit")

    assert "cut off (finish reason: length)" in out


# One question


@pytest.mark.parametrize(
    ("text", "options", "question"),
    [
        ("", ["Which way?"], "Which way?"),
        ("", ["Which", "way?"], "Which way?"),
        ("Which way?\nAnd why?\n", [], "Which way?\nAnd why?"),
        ("The map.\n", ["Sum this up:", "-"], "Sum this up: \nThe map."),
    ],
    ids=["argument", "words", "stdin", "both"],
)
def test_a_question_is_answered_and_that_is_all(pipe, scripted_openrouter, text, options, question):
    server = scripted_openrouter(ANSWER)

    assert pipe(server, text, *options) == (0, "Left.\n", "")
    assert last_question(server) == question


def test_standard_input_is_left_alone_where_there_is_a_question(pipe, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    pipe(server, "a file that others want to read", "Which way?")

    assert sys.stdin.read() == "a file that others want to read"


def test_without_a_question_the_arguments_are_wrong(pipe, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    code, out, err = pipe(server, " \n")

    assert (code, out) == (2, "")
    assert "there is no question" in err
    assert server.requests == []


def test_an_error_has_exit_code_1_and_is_no_answer(pipe, scripted_openrouter):
    refusal = json_reply({"error": {"code": 403, "message": "Flagged"}}, 403)
    code, out, err = pipe(scripted_openrouter(refusal), "", "Something bad")

    assert (code, out) == (1, "")
    assert "Flagged (403)" in err


def test_an_empty_answer_has_exit_code_1(pipe, scripted_openrouter):
    empty = stream_reply([thinks("Hm."), chunk({}, "length")])
    code, out, err = pipe(scripted_openrouter(empty), "", "Which way?")

    assert (code, out) == (1, "")
    assert "The answer is empty (finish reason: length)." in err


def test_without_a_key_it_names_the_offline_server(monkeypatch, capsys):
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)

    assert main(["chat", "Which way?"]) == 1
    assert "--offline" in capsys.readouterr().err


# On a terminal


def test_reasoning_and_answer_are_set_apart(in_terminal, scripted_openrouter):
    seen = in_terminal(scripted_openrouter(ANSWER), "chat", "Which way?")

    assert without_style(seen) == "Short.\r\n\r\nLeft.\r\n"
    styled, _, plain = seen.partition("\x1b[0m")  # before or after the line break, as rich likes
    assert styled.startswith("\x1b[2mShort.")
    assert plain.strip() == "Left."


def test_lines_break_between_words(in_terminal, scripted_openrouter):
    text = "The second lighthouse on the left is where you turn to the harbour."
    pieces = [chunk({"content": text[at : at + 3]}) for at in range(0, len(text), 3)]
    server = scripted_openrouter(stream_reply([*pieces, chunk({}, "stop")]))
    seen = in_terminal(server, "chat", "Which way?", columns=20)

    assert seen.split("\r\n") == [*textwrap.wrap(text, 20), ""]


UP = "\x1b[A"


def test_an_earlier_question_comes_back_also_in_the_next_conversation(
    in_terminal, scripted_openrouter
):
    server = scripted_openrouter(ANSWER)
    in_terminal(server, "chat", typed=["Which way?\n", f"{UP}\n", "/quit\n"])
    in_terminal(server, "chat", typed=[f"{UP}{UP}{UP}\x7f, sir?\n", "/quit\n"])

    asked = [request.body["messages"][-1]["content"] for request in server.requests]
    assert asked == ["Which way?", "Which way?", "Which way, sir?"]


def test_lines_that_are_pasted_together_are_one_question(in_terminal, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    paste = "\x1b[200~Which way?\nAnd why?\x1b[201~\n"
    seen = in_terminal(server, "chat", typed=[paste, "/quit\n"])

    assert "\x1b[?2004h" in seen  # asks the terminal to mark what is pasted
    assert [last_question(server), len(server.requests)] == ["Which way?\nAnd why?", 1]


def test_ctrl_d_leaves_and_ctrl_c_clears_the_line(in_terminal, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    code, seen = run_in_terminal(
        ["chat"],
        typed=["Which ", "\x04"],
        pressed={"Which ": "\x03"},
        OPENROUTER_API_KEY="sk-or-v1-of-a-test",
        OPENROUTER_API_BASE=server.base_url,
    )

    assert code == 0
    assert "Ctrl-D leaves" in seen.rpartition("Which ")[2]
    assert server.requests == []


def test_ctrl_c_stops_the_answer_and_keeps_what_came(scripted_openrouter):
    endless = stream_reply([chunk({"content": "Left and "}), Hold()], done=False)
    server = scripted_openrouter(endless, ANSWER)
    code, seen = run_in_terminal(
        ["chat"],
        typed=["Which way?\n", "And then?\n", "/quit\n"],
        pressed={"Left and": "\x03"},
        OPENROUTER_API_KEY="sk-or-v1-of-a-test",
        OPENROUTER_API_BASE=server.base_url,
    )

    assert code == 0
    assert "Stopped." in seen
    assert "in part estimated" in seen
    assert server.connections[0].wait_closed()
    assert server.requests[1].body["messages"][1] == {"role": "assistant", "content": "Left and "}
