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


def test_the_pages_and_the_pictures_are_those_of_the_figures():
    written = {path: path.read_text() for path in [*draw.PAGES, *draw.PICTURES.glob("*.svg")]}

    assert written == draw.outputs(), "`make figures` makes them anew."


def test_every_picture_and_every_table_is_on_the_page():
    marks = draw.MARKED.findall(draw.PAGES[-1].read_text())

    assert [name for _, kind, name, *_ in marks if kind == "picture"] == [*draw.DRAWN]
    assert {(script, table) for _, kind, script, table, _ in marks if kind == "figures"} >= {
        (path.stem, table)
        for path in _figures.FOLDER.glob("*.json")
        for table in json.loads(path.read_text())["tables"]
    }


def test_a_drawing_says_its_figures_in_words(folder):
    rows = {"bare aiohttp": {"streams": 1088}, "ChatGLM.astream": {"streams": 99}}
    table = {"columns": {"streams": "streams"}, "rows": rows, "beside": "", "compared": None}
    (folder / "concurrency.json").write_text(json.dumps({"tables": {"held": table}}))

    light, dark = (draw.held().svg(theme) for theme in ("light", "dark"))
    words = "50 chunks a second each; more is better. bare aiohttp: 1,088. ChatGLM.astream: 99"
    assert f'<desc id="desc">{words}</desc>' in light
    assert light != dark
    assert "{" not in light
    assert f'alt="Streams that a core holds: {words}"' in draw.embedded("held", "docs")
