"""No regular expression of ours takes more than linear time, whatever it reads."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from glm_openrouter import _secrets, tokens

from .counting import OURS
from .patterns import problems

ALLOWED = {
    tokens._PIECE.pattern: "one of its alternatives takes what another gave up",
    tokens._HUMP.pattern: "gives back one letter at most",
    _secrets._PATTERNS.pattern: "what follows `://` is read once: it cannot begin within itself",
}
"""Expressions that are linear although they do not look it, or read what nobody else writes, and why."""

NOT_LOOKED_AT = ("glm_openrouter.__main__", "glm_openrouter.ray", "glm_openrouter.testing")
"""The servers for tests read what the tests of their user send; Ray need not be here."""

AT_ONE_PLACE = ("match", "fullmatch")


class Expression(NamedTuple):
    """An expression, where it is, and how it is used."""

    where: str
    pattern: str
    flags: int
    searched: bool


def modules() -> Iterator[ModuleType]:
    for name in OURS:
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not found.name.startswith(NOT_LOOKED_AT):
                yield importlib.import_module(found.name)


def expressions() -> Iterator[Expression]:
    for module in modules():
        source = Path(module.__file__ or "").read_text()
        for holder in (module, *_classes(module)):
            for name, value in vars(holder).items():
                if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                    yield Expression(
                        f"{module.__name__}.{name}",
                        value.pattern,
                        value.flags,
                        _searches(name, source),
                    )
        yield from _written_in_place(module.__name__, ast.parse(source))


def _classes(module: ModuleType) -> Iterator[type]:
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield value


def _searches(name: str, source: str) -> bool:
    """Return whether an expression is used in any way but at one place of a text."""
    ways = set(re.findall(rf"\b{name}\.(\w+)", source))
    return not ways or not ways <= set(AT_ONE_PLACE)


def _written_in_place(where: str, tree: ast.AST) -> Iterator[Expression]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        first, used = node.args[0], ast.unparse(node.func)
        if (
            used.startswith("re.")
            and isinstance(first, ast.Constant)
            and isinstance(first.value, str)
        ):
            flags = re.DOTALL if "DOTALL" in ast.unparse(node) else 0
            searched = used.removeprefix("re.") not in AT_ONE_PLACE
            if used != "re.compile":
                yield Expression(f"{where}:{used}", first.value, flags, searched)


EXPRESSIONS = [*expressions()]


@pytest.mark.parametrize("found", EXPRESSIONS, ids=lambda found: found.where)
def test_an_expression_is_linear(found: Expression) -> None:
    if found.pattern not in ALLOWED:
        assert not problems(found.pattern, found.flags, searched=found.searched), found.pattern


def test_every_exception_is_needed() -> None:
    patterns = {found.pattern for found in EXPRESSIONS}
    assert patterns >= ALLOWED.keys()
    assert all(problems(pattern, re.DOTALL) for pattern in ALLOWED)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\s*\n\s*```",
        r"<arg_key>(.*?)</arg_key>",
        r"<[^>]*>",
        r"<title[^>]*>(.*?)</title>",
        r"(a+)+$",
        r"```[\w-]*\s*\n(.*?)```",
        r"\s+$",
    ],
)
def test_slow_expressions_are_found(pattern: str) -> None:
    assert problems(pattern, re.DOTALL)


@pytest.mark.parametrize(
    "pattern", [r"</?tool_call>", r"`+|~{3,}", r"\{(?=\s*[\"}])", r"[^a-z]+", r"\d{1,3}x"]
)
def test_linear_expressions_are_not(pattern: str) -> None:
    assert not problems(pattern, re.DOTALL)


def test_expressions_are_looked_at() -> None:
    assert len(EXPRESSIONS) > 20
