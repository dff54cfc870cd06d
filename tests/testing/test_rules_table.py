"""The table of the rules names what exists."""

import re
from importlib import import_module
from pathlib import Path

from glm_openrouter.testing import _rules

ROOT = Path(__file__).resolve().parents[2]
HELPERS = {"labels", "overlap", "respond", "roles", "schema", "words"}
"""Modules that read no prompt themselves."""


def rows():
    lines = (_rules.__doc__ or "").splitlines()
    begin = next(at for at, line in enumerate(lines) if line.startswith("---"))
    end = lines.index("", begin)
    return [re.split(r"\s{2,}", line.strip()) for line in lines[begin + 1 : end]]


def test_each_row_names_rules_that_exist():
    for _, _, rules, _ in rows():
        for rule in rules.split(", "):
            module, _, function = rule.partition(".")
            found = import_module(f"{_rules.__name__}.{module}")
            assert not function or hasattr(found, function), rule


def test_each_row_names_an_example_or_a_page_that_exists():
    for *_, user in rows():
        path = user if "/" in user else f"examples/{user}"
        assert user == "tests" or (ROOT / path).exists(), user


def test_each_rule_stands_in_the_table():
    modules = {path.stem for path in Path(_rules.__path__[0]).glob("[a-z]*.py")}
    named = {rule.partition(".")[0] for row in rows() for rule in row[2].split(", ")}
    assert named == modules - HELPERS
