"""The files that `glm-openrouter batch` reads and writes."""

import json
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from .conftest import REVIEWS, read_jsonl, write_jsonl


def write_parquet(name, rows):
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), name)


def test_rows_of_csv_are_asked_about(batch):
    Path("in.csv").write_text('\ufeffid,text\n1,"tea, ""green""\nor black"\n\n2,coffee\n')

    assert batch("--in-flight", "1", rows="in.csv") == 0
    assert batch.asked == ['Label: tea, "green"\nor black', "Label: coffee"]


def test_a_field_of_csv_may_be_long(batch):
    batch.answer_with(lambda words: "Yes")
    Path("in.csv").write_text(f"text\n{'tea ' * 50_000}\n")

    assert batch(rows="in.csv") == 0


def test_rows_of_parquet_are_asked_about(batch):
    write_parquet("in.parquet", [{"id": 1, "text": "tea", "day": date(2026, 1, 2)}])

    assert batch(rows="in.parquet", prompt="{text} {day}") == 0
    assert batch.asked == ["tea 2026-01-02"]
    assert read_jsonl("labels.jsonl")[0]["day"] == "2026-01-02"


def test_empty_lines_and_a_byte_order_mark_are_no_rows(batch):
    Path("reviews.jsonl").write_text('\ufeff{"text": "tea"}\n\n   \n{"text": "coffee"}')

    assert batch("--in-flight", "1") == 0
    assert batch.asked == ["Label: tea", "Label: coffee"]


@pytest.mark.parametrize(
    ("name", "written", "problem"),
    [
        ("in.jsonl", b'{"text": "tea"}\n{"text": \n', "in.jsonl, line 2: no JSON object"),
        ("in.jsonl", b'{"text": "tea"}\n["tea"]\n', "in.jsonl, line 2: no JSON object"),
        ("in.jsonl", b'{"text": "tea"}\n{"text": "\xff"}\n', "in.jsonl, line 2: no JSON object"),
        ("in.csv", b"text,n\ntea,1\ncoffee\n", "in.csv, line 3: 1 fields"),
        ("in.csv", b'text\ntea\n"coffee\n', "in.csv, line 3: no CSV"),
        ("in.csv", b"text\ntea\n\xff\n", "in.csv"),
        ("in.csv", b"text,text\ntea,1\n", "more than one column 'text'"),
        ("in.parquet", b"text", "no Parquet"),
        ("in.txt", b"text", "in.txt is none of .jsonl, .ndjson, .csv, .parquet"),
    ],
)
def test_what_cannot_be_read_is_named_before_anything_is_sent(batch, name, written, problem):
    Path(name).write_bytes(written)

    assert batch(rows=name) == 2
    assert problem in batch.err
    assert batch.asked == []


@pytest.mark.parametrize("damage", [b"no JSON\n", b'{"id": "\xff"}\n', b"[]\n"])
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("labels.jsonl", "labels.jsonl, line 1, is no row of this command"),
        (
            "labels.jsonl.job",
            "labels.jsonl is there, but no labels.jsonl.job that says what was asked",
        ),
    ],
)
def test_a_damaged_output_is_refused_before_anything_is_sent(batch, name, problem, damage):
    assert batch() == 0
    Path(name).write_bytes(damage)

    assert batch() == 2
    assert problem in batch.err
    assert batch.asked == []


def test_an_input_that_is_not_there_is_named(batch):
    assert batch(rows="nothing.jsonl") == 1
    assert "nothing.jsonl" in batch.err


def test_an_output_of_another_kind_is_refused(batch):
    assert batch(to="labels.csv") == 2
    assert "labels.csv is none of .jsonl, .ndjson, .parquet" in batch.err


def test_the_input_is_not_overwritten(batch):
    assert batch(to="reviews.jsonl") == 2
    assert read_jsonl("reviews.jsonl") == REVIEWS


def test_a_table_is_made_of_the_lines_once_all_rows_are_asked_about(batch):
    assert batch(to="labels.parquet") == 0

    rows = pyarrow.parquet.read_table("labels.parquet").to_pylist()
    assert rows == read_jsonl("labels.parquet.jsonl")
    assert {row["id"] for row in rows} == {"a", "b", "c", "d"}


def test_a_table_goes_on_too(batch):
    batch("--limit", "3", to="labels.parquet")

    assert batch(to="labels.parquet") == 0
    assert batch.asked == ["Label: It came late."]
    assert pyarrow.parquet.read_table("labels.parquet").num_rows == 4


def test_columns_that_only_later_rows_have_are_in_the_table(batch):
    rows = [{"id": n, "text": "tea", **({"late": n} if n == 1500 else {})} for n in range(1501)]
    from glm_openrouter.cli._batch.parquet import write_parquet as convert

    write_jsonl("lines.jsonl", rows)
    convert(Path("lines.jsonl"), Path("table.parquet"))

    table = pyarrow.parquet.read_table("table.parquet")
    assert table.num_rows == 1501
    assert table["late"].to_pylist()[-1] == 1500


def test_answers_of_different_types_make_no_table_and_are_kept(batch):
    Path("any.json").write_text(json.dumps({"type": ["object", "string"]}))
    batch.answer_with(lambda words: '{"mood": 1}' if "blue" in words else '"fine"')

    assert batch("--schema", "any.json", to="labels.parquet") == 2
    assert "All of them are in labels.parquet.jsonl" in batch.err
    assert len(read_jsonl("labels.parquet.jsonl")) == 4


@pytest.mark.parametrize("names", [{"rows": "in.parquet"}, {"to": "out.parquet"}])
def test_parquet_without_pyarrow_names_the_extra(batch, monkeypatch, names):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    assert batch(**names) == 1
    assert 'pip install "glm-openrouter[bulk]"' in batch.err


def test_without_parquet_no_extra_is_needed(batch, monkeypatch):
    for name in ("pyarrow", "pyarrow.parquet", "rich", "rich.console", "rich.live"):
        monkeypatch.setitem(sys.modules, name, None)

    assert batch() == 0
