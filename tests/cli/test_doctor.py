"""`glm-openrouter doctor`: what works, what does not, and what to do."""

import pytest

from glm_openrouter.cli import main
from glm_openrouter.testing import OfflineServer, ScriptedServer, json_reply

CHECKS = ["network", "key", "model", "stream", "tool call", "structured output"]
KEY = "sk-or-v1-a-secret-of-a-test"


@pytest.fixture
def examine(monkeypatch, capsys):
    """Run `doctor` against a server, and return the exit code and what is seen."""

    def run(base_url=None, *options, key=KEY):
        monkeypatch.setenv("OPENROUTER_API_KEY", key)
        if base_url:
            monkeypatch.setenv("OPENROUTER_API_BASE", base_url)
        code = main(["doctor", *options])
        return code, capsys.readouterr().out

    return run


def outcomes(out):
    """Return what was checked, and whether it works."""
    found = {}
    for line in out.splitlines():
        mark, _, rest = line.partition("  ")
        for name in CHECKS:
            if mark in ("works", "fails") and rest.startswith(name):
                found[name] = mark == "works"
    return found


def line_of(out, name):
    return next(line for line in out.splitlines() if line[7:].startswith(name))


def test_offline_everything_works(examine):
    code, out = examine(None, "--offline")

    assert code == 0
    assert outcomes(out) == dict.fromkeys(CHECKS, True)


def test_each_check_shows_its_time(examine):
    _, out = examine(None, "--offline")

    for name in CHECKS:
        seconds, unit = line_of(out, name)[24:].split()[:2]
        assert float(seconds) >= 0
        assert unit == "s"


def test_it_says_what_it_cost(examine):
    _, out = examine(None, "--offline")

    assert " USD, 3 calls" in out.splitlines()[-1]


def test_the_model_can_be_chosen(examine, offline_openrouter):
    examine(offline_openrouter.base_url, "--model", "z-ai/glm-4.7")

    models = {request.body["model"] for request in offline_openrouter.requests if request.body}
    assert models == {"z-ai/glm-4.7"}


def test_a_model_that_retires_is_told(examine, offline_openrouter):
    _, out = examine(offline_openrouter.base_url, "--model", "z-ai/glm-4.7")
    assert "OpenRouter retires z-ai/glm-4.7 on 2026-12-31" in " ".join(out.split())

    _, out = examine(offline_openrouter.base_url)
    assert "retires" not in out


def test_without_a_key_it_says_where_to_get_one(monkeypatch, capsys):
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)

    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert outcomes(out) == {"key": False}
    assert "https://openrouter.ai/settings/keys" in out


def test_a_wrong_key_ends_it(examine):
    with OfflineServer(api_key="sk-or-v1-another") as server:
        code, out = examine(server.base_url)

    assert code == 1
    assert outcomes(out) == {"network": True, "key": False}
    assert "Make a key" in out


def test_a_network_that_does_not_work_ends_it(examine):
    code, out = examine("http://127.0.0.1:1/api/v1")

    assert code == 1
    assert outcomes(out) == {"network": False}
    assert "Check the network" in out


def test_an_unknown_model_is_the_one_cause_that_is_shown(examine, offline_openrouter):
    code, out = examine(offline_openrouter.base_url, "--model", "z-ai/glm-9.9")

    assert code == 1
    assert outcomes(out) == {"network": True, "key": True, "model": False}
    assert "Check the model id" in out


def test_a_failure_has_a_hint_below_it(examine, offline_openrouter):
    _, out = examine(offline_openrouter.base_url, "--model", "z-ai/glm-9.9")

    lines = out.splitlines()
    hint = lines[lines.index(line_of(out, "model")) + 1]
    assert hint.startswith(" " * 24)
    assert "Check the model id" in hint


def test_on_a_narrow_terminal_what_is_said_stays_in_its_column(examine, monkeypatch):
    monkeypatch.setattr("glm_openrouter.cli._common._PIPED_WIDTH", 60)
    monkeypatch.setenv("COLUMNS", "60")
    _, out = examine(None, "--offline")

    lines = out.splitlines()
    stream = lines.index(line_of(out, "stream"))
    assert lines[stream + 1].startswith(" " * 24)
    assert lines[stream + 1].rstrip().endswith("from Venice")


def replies(answer):
    """A server that knows the key and the model, and gives the same answer to each question."""
    endpoints = json_reply(
        {"data": {"endpoints": [{"tag": "z-ai", "supported_parameters": ["tools"]}]}}
    )
    key = json_reply({"data": {"limit_remaining": 3.25}})
    return [endpoints, key, endpoints, answer]


def says(text):
    message = {"role": "assistant", "content": text}
    return json_reply({"choices": [{"message": message, "finish_reason": "stop"}]})


def test_an_answer_without_a_call_fails_the_tool_call(examine):
    with ScriptedServer(replies(says('{"name": "Ada Lovelace", "age": 36}'))) as server:
        code, out = examine(server.base_url)

    assert code == 1
    assert outcomes(out) == {**dict.fromkeys(CHECKS, True), "tool call": False}
    assert "No tool was called" in out


def test_an_answer_that_does_not_fit_fails_the_structured_output(examine):
    with ScriptedServer(replies(says("Ada Lovelace, of course."))) as server:
        _, out = examine(server.base_url)

    assert outcomes(out)["structured output"] is False
    assert "did not keep to the schema" in out


def test_it_says_what_the_key_may_spend(examine):
    with ScriptedServer(replies(says("Hm."))) as server:
        _, out = examine(server.base_url)

    assert "3.25 USD left" in line_of(out, "key")


def test_an_empty_balance_names_the_page_for_credits(examine):
    poor = json_reply({"error": {"code": 402, "message": "Insufficient credits."}}, 402)
    with ScriptedServer(replies(poor)) as server:
        _, out = examine(server.base_url)

    assert "https://openrouter.ai/settings/credits" in out


def test_an_error_is_not_tried_again_and_ends_it(examine):
    busy = json_reply({"error": {"code": 503, "message": "Overloaded"}}, 503)
    with ScriptedServer(replies(busy)) as server:
        _, out = examine(server.base_url)

        assert list(outcomes(out)) == CHECKS[:4]
        assert len(server.requests) == 4


@pytest.mark.parametrize("options", [[], ["--offline"]])
def test_the_key_is_never_shown(examine, options):
    with OfflineServer(api_key="sk-or-v1-another") as server:
        _, out = examine(server.base_url, *options)

    assert KEY not in out
    assert KEY[-6:] not in out
