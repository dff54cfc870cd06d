"""What `glm-openrouter batch` asks: prompts with places for columns, schemas, ids."""

import json
import sys
from pathlib import Path

import pytest

from .conftest import REVIEWS, read_jsonl, write_jsonl


def test_braces_are_places_for_columns_or_are_doubled(batch):
    write_jsonl("reviews.jsonl", [{"id": 1, "text": "tea", "a b": 2, "tags": ["x", None]}])

    batch(prompt='{{"{text}"}} {a b} {tags} {{text}}')
    assert batch.asked == ['{"tea"} 2 ["x",null] {text}']


def test_what_a_row_holds_is_text_and_no_template(batch):
    write_jsonl("reviews.jsonl", [{"id": 1, "text": "{secret} {{x}} {0.__class__}", "secret": "s"}])

    batch()
    assert batch.asked == ["Label: {secret} {{x}} {0.__class__}"]


@pytest.mark.parametrize(
    "place", ["texts", "text.__class__", "text!r", "text:>10", "text[0]", "", " text"]
)
def test_a_place_for_no_column_is_refused_with_the_columns(batch, place):
    assert batch(prompt=f"Label: {{{place}}}") == 2
    assert f"{{{place}}}, which is no column. The columns are: id, text." in batch.err
    assert batch.asked == []
    assert not Path("labels.jsonl").exists()


def test_a_place_for_no_column_in_the_system_prompt_is_refused(batch):
    assert batch("--system", "You read {language}.") == 2
    assert "--system has a place for {language}" in batch.err


@pytest.mark.parametrize("prompt", ["Label: {text", "Label: text}", "{te{xt}"])
def test_a_brace_without_its_partner_is_refused(batch, prompt):
    assert batch(prompt=prompt) == 2
    assert "without its partner" in batch.err


def test_a_question_with_nothing_of_the_row_is_refused(batch):
    assert batch(prompt="Label this review.") == 2
    assert "each row would be asked the same" in batch.err
    assert batch.asked == []


def test_a_row_that_lacks_a_column_fails_and_the_others_do_not(batch):
    write_jsonl("reviews.jsonl", [*REVIEWS, {"id": "e"}])

    assert batch() == 3
    (row,) = read_jsonl("labels.jsonl.failed")
    assert row["error"]["message"].startswith("The row has no column 'text'.")
    assert len(read_jsonl("labels.jsonl")) == 4


def test_prompts_come_from_files_with_an_at_sign(batch):
    Path("prompt.txt").write_text("Say ä of {text}\n")
    Path("system.txt").write_text("Be brief.")

    batch("--system", "@system.txt", "--limit", "1", prompt="@prompt.txt")
    (request,) = batch.server.requests
    assert [message["content"] for message in request.body["messages"]] == [
        "Be brief.",
        "Say ä of It broke.",
    ]


def test_a_prompt_file_that_is_not_there_is_named(batch):
    assert batch(prompt="@prompt.txt") == 2
    assert "@prompt.txt cannot be read" in batch.err


SCHEMA = {"type": "object", "properties": {"mood": {"type": "string"}}, "required": ["mood"]}


def test_answers_in_a_schema_are_values_of_json(batch):
    Path("label.json").write_text(json.dumps(SCHEMA))
    batch.answer_with(lambda words: '{"mood": "fine"}')

    assert batch("--schema", "label.json") == 0
    assert {json.dumps(row["answer"]) for row in read_jsonl("labels.jsonl")} == {'{"mood": "fine"}'}


def test_an_answer_that_does_not_fit_its_schema_is_corrected_once(batch):
    Path("label.json").write_text(json.dumps(SCHEMA))
    batch.answer_with(
        lambda words: '{"mood": "fine"}' if "cannot be used" in words else '{"mood": 1}'
    )

    assert batch("--schema", "label.json", "--limit", "1") == 0
    assert len(batch.asked) == 2
    assert read_jsonl("labels.jsonl")[0]["answer"] == {"mood": "fine"}


@pytest.fixture
def module(batch):
    Path("labels_of_mine.py").write_text(
        "from datetime import date\n"
        "from pydantic import BaseModel\n"
        "class Label(BaseModel):\n"
        "    mood: str\n"
        "    day: date = date(2026, 1, 2)\n"
        "SCHEMA = {'type': 'object', 'properties': {'mood': {'type': 'string'}}}\n"
    )
    yield "labels_of_mine"
    sys.modules.pop("labels_of_mine", None)


def test_a_class_of_a_module_in_the_folder_is_a_schema(batch, module):
    batch.answer_with(lambda words: '{"mood": "fine"}')

    assert batch("--schema", f"{module}:Label", "--limit", "1") == 0
    assert read_jsonl("labels.jsonl")[0]["answer"] == {"mood": "fine", "day": "2026-01-02"}


def test_a_dict_of_a_module_is_a_schema(batch, module):
    batch.answer_with(lambda words: '{"mood": "fine"}')

    assert batch("--schema", f"{module}:SCHEMA", "--limit", "1") == 0
    assert read_jsonl("labels.jsonl")[0]["answer"] == {"mood": "fine"}


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ("none.json", "No such file"),
        ("labels_of_mine:Missing", "has no attribute 'Missing'"),
        ("no_such_module:Label", "No module named 'no_such_module'"),
        ("list.json", "Expected `object`"),
        ("odd.json", "Not a JSON schema"),
        (":Label", "Empty module name"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(batch, module, schema, problem):
    Path("list.json").write_text("[]")
    Path("odd.json").write_text('{"type": "no type"}')

    assert batch("--schema", schema) == 2
    assert problem in batch.err
    assert batch.asked == []


def test_rows_without_an_id_are_known_by_line_and_content(batch):
    write_jsonl("reviews.jsonl", [{"text": "same"}, {"text": "same"}])

    batch()
    first, second = sorted(row["id"] for row in read_jsonl("labels.jsonl"))
    assert first.startswith("1-")
    assert second.startswith("2-")
    assert first[2:] == second[2:]


def test_a_column_can_be_the_id(batch):
    write_jsonl("reviews.jsonl", [{"number": 7, "text": "tea"}])

    assert batch("--id", "number") == 0
    assert read_jsonl("labels.jsonl")[0]["id"] == 7


@pytest.mark.parametrize(
    ("rows", "options", "problem"),
    [
        ([{"id": 1, "text": ""}, {"id": "1", "text": ""}], [], "two rows with the id '1'"),
        ([{"id": 1, "text": ""}, {"text": ""}], [], "row 2: 'id' must be text or a whole number"),
        ([{"id": 1.5, "text": ""}], [], "must be text or a whole number, got 1.5"),
        ([{"text": ""}], ["--id", "number"], "no column 'number'. The columns are: text."),
        ([{"text": "", "answer": ""}], [], "a column 'answer'"),
        ([{"text": "", "id": 1, "number": 1}], ["--id", "number"], "a column 'id'"),
        ([], [], "has no rows"),
    ],
)
def test_rows_that_cannot_be_told_apart_are_refused(batch, rows, options, problem):
    write_jsonl("reviews.jsonl", rows)

    assert batch(*options) == 2
    assert problem in batch.err
    assert batch.asked == []


def test_a_limit_takes_the_first_rows(batch):
    assert batch("--limit", "2", "--in-flight", "1") == 0
    assert batch.asked == ["Label: It broke.", "Label: I love it."]


def test_parameters_go_with_each_question(batch):
    batch("--limit", "1", "--model", "z-ai/glm-4.6", "--temperature", "0.5", "--no-reasoning")

    body = batch.server.requests[0].body
    assert (body["model"], body["temperature"]) == ("z-ai/glm-4.6", 0.5)
    assert body["reasoning"] == {"enabled": False}


def test_a_parameter_that_makes_no_sense_is_refused_at_once(batch):
    assert batch("--temperature", "3") == 2
    assert "temperature" in batch.err
    assert batch.asked == []


@pytest.mark.parametrize(
    "options",
    [("--limit", "0"), ("--in-flight", "none"), ("--budget", "-1"), ("--budget", "nan")],
    ids=" ".join,
)
def test_numbers_that_make_no_sense_are_refused(batch, options):
    with pytest.raises(SystemExit) as caught:
        batch(*options)
    assert caught.value.code == 2
