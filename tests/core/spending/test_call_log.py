"""Each call inside a block with a log is a line of a file, with figures and names and nothing else."""

import json
import os
import stat
import subprocess
import sys
import threading

import pytest

from glm_openrouter import (
    APIError,
    ChatRequest,
    InvalidRequestError,
    Journal,
    StreamInterruptedError,
    track_spend,
)
from glm_openrouter.spending.report import read_log_report
from glm_openrouter.testing import json_reply, stream_reply
from support.wire import FACTS, USAGE, error, finishes, response_body, says, uses

ANSWER = stream_reply([says("Pier "), says("two."), finishes(), uses("B")])
WHOLE = json_reply(response_body({"content": "Pier two."}))
QUESTION = "Which pier has the red crane?"
REQUEST = ChatRequest(messages=[{"role": "user", "content": QUESTION}])

both = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])


@pytest.fixture
def log(tmp_path):
    return tmp_path / "calls.jsonl"


def lines(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


@both
def test_a_line_says_what_a_call_used_and_how_it_ended(run, scripted_openrouter, log, streamed):
    server = scripted_openrouter(ANSWER if streamed else WHOLE)
    with track_spend(log=log):
        run.either(streamed, server.base_url, REQUEST)
    (line,) = lines(log)
    first = line["seconds_to_first_token"]

    assert line == {
        "time": line["time"],
        "operation": "chat",
        "model": FACTS["model"],
        "provider": FACTS["provider"],
        "id": FACTS["id"],
        "prompt_tokens": USAGE["prompt_tokens"],
        "cached_tokens": USAGE["prompt_tokens_details"]["cached_tokens"],
        "completion_tokens": USAGE["completion_tokens"],
        "reasoning_tokens": USAGE["completion_tokens_details"]["reasoning_tokens"],
        "cost": USAGE["cost"],
        "seconds": line["seconds"],
        "seconds_to_first_token": first,
        "finish_reason": "stop",
        "streamed": True,
        "tries": 1,
        "error": None,
        "cached": False,
        "replayed": False,
    }
    assert first is None or 0 < first <= line["seconds"]


def test_a_line_has_no_content_and_no_key(run, scripted_openrouter, log):
    server = scripted_openrouter(ANSWER)
    with track_spend(log=log):
        run.complete(server.base_url, REQUEST)

    written = log.read_text()
    assert QUESTION not in written
    assert "Pier" not in written
    assert "sk-or" not in written


def test_a_new_log_can_be_read_by_its_owner_alone(log):
    track_spend(log=log)

    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_call_that_fails_has_a_line_with_its_error(run, scripted_openrouter, log):
    server = scripted_openrouter(json_reply(error(400, "Bad"), 400))
    with track_spend(log=log), pytest.raises(APIError):
        run.complete(server.base_url, REQUEST)

    assert [(line["error"], line["tries"]) for line in lines(log)] == [("BadRequestError", 1)]


def test_a_call_that_breaks_off_keeps_what_it_knew(run, scripted_openrouter, log):
    server = scripted_openrouter(stream_reply([says("Pier ")], done=False))
    with track_spend(log=log), pytest.raises(StreamInterruptedError):
        run.stream(server.base_url, REQUEST)

    (line,) = lines(log)
    assert line["id"] == FACTS["id"]
    assert line["cost"] is None


def test_calls_outside_the_block_have_no_line(run, scripted_openrouter, log):
    server = scripted_openrouter(ANSWER, ANSWER)
    with track_spend(log=log):
        run.complete(server.base_url, REQUEST)
    run.complete(server.base_url, REQUEST)

    assert len(lines(log)) == 1


def test_blocks_inside_each_other_with_one_file_write_one_line(run, scripted_openrouter, log):
    server = scripted_openrouter(ANSWER)
    with track_spend(log=log), track_spend(log=str(log)):
        run.complete(server.base_url, REQUEST)

    assert len(lines(log)) == 1


def test_a_replayed_answer_has_a_line_and_costs_nothing(run, scripted_openrouter, log, tmp_path):
    server = scripted_openrouter(ANSWER)
    with Journal(tmp_path / "journal.db") as journal:
        for _ in range(2):
            with track_spend(log=log), journal.row("1"):
                run.complete(server.base_url, REQUEST)
    first, second = lines(log)

    assert (first["replayed"], second["replayed"]) == (False, True)
    assert (second["cost"], second["tries"], second["id"]) == (0.0, 0, first["id"])


def test_threads_and_processes_write_whole_lines(log):
    script = (
        "import sys, threading\n"
        "from glm_openrouter import Completion\n"
        "from glm_openrouter.spending.call_log import CallLog, describe_replay\n"
        "log = CallLog(sys.argv[1])\n"
        "call = describe_replay(Completion(model='m' * 200, provider='p' * 200))\n"
        "def write():\n"
        "    for _ in range(50): log.write(call)\n"
        "threads = [threading.Thread(target=write) for _ in range(4)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, str(log)]) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]

    report = read_log_report(log)
    assert (report.total.replayed, report.skipped) == (400, 0)


def test_a_log_that_cannot_be_written_is_refused_at_once(tmp_path):
    with pytest.raises(InvalidRequestError, match="cannot be written"):
        track_spend(log=tmp_path / "missing" / "calls.jsonl")


def test_an_answer_arrives_though_its_line_cannot_be_written(run, scripted_openrouter, log, caplog):
    server = scripted_openrouter(ANSWER)
    with track_spend(log=log) as spend:
        os.remove(log)
        log.mkdir()
        assert run.complete(server.base_url, REQUEST).text == "Pier two."

    assert spend.total.calls == 1
    assert "was not written" in caplog.text


def test_a_log_stays_where_it_is_when_the_folder_changes(
    run, scripted_openrouter, tmp_path, monkeypatch
):
    server = scripted_openrouter(ANSWER)
    monkeypatch.chdir(tmp_path)
    with track_spend(log="calls.jsonl"):
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        run.complete(server.base_url, REQUEST)

    assert len(lines(tmp_path / "calls.jsonl")) == 1


def test_a_thread_that_enters_the_block_writes_to_its_log(run, scripted_openrouter, log):
    server = scripted_openrouter(ANSWER)
    spend = track_spend(log=log)

    def work():
        with spend:
            run.complete(server.base_url, REQUEST)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(lines(log)) == 1
