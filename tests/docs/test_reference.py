"""The reference documents everything public, once, and nothing else."""

import importlib
import re

import pytest

from support.pages import ROOT

PUBLIC = [
    "glm_openrouter",
    "glm_openrouter.adapters",
    "glm_openrouter.batch",
    "glm_openrouter.structured",
    "glm_openrouter.telemetry",
    "glm_openrouter.testing",
    "glm_openrouter.tokens",
    "langchain_glm",
    "llamaindex_glm",
]
PAGES = sorted((ROOT / "docs" / "reference").glob("*.md"))
DOCUMENTED = [
    path for page in PAGES for path in re.findall(r"^::: (\S+)$", page.read_text(), re.MULTILINE)
]


def value_of(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_nothing_is_documented_twice():
    assert sorted(DOCUMENTED) == sorted(set(DOCUMENTED))


@pytest.mark.parametrize("module", PUBLIC)
def test_everything_public_is_documented(module):
    names = importlib.import_module(module).__all__
    elsewhere = {id(value_of(path)) for path in DOCUMENTED if not path.startswith(f"{module}.")}
    missing = [
        name
        for name in names
        if f"{module}.{name}" not in DOCUMENTED
        and id(value_of(f"{module}.{name}")) not in elsewhere
    ]
    assert missing == []


def test_what_is_documented_is_there():
    assert [path for path in DOCUMENTED if value_of(path) is None] == []
