"""`glm-openrouter providers --compare`: the endpoints of a model, measured side by side."""

import json

import pytest

from glm_openrouter.cli import main
from glm_openrouter.testing import bytes_reply, error_reply, json_reply
from support.terminal import run_in_terminal, without_style
from support.wire import USAGE, call, calls, event_stream, finishes, says, uses

PRICES = {"prompt": "0.00000043", "completion": "0.00000175"}
TOOLS = ["tools", "reasoning", "max_tokens"]
RIGHT = '{"city": "Paris"}'


def endpoint(tag, **more):
    row = {"tag": tag, "provider_name": tag.title(), "supported_parameters": TOOLS}
    return {**row, "pricing": PRICES, **more}


@pytest.fixture
def start(scripted_openrouter, monkeypatch):
    """Return a function that starts a server with some endpoints, each of which answers as told, and returns it."""

    def serve(rows, answer):
        def reply(request):
            if request.method == "GET":
                return json_reply({"data": {"endpoints": rows}})
            return answer(request.body["provider"]["only"][0], request.body)

        server = scripted_openrouter(reply)
        monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-of-a-test")
        monkeypatch.setenv("OPENROUTER_API_BASE", server.base_url)
        return server

    return serve


def said(text="A lighthouse"):
    return bytes_reply(event_stream(says(text), finishes(), uses("B")))


def called(*arguments, name="get_weather"):
    entries = [call(name, each, index, f"call_{index}") for index, each in enumerate(arguments)]
    return bytes_reply(event_stream(calls(*entries), finishes("tool_calls"), uses("B")))


def well(tag, body):
    return called(RIGHT) if "tools" in body else said()


def measured(capsys, *arguments):
    main(["providers", "--compare", "--yes", "--json", *arguments])
    return {row["endpoint"]: row for row in json.loads(capsys.readouterr().out)}


def posted(server):
    return [request.body for request in server.requests if request.method == "POST"]


def test_offline_every_endpoint_is_measured(capsys):
    assert main(["providers", "--compare", "--offline", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)

    assert {row["endpoint"] for row in rows} > {"venice/fp4", "z-ai/fp8"}
    for row in rows:
        assert row["tool_call"] == "right"
        assert row["error"] is None
        assert min(row["seconds_to_first_token"], row["tokens_per_second"], row["cost"]) > 0


def test_each_call_is_pinned_to_its_endpoint(start, capsys):
    server = start([endpoint("a"), endpoint("b")], well)
    measured(capsys)

    pins = [body["provider"] for body in posted(server)]
    assert sorted(pin["only"] for pin in pins) == [["a"], ["a"], ["b"], ["b"]]
    assert all(pin["allow_fallbacks"] is False for pin in pins)
    assert {body["model"] for body in posted(server)} == {"z-ai/glm-4.6"}


@pytest.mark.parametrize(
    ("reply", "judged"),
    [
        (called(RIGHT), "right"),
        (called('{"city": "Rome"}'), "wrong"),
        (called('{"town": "Paris"}'), "wrong"),
        (called('{"city": 5}'), "wrong"),
        (called('{"city": "Paris"'), "wrong"),
        (called(RIGHT, RIGHT), "wrong"),
        (called(RIGHT, name="get_time"), "wrong"),
        (said("It is sunny."), "none"),
    ],
)
def test_a_tool_call_is_judged(start, capsys, reply, judged):
    start([endpoint("a")], lambda tag, body: reply if "tools" in body else said())

    assert measured(capsys)["a"]["tool_call"] == judged


def test_an_endpoint_without_tools_is_asked_for_none(start, capsys):
    server = start([endpoint("a", supported_parameters=[])], well)

    assert measured(capsys)["a"]["tool_call"] == "no tools"
    assert len(posted(server)) == 1


def test_an_endpoint_that_fails_is_a_row(start, capsys):
    def answer(tag, body):
        return error_reply(429, "slow down") if tag == "bad" else well(tag, body)

    server = start([endpoint("bad"), endpoint("good")], answer)
    rows = measured(capsys)

    assert list(rows) == ["good", "bad"]
    assert rows["bad"]["error"] == "RateLimitError"
    assert "slow down" in rows["bad"]["message"]
    assert len(posted(server)) == 3  # nothing is tried again


def test_it_fails_if_no_endpoint_answers(start):
    start([endpoint("a")], lambda tag, body: error_reply(500, "broken"))

    assert main(["providers", "--compare", "--yes"]) == 1


def test_those_that_call_tools_rightly_come_first(start, capsys):
    fast = uses("B", {**USAGE, "completion_tokens": 1_000_000})

    def answer(tag, body):
        if tag == "a":
            return bytes_reply(event_stream(says("A lighthouse"), finishes(), fast))
        return well(tag, body)

    start([endpoint("a"), endpoint("b")], answer)

    assert list(measured(capsys)) == ["b", "a"]


def test_the_prompt_may_be_ones_own(start, capsys, tmp_path):
    server = start([endpoint("a")], well)
    (tmp_path / "question.txt").write_text("Which way to the harbour?\n")
    measured(capsys, "--prompt", f"@{tmp_path}/question.txt")

    questions = [body["messages"][0]["content"] for body in posted(server)]
    assert questions[-1] == "Which way to the harbour?"


def test_a_budget_ends_what_would_pass_it(start, capsys):
    server = start([endpoint("a")], well)
    rows = measured(capsys, "--budget", "0.0000001")

    assert rows["a"]["error"] == "BudgetExceededError"
    assert len(posted(server)) <= 1


def test_without_a_terminal_and_without_yes_nothing_is_sent(start, capsys):
    server = start([endpoint("a"), endpoint("b")], well)

    assert main(["providers", "--compare"]) == 2
    err = capsys.readouterr().err
    assert "each of 2 endpoints cost at most about 0.003059 USD" in err
    assert "--yes" in err
    assert posted(server) == []


@pytest.mark.parametrize(("typed", "sent"), [("y\n", 2), ("n\n", 0), ("\n", 0)])
def test_a_terminal_is_asked(start, typed, sent):
    server = start([endpoint("a")], well)
    code, seen = run_in_terminal(
        ["providers", "--compare"],
        typed=[typed],
        OPENROUTER_API_KEY="sk-or-v1-of-a-test",
        OPENROUTER_API_BASE=server.base_url,
    )

    assert code == 0
    assert "1 endpoint cost at most about 0.001530 USD" in without_style(seen)
    assert ("Nothing was sent." in seen) == (sent == 0)
    assert len(posted(server)) == sent


def test_unknown_prices_are_told_before(start, capsys):
    start([endpoint("a", pricing=None), endpoint("b")], well)
    main(["providers", "--compare", "--budget", "0.01"])

    err = capsys.readouterr().err
    assert "without 1 of them whose prices are not known" in err
    assert "the budget ends them at 0.0100 USD" in err


def test_its_options_need_it(capsys):
    assert main(["providers", "--offline", "--yes"]) == 2
    assert "--compare" in capsys.readouterr().err


def test_a_model_that_nobody_serves_is_an_error(start, capsys):
    start([], well)

    assert main(["providers", "--compare", "--yes"]) == 1
    assert "Nobody serves" in capsys.readouterr().err


def test_the_table_fits_and_names_errors(start, capsys, monkeypatch):
    monkeypatch.setattr("glm_openrouter.cli._common._PIPED_WIDTH", 80)
    monkeypatch.setenv("COLUMNS", "80")
    long = "a-provider-with-a-long-name/fp8"
    start(
        [endpoint("good/fp8"), endpoint(long)],
        lambda tag, body: error_reply(503, "busy \x1b[31m") if tag == long else well(tag, body),
    )
    assert main(["providers", "--compare", "--yes"]) == 0

    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out
    assert "InternalServerError" in out
    assert f"{long}: [OpenRouter] busy" in out
