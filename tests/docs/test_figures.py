"""What the benchmarks measured is kept as data: a part takes its place among what was measured alike."""

import argparse
import json

import _figures
import draw
import pytest
from _figures import Figures, Table


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(_figures, "FOLDER", tmp_path)
    return tmp_path


def measure(table, *, only=None, write=True):
    options = argparse.Namespace(only=only, write=write, repeat=3)
    Figures("stream", options).add("langchain", "LangChain", table)


def kept(folder):
    return json.loads((folder / "stream.json").read_text())["tables"]["langchain"]


BOTH = Table({"text": "text: us", "call": "call: us"}, {"ours": {"text": 9.0, "call": 500.0}})
CALL = Table({"call": "call: us"}, {"ours": {"call": 400.0}})


def test_a_part_takes_its_place_among_the_others(folder):
    measure(BOTH)
    measure(CALL, only=["call"])

    assert kept(folder)["rows"] == {"ours": {"text": 9.0, "call": 400.0}}
    assert kept(folder)["options"] == {"repeat": 3}


def test_a_part_is_refused_beside_figures_of_another_machine(folder, monkeypatch):
    measure(BOTH)
    monkeypatch.setattr(_figures, "conditions", lambda: {"machine": "another"})

    with pytest.raises(SystemExit, match="measure all of them"):
        measure(CALL, only=["call"])
    measure(CALL)
    assert kept(folder)["rows"] == {"ours": {"call": 400.0}}


def test_without_write_nothing_is_kept(folder, capsys):
    measure(BOTH, write=False)

    assert list(folder.iterdir()) == []
    assert "| ours | 9.00     | 500      |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0731, "0.0731"), (9.14, "9.14"), (7218.4, "7,218"), (1088, "1,088")]
)
def test_a_figure_has_three_digits_that_count(value, shown):
    assert _figures.show(value) == shown


def test_the_page_and_the_drawings_are_those_of_the_figures():
    made = {path: path.read_text() for path in [draw.PAGE, *draw.PICTURES.glob("*.svg")]}

    assert made == draw.outputs(), "`make figures` makes them anew."


def test_a_drawing_says_its_figures_in_words(folder, monkeypatch):
    monkeypatch.setattr(draw, "FOLDER", folder)
    rows = {"bare aiohttp": {"streams": 1088}, "ChatGLM.astream": {"streams": 99}}
    table = {"rows": rows, "columns": {"streams": "streams"}, "beside": "", "compared": None}
    facts = {"machine": "2 cores", "python": "3.11.7", "versions": {"httpx": "0.28.1"}}
    measured = {**table, "title": "Held", "date": "2026-12-01", "load": 0.1}
    (folder / "concurrency.json").write_text(
        json.dumps({"conditions": facts, "tables": {"held": measured}})
    )

    light, dark, page = draw.outputs().values()
    words = "50 chunks a second each; more is better. bare aiohttp: 1,088. ChatGLM.astream: 99"
    assert f'<desc id="desc">{words}</desc>' in light
    assert light != dark
    assert "{" not in light
    assert f'alt="Streams that a core holds: {words}"' in page
    assert "| ChatGLM.astream | 99 |" in page
