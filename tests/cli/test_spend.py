"""`glm-openrouter spend`: what calls have cost."""

import json
import sys

import pytest

from glm_openrouter.cli import main
from glm_openrouter.testing import json_reply
from support.wire import error

CALL = {
    "time": "2026-11-29T23:30:00Z",
    "operation": "chat",
    "model": "z-ai/glm-4.6",
    "provider": "Z.AI",
    "prompt_tokens": 100,
    "cached_tokens": 50,
    "completion_tokens": 60,
    "cost": 0.25,
    "seconds": 3.0,
    "seconds_to_first_token": 1.0,
}


@pytest.fixture
def log(tmp_path):
    """Return a function that writes a log and returns its path."""

    def write(*lines):
        path = tmp_path / "calls.jsonl"
        written = (line if isinstance(line, str) else json.dumps(line) for line in lines)
        path.write_text("\n".join(written) + "\n")
        return str(path)

    return write


def read(capsys, path):
    assert main(["spend", path, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_it_sums_up_by_model_and_provider(log, capsys):
    report = read(capsys, log(CALL, {**CALL, "provider": "Venice", "cost": 1.5}, CALL))

    assert [(row["provider"], row["calls"], row["cost"]) for row in report["by_provider"]] == [
        ("Venice", 1, 1.5),
        ("Z.AI", 2, 0.5),
    ]
    assert (report["total"]["cost"], report["total"]["cache_hit_rate"]) == (2.0, 0.5)


def test_it_sums_up_by_day_of_utc(log, capsys):
    later = {**CALL, "time": "2026-11-29T23:30:00-02:00"}
    report = read(capsys, log(later, CALL))

    assert [row["day"] for row in report["by_day"]] == ["2026-11-29", "2026-11-30"]


def test_speeds_are_medians_of_answers_that_came_in_parts(log, capsys):
    slow = {**CALL, "seconds": 7.0, "seconds_to_first_token": 5.0, "completion_tokens": 20}
    whole = {**CALL, "seconds_to_first_token": None}
    failed = {**CALL, "seconds_to_first_token": 90.0, "error": "APITimeoutError"}
    total = read(capsys, log(CALL, CALL, slow, whole, failed))["total"]

    assert (total["seconds_to_first_token"], total["tokens_per_second"]) == (1.0, 30.0)


def test_replays_are_no_calls(log, capsys):
    total = read(capsys, log(CALL, {**CALL, "cost": 0.0, "replayed": True}))["total"]

    assert (total["calls"], total["replayed"], total["prompt_tokens"]) == (1, 1, 100)


def test_lines_that_are_no_call_are_skipped_and_counted(log, capsys):
    foreign = [
        *("", "{", "[]", "null", '{"level": "info"}', "x" * 200_000),
        {**CALL, "cost": -1},
        {**CALL, "time": "yesterday"},
        {**CALL, "prompt_tokens": 1 << 60},
    ]
    report = read(capsys, log(CALL, *foreign, CALL))

    assert (report["total"]["calls"], report["skipped"]) == (2, len(foreign))


def test_a_last_line_that_was_cut_off_is_skipped(tmp_path, capsys):
    path = tmp_path / "calls.jsonl"
    path.write_text(json.dumps(CALL) + "\n" + json.dumps(CALL))

    assert read(capsys, str(path))["skipped"] == 1


def test_a_file_of_something_else_is_refused(log, capsys):
    assert main(["spend", log("Dear diary")]) == 2
    assert "no log of calls" in capsys.readouterr().err


def test_a_log_without_calls_is_empty(log, tmp_path, capsys):
    path = tmp_path / "empty.jsonl"
    path.touch()

    assert read(capsys, str(path))["total"]["calls"] == 0


def test_the_tables_say_it_in_words(log, capsys):
    unknown = {**CALL, "provider": "", "cost": None}
    assert main(["spend", log(CALL, unknown, "{")]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]

    assert ["z-ai/glm-4.6", "Z.AI", "1", "0.250000", "50%", "1.00", "30"] in rows
    assert ["2026-11-29", "2", "0.250000", "50%"] in rows
    assert ["1", "without", "a", "known", "cost,", "which", "no", "sum", "includes"] in rows
    assert ["1", "skipped", "in", "the", "log:", "cut", "off,", "or", "no", "calls"] in rows


def test_names_in_a_log_command_no_terminal(log, capsys):
    main(["spend", log({**CALL, "model": "\x1b[31mred"})])

    assert "\x1b" not in capsys.readouterr().out


def test_a_log_that_is_not_there_is_named(capsys):
    assert main(["spend", "missing.jsonl"]) == 1
    assert "missing.jsonl" in capsys.readouterr().err


def test_without_a_log_the_account_is_asked_for(capsys):
    assert main(["spend"]) == 2
    assert "--account" in capsys.readouterr().err


USED = {"date": "2026-11-29", "provider_name": "Z.AI", "requests": 7, "usage": 0.5}


@pytest.fixture
def account(scripted_openrouter, monkeypatch):
    """Return a function that starts a server for an account with some activity, and returns it."""

    def start(*rows):
        server = scripted_openrouter(
            json_reply({"data": {"total_credits": 10, "total_usage": 2.5}}),
            json_reply({"data": [{**USED, **row} for row in rows]}),
        )
        monkeypatch.setenv("OPENROUTER_API_BASE", server.base_url)
        monkeypatch.setenv("OPENROUTER_MANAGEMENT_KEY", "sk-or-v1-of-management")
        return server

    return start


def test_the_account_stands_beside_the_log(log, account, capsys):
    account({"model": "z-ai/glm-4.6"}, {"date": "2026-11-28", "model": "a/b", "usage": 9})
    assert main(["spend", log(CALL), "--account"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]

    assert ["z-ai/glm-4.6", "Z.AI", "1", "0.250000", "50%", "7", "0.500000"] in rows
    assert ["a/b", "Z.AI", "7", "9.000000"] in rows
    assert ["Total", "1", "0.250000", "50%", "14", "9.500000"] in rows
    assert ["2026-11-28", "7", "9.000000"] in rows
    assert ["2026-11-29", "1", "0.250000", "50%", "7", "0.500000"] in rows
    assert [
        "Credits:",
        "10.00",
        "USD",
        "bought,",
        "2.50",
        "USD",
        "used,",
        "7.50",
        "USD",
        "left.",
    ] in rows


def test_the_account_names_a_model_as_the_log_does(log, account, capsys):
    account({"model": "z-ai/glm-4.6", "model_permaslug": "z-ai/glm-4.6-20250930"})
    main(["spend", log({**CALL, "model": "z-ai/glm-4.6-20250930"}), "--account"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]

    assert [row[-1] for row in rows if row and row[0].startswith("z-ai")] == ["0.500000"]


def test_the_account_can_be_shown_alone(account, capsys):
    account({"model": "z-ai/glm-4.6"})
    assert main(["spend", "--account", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)

    assert list(shown) == ["account"]
    assert shown["account"]["credits"]["remaining"] == 7.5
    assert shown["account"]["by_provider"][0]["requests"] == 7
    assert shown["account"]["by_day"][0]["day"] == "2026-11-29"


def test_the_management_key_is_its_own(account, monkeypatch, capsys):
    server = account({})
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-of-chats")
    main(["spend", "--account"])

    assert {r.headers["authorization"] for r in server.requests} == {
        "Bearer sk-or-v1-of-management"
    }


def test_a_key_of_another_kind_is_refused_in_words(scripted_openrouter, monkeypatch, capsys):
    server = scripted_openrouter(json_reply(error(403, "Only management keys can"), 403))
    monkeypatch.setenv("OPENROUTER_API_BASE", server.base_url)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-of-chats")

    assert main(["spend", "--account"]) == 1
    assert "OPENROUTER_MANAGEMENT_KEY" in capsys.readouterr().err


def test_without_any_key_the_account_is_not_asked(capsys):
    assert main(["spend", "--account"]) == 1
    assert "set OPENROUTER_MANAGEMENT_KEY" in capsys.readouterr().err


def test_offline_there_is_an_account(capsys):
    assert main(["spend", "--account", "--offline"]) == 0
    assert "Venice" in capsys.readouterr().out


def test_the_account_fits_beside_a_log(log, capsys, monkeypatch):
    monkeypatch.setattr("glm_openrouter.cli._common._PIPED_WIDTH", 80)
    monkeypatch.setenv("COLUMNS", "80")
    main(["spend", log(CALL), "--account", "--offline"])

    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "z-ai/glm-4.6  Z.AI " in out


@pytest.mark.parametrize(("name", "begin"), [("plot.svg", b"<?xml"), ("plot.png", b"\x89PNG")])
def test_a_plot_is_drawn_beside_the_tables(log, tmp_path, capsys, name, begin):
    assert main(["spend", log(CALL), "--plot", str(tmp_path / name)]) == 0

    assert "z-ai/glm-4.6" in capsys.readouterr().out
    assert (tmp_path / name).read_bytes().startswith(begin)


@pytest.mark.parametrize(
    "arguments", [["--plot", "plot.svg"], ["calls.jsonl", "--plot", "plot.gif"]]
)
def test_a_plot_needs_a_log_and_a_file_of_its_kind(arguments, capsys):
    assert main(["spend", *arguments]) == 2


def test_without_matplotlib_the_extra_is_named(log, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "glm_openrouter.spending.plot", raising=False)

    assert main(["spend", log(CALL), "--plot", "plot.svg"]) == 1
    assert 'pip install "glm-openrouter[plot]"' in capsys.readouterr().err
