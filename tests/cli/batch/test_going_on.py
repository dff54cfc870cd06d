"""`glm-openrouter batch` goes on where it stopped, whatever stopped it."""

import fcntl
import json
import re
import stat
from pathlib import Path

import pytest

from glm_openrouter.cli._batch.tally import say_usd
from glm_openrouter.testing import ErrorAnswer, Hold, text_reply
from support.terminal import run_in_terminal

from .conftest import REVIEWS, read_jsonl, write_jsonl

PERSON = {
    "type": "object",
    "properties": {"mood": {"enum": ["good", "bad"]}},
    "required": ["mood"],
}


def ids(name="labels.jsonl"):
    return sorted(row["id"] for row in read_jsonl(name))


def test_every_row_comes_out_with_its_answer(batch):
    assert batch() == 0

    rows = {row["id"]: row for row in read_jsonl("labels.jsonl")}
    assert rows["b"] == {
        "id": "b",
        "text": "I love it.",
        "answer": "You said: Label: I love it.",
        "error": None,
        "cost": rows["b"]["cost"],
    }
    assert rows.keys() == {"a", "b", "c", "d"}
    assert all(row["cost"] > 0 for row in rows.values())


def test_the_same_command_again_asks_nothing(batch):
    batch()
    before = Path("labels.jsonl").read_bytes()

    assert batch() == 0
    assert batch.asked == []
    assert Path("labels.jsonl").read_bytes() == before


def test_new_rows_of_the_input_are_asked_about(batch):
    batch()
    write_jsonl("reviews.jsonl", [*REVIEWS, {"id": "e", "text": "It is loud."}])

    assert batch() == 0
    assert batch.asked == ["Label: It is loud."]
    assert ids() == ["a", "b", "c", "d", "e"]


def test_a_torn_last_line_is_cut_off_and_done_again(batch):
    batch()
    whole = Path("labels.jsonl").read_bytes()
    torn = json.loads(whole.splitlines()[-1])["id"]
    Path("labels.jsonl").write_bytes(whole[:-9])

    assert batch() == 0
    assert ids() == ["a", "b", "c", "d"]
    assert read_jsonl("labels.jsonl")[-1]["id"] == torn


def test_what_was_paid_for_and_not_written_is_not_paid_for_again(batch):
    batch()
    Path("labels.jsonl").write_bytes(Path("labels.jsonl").read_bytes()[:-9])
    batch()

    assert batch.asked == []
    assert "1 replayed from the journal" in batch.out


def test_the_journal_beside_the_output_is_for_its_owner_alone(batch):
    batch()

    assert stat.S_IMODE(Path("labels.jsonl.journal").stat().st_mode) == 0o600


@pytest.mark.parametrize("status", [401, 402])
def test_what_would_fail_all_rows_ends_the_run_and_fails_none(batch, status):
    batch.answer_with(
        lambda words: ErrorAnswer(status, "No.") if "blue" in words else f"You said: {words}"
    )
    assert batch("--in-flight", "1") == 1

    assert ids() == ["a", "b"]
    assert not Path("labels.jsonl.failed").exists()
    assert f"[OpenRouter] {status}" in batch.err or str(status) in batch.err
    assert "same command goes on" in batch.out


def test_what_ended_a_run_once_is_gone_with_the_next(batch):
    batch.answer_with(lambda words: ErrorAnswer(402, "No.") if "blue" in words else "Yes")
    batch("--in-flight", "1")
    batch.answer_with(lambda words: "Yes")

    assert batch("--in-flight", "1") == 0
    assert batch.asked == ["Label: It is blue.", "Label: It came late."]
    assert ids() == ["a", "b", "c", "d"]


def fail_for_blue(words):
    return ErrorAnswer(400, "Blue is not allowed.") if "blue" in words else f"You said: {words}"


def test_a_row_that_fails_stands_beside_the_output_with_its_error(batch):
    batch.answer_with(fail_for_blue)
    assert batch() == 3

    (row,) = read_jsonl("labels.jsonl.failed")
    assert (row["id"], row["text"], row["attempt"], row["cost"]) == ("c", "It is blue.", 0, 0.0)
    assert row["error"].keys() == {"type", "message", "retryable", "status_code", "raw"}
    assert (row["error"]["type"], row["error"]["status_code"]) == ("BadRequestError", 400)
    assert ids() == ["a", "b", "d"]
    assert "1 failed" in batch.out
    assert "1 BadRequestError" in batch.out


def test_what_failed_is_tried_first_and_no_longer_there_once_it_is_done(batch):
    batch.answer_with(fail_for_blue)
    batch("--limit", "3")
    batch.answer_with("You said: {}".format)

    assert batch("--in-flight", "1") == 0
    assert batch.asked == ["Label: It is blue.", "Label: It came late."]
    assert ids() == ["a", "b", "c", "d"]
    assert not Path("labels.jsonl.failed").exists()


def test_what_fails_again_stands_there_once_and_counts_its_attempts(batch):
    batch.answer_with(fail_for_blue)
    batch()
    assert batch() == 3

    (row,) = read_jsonl("labels.jsonl.failed")
    assert (row["id"], row["attempt"]) == ("c", 1)


def test_a_torn_last_line_of_what_failed_is_cut_off(batch):
    batch.answer_with(lambda words: ErrorAnswer(400, "No."))
    batch("--limit", "2", "--in-flight", "1")
    whole = Path("labels.jsonl.failed").read_bytes()
    Path("labels.jsonl.failed").write_bytes(whole[:-9])

    assert batch("--in-flight", "1") == 3
    attempts = {row["id"]: row["attempt"] for row in read_jsonl("labels.jsonl.failed")}
    assert attempts == {"a": 1, "b": 0, "c": 0, "d": 0}


def test_what_failed_can_be_left_alone(batch):
    batch.answer_with(fail_for_blue)
    batch()

    assert batch("--keep-failed") == 3
    assert batch.asked == []
    assert [row["id"] for row in read_jsonl("labels.jsonl.failed")] == ["c"]


@pytest.fixture
def labelling(batch):
    """The command with a schema; what it returns is called with the answer of the model."""
    Path("label.json").write_text(json.dumps(PERSON))
    write_jsonl("reviews.jsonl", REVIEWS[:1])

    def run(answer):
        batch.answer_with(lambda words: answer)
        return batch("--schema", "label.json")

    return run


def test_an_answer_that_does_not_fit_is_asked_for_anew_with_the_next_run(batch, labelling):
    assert labelling('{"mood": "blue"}') == 3
    assert labelling('{"mood": "bad"}') == 0

    assert read_jsonl("labels.jsonl")[0]["answer"] == {"mood": "bad"}


def test_the_cost_of_a_row_is_that_of_all_attempts(batch, labelling):
    labelling('{"mood": "blue"}')
    (failed,) = read_jsonl("labels.jsonl.failed")
    labelling('{"mood": "bad"}')
    (done,) = read_jsonl("labels.jsonl")

    assert done["cost"] > failed["cost"] > 0


def test_an_answer_that_is_cut_off_is_a_failure(batch):
    batch.answer_with(lambda words: "It is a very long story, " * 20)

    assert batch("--max-tokens", "16", "--no-reasoning") == 3
    errors = {row["error"]["type"] for row in read_jsonl("labels.jsonl.failed")}
    assert errors == {"UnusableAnswerError"}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"prompt": "What of this: {text}"}, "prompt"),
        ({"options": ["--system", "Be brief."]}, "system prompt"),
        ({"options": ["--model", "z-ai/glm-4.6"]}, "model"),
        ({"options": ["--max-tokens", "9000"]}, "max_tokens"),
        ({"options": ["--schema", "label.json"]}, "schema"),
        ({"options": ["--id", "number"]}, "id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_job_on_the_same_output_is_refused(batch, changed, named):
    rows = [{"text": row["text"], "number": at} for at, row in enumerate(REVIEWS)]
    write_jsonl("reviews.jsonl", rows)
    Path("label.json").write_text(json.dumps(PERSON))
    batch()
    before = Path("labels.jsonl").read_bytes()

    assert batch(*changed.pop("options", ()), **changed) == 2
    assert f"another {named}" in batch.err
    assert batch.asked == []
    assert Path("labels.jsonl").read_bytes() == before


def test_a_file_that_is_not_from_here_is_left_alone(batch):
    Path("labels.jsonl").write_text('{"id": 1}\nmy notes')

    assert batch() == 2
    assert "labels.jsonl.job" in batch.err
    assert batch.asked == []
    assert Path("labels.jsonl").read_text() == '{"id": 1}\nmy notes'


def test_a_line_that_cannot_be_read_ends_it_with_its_number(batch):
    batch()
    lines = Path("labels.jsonl").read_text().splitlines()
    Path("labels.jsonl").write_text("\n".join([lines[0], "oops", *lines[2:]]) + "\n")

    assert batch() == 2
    assert "labels.jsonl, line 2" in batch.err


def test_a_second_run_on_the_same_output_is_refused(batch):
    batch()
    with open("labels.jsonl", "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        assert batch() == 2
    assert "Another run is writing labels.jsonl" in batch.err


def cost_of(name):
    return sum(row["cost"] for row in read_jsonl(name))


def test_a_budget_that_is_used_up_ends_it_with_an_exit_code(batch):
    batch("--limit", "1", to="one.jsonl")
    enough_for_two = 2.5 * cost_of("one.jsonl")

    assert batch("--in-flight", "1", "--budget", str(enough_for_two)) == 4
    assert 1 <= len(ids()) < 4
    assert cost_of("labels.jsonl") <= enough_for_two
    assert not Path("labels.jsonl.failed").exists()
    assert "with a larger --budget goes on" in batch.out


def test_a_budget_is_for_all_runs_together(batch):
    batch("--limit", "2")
    spent = cost_of("labels.jsonl")

    assert batch("--budget", str(spent)) == 4
    assert batch.asked == []
    assert batch("--budget", "1") == 0


def test_on_a_terminal_there_is_a_bar_and_ctrl_c_says_how_to_go_on(batch, scripted_openrouter):
    server = scripted_openrouter(text_reply("Fine."), text_reply("Fine."), (Hold(),))
    code, seen = run_in_terminal(
        ["batch", "reviews.jsonl", "labels.jsonl", "--prompt", "Label: {text}", "--budget", "5"],
        pressed={"50 %": "\x03"},
        OPENROUTER_API_BASE=server.base_url,
        COLUMNS="80",
    )

    assert code == 130
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen))
    assert "50 %  2 of 4" in "".join(lines)
    assert max(map(len, lines)) <= 80
    assert [
        line.partition("done.")[0] + "done." if "done." in line else line
        for line in lines
        if "command" in line or "rows are done" in line
    ] == ["2 of 4 rows are done.", "The same command goes on from there."]
    assert len(read_jsonl("labels.jsonl")) == 2


def test_where_there_is_no_terminal_the_output_is_a_few_lines(batch):
    batch()

    assert batch.out.splitlines() == [
        f"4 of 4 rows are done. {say_usd(cost_of('labels.jsonl'))} USD."
    ]


def test_tries_that_are_made_again_are_not_spoken_of(batch, caplog):
    seen = set()

    def fail_first(words):
        first = words not in seen
        seen.add(words)
        return ErrorAnswer(503, "Overloaded.", retry_after=0) if first else "Fine."

    batch.answer_with(fail_first)
    assert batch() == 0
    assert len(batch.asked) == 8
    assert caplog.records == []
