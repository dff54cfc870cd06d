"""The table in README that compares integrations: its rows, and what it says of ours, are what the benchmark finds."""

import re
from pathlib import Path

import pytest
from _claims import CLAIMS, Claim
from _compared import OURS, PEERS

from support.at_once import at_once

README = (Path(__file__).parents[2] / "README.md").read_text()
MEASURED_BY_TIME = {"Import, over the framework's own", "CPU of a streamed chunk, times ours"}
"""Rows whose figures come from `stream.py` and `imports.py`."""


def _read_table() -> dict[str, list[str]]:
    """Return the rows: what happens -> the cells, ours first."""
    start = README.index("| | here |")
    lines = README[start : README.index("\n\n", start)].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {label: cells for label, *cells in rows}


TABLE = _read_table()


def test_the_table_has_a_row_for_each_claim_of_the_benchmark():
    rows = [*TABLE][2:]

    assert [row for row in rows if row not in MEASURED_BY_TIME] == [c.label for c in CLAIMS]


def test_the_table_has_a_column_for_each_contender():
    columns = [re.sub(r"\W", "", cell) for cell in TABLE[""]]

    assert columns == ["here", *PEERS]
    assert {len(cells) for cells in TABLE.values()} == {len(columns)}


@pytest.mark.filterwarnings("default")  # a call that is repaired or left out warns
@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.is_quick], ids=lambda c: c.label)
def test_what_the_table_says_of_ours_is_so(claim: Claim):
    def look(name: str) -> None:
        contender = OURS[name]()
        is_asked = isinstance(contender, claim.is_for)
        assert claim.look_at(contender) == (TABLE[claim.label][0] if is_asked else "")

    at_once(look, OURS)  # some of what is looked at has to wait
