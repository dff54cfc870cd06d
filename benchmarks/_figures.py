"""What the scripts measured, as data: `figures/*.json`, from which `draw.py` makes the tables and the pictures.

A script has one file, in which each of its tables has a date. All of a file is from one machine, with one Python and
one set of packages, so whatever stands in it may be compared.
"""

import argparse
import datetime
import json
import math
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from _measure import HERE, print_table

FOLDER = HERE / "figures"
PACKAGES = (
    "aiohttp",
    "glm-openrouter",
    "httpx",
    "langchain-core",
    "langchain-litellm",
    "langchain-openai",
    "langchain-openrouter",
    "litellm",
    "llama-index-core",
    "llama-index-embeddings-openai",
    "llama-index-llms-openrouter",
    "openai",
    "openrouter",
    "pydantic",
)

Rows = dict[str, dict[str, float]]
"""Row -> column -> the median."""


@dataclass(frozen=True)
class Table:
    """Figures that stand beside each other.

    Attributes:
        columns: Key -> what stands above it.
        rows: Row -> key -> the median; a figure that is missing leaves its cell empty.
        beside: The row that the others are compared with; or which, for each row.
        compared: The columns in which factors are shown; all of them if `None`.
    """

    columns: dict[str, str]
    rows: Rows
    beside: str | dict[str, str] = ""
    compared: list[str] | None = None

    def cells(self) -> list[list[str]]:
        """Return the table as text, its head first."""
        return [["", *self.columns.values()], *([row, *self._row(row)] for row in self.rows)]

    def factor(self, row: str, column: str, beside: str = "") -> float:
        """Return how many times as much it is as in the row that it is compared with."""
        return self.rows[row][column] / self.rows[beside or self._floor(row)][column]

    def _row(self, row: str) -> list[str]:
        return [self._cell(row, column) for column in self.columns]

    def _cell(self, row: str, column: str) -> str:
        if column not in self.rows[row]:
            return ""
        text = show(self.rows[row][column])
        is_compared = self.compared is None or column in self.compared
        if is_compared and column in self.rows.get(self._floor(row), {}):
            return f"{text} ({show_factor(self.factor(row, column))}x)"
        return text

    def _floor(self, row: str) -> str:
        return self.beside if isinstance(self.beside, str) else self.beside.get(row, "")


def show(value: float) -> str:
    """Return a figure with three digits that count, or an integer as it is."""
    if isinstance(value, int) or value == 0:
        return f"{value:,}"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def show_factor(factor: float) -> str:
    return f"{factor:.2f}" if factor < 10 else f"{factor:.0f}"


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add `--write`."""
    parser.add_argument(
        "--write", action="store_true", help="keep the figures in benchmarks/figures"
    )


class Figures:
    """The figures of a script: each table is printed, and kept with `--write`.

    Args:
        name: The script, without `.py`.
        options: Its options; all but `only` and `write` are noted with the figures.

    Raises:
        SystemExit: A part is to be kept beside figures of another machine, Python or set of packages.
    """

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        self._path = FOLDER / f"{name}.json"
        self._is_kept = options.write
        given = {key: value for key, value in vars(options).items() if key not in _NOT_NOTED}
        self._run = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "load": round(os.getloadavg()[0], 1),
            "options": given,
        }
        self._file = {"conditions": conditions(), "tables": {}}
        if self._is_kept and options.only and self._path.exists():
            self._go_on_with(json.loads(self._path.read_text()))

    def _go_on_with(self, old: dict[str, Any]) -> None:
        if old["conditions"] != self._file["conditions"]:
            sys.exit(
                f"{self._path.name} has figures of another machine, Python or set of packages: "
                "measure all of them, without --only, or leave out --write."
            )
        self._file = old

    def add(self, name: str, title: str, table: Table) -> None:
        """Print a table; with `--write`, put its figures in the place of those that are kept."""
        print(f"{title}\n")
        head, *rows = table.cells()
        print_table(head, rows)
        if not self._is_kept:
            return
        old = self._file["tables"].get(name, {"columns": {}, "rows": {}})
        merged = {
            row: {**old["rows"].get(row, {}), **_rounded(table.rows.get(row, {}))}
            for row in {**old["rows"], **table.rows}
        }
        self._file["tables"][name] = {
            "title": title,
            **self._run,
            "beside": table.beside,
            "compared": table.compared,
            "columns": {**old["columns"], **table.columns},
            "rows": merged,
        }
        FOLDER.mkdir(exist_ok=True)
        self._path.write_text(json.dumps(self._file, indent=1, ensure_ascii=False) + "\n")


_NOT_NOTED = ("only", "write", "child")


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {
        key: value if isinstance(value, int) else float(f"{value:.4g}")
        for key, value in figures.items()
    }


def conditions() -> dict[str, Any]:
    """Return what figures depend on: the machine, Python, the packages."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "machine": f"{os.cpu_count()} cores of {_processor()}",
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def read(name: str) -> dict[str, Any]:
    """Return what is kept of a script."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def read_table(name: str, table: str) -> Table:
    """Return a table that is kept."""
    kept = read(name)["tables"][table]
    return Table(kept["columns"], kept["rows"], kept["beside"], kept["compared"])
