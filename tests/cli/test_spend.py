"""`glm-openrouter spend`: what calls have cost."""

import json

import pytest

from glm_openrouter.cli import main

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
