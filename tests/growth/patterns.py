"""Regular expressions that may take more than linear time, found by reading them.

Two things cost the square of a text, or worse. A part that repeats, followed by something that may not be there: each
place where the expression can begin runs to the end and gives up. And a part that repeats before something that it can
match itself: the end of the repetition is sought by trying.
"""

import re
from collections.abc import Iterator
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

__all__ = ["problems"]

_ALPHABET = [*map(chr, range(128)), "\u00e9", "\u4e2d", "\u2028", "\ud800"]
_LONG = 40
"""Repetitions up to this many are bounded work."""
_REPEATS = (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT)

Node = tuple[Any, Any]


def problems(pattern: str, flags: int = 0, *, searched: bool = True) -> list[str]:
    """Return what may make an expression slow; nothing if it is linear.

    Args:
        pattern: The expression.
        flags: Those it is compiled with.
        searched: Whether it may begin anywhere, and not at one place only.
    """
    return list(_of_sequence(list(_parser.parse(pattern, flags)), flags, searched))


def _of_sequence(nodes: list[Node], flags: int, searched: bool) -> Iterator[str]:
    nodes = [*_without_groups(nodes)]
    for at, node in enumerate(nodes):
        for inner in _inside(node):
            yield from _of_sequence(inner, flags, searched and at == 0)
        if not _is_long(node):
            continue
        repeated = _first(node[1][2], flags)
        if any(_is_long(part) for part in _all(node[1][2])):
            yield "a repetition in a repetition"
        rest = nodes[at + 1 :]
        if not any(map(_may_fail, rest)):
            continue
        if repeated & _first(rest, flags):
            yield "a repetition before what it can match itself"
        if searched and (at == 0 or repeated & _first(nodes[:at], flags)):
            yield "a search begins anew within its own repetition"


def _without_groups(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        if node[0] is ops.SUBPATTERN:
            yield from _without_groups(list(node[1][-1]))
        else:
            yield node


def _may_fail(node: Node) -> bool:
    return node[0] in (ops.AT, ops.ASSERT, ops.ASSERT_NOT) or not _may_be_empty(node)


def _is_long(node: Node) -> bool:
    return node[0] in _REPEATS and node[1][1] > _LONG and node[1][0] != node[1][1]


def _inside(node: Node) -> Iterator[list[Node]]:
    kind, value = node
    if kind in _REPEATS:
        yield list(value[2])
    elif kind is ops.SUBPATTERN:
        yield list(value[-1])
    elif kind is ops.BRANCH:
        yield from map(list, value[1])
    elif kind in (ops.ASSERT, ops.ASSERT_NOT):
        yield list(value[1])
    elif kind is ops.ATOMIC_GROUP:
        yield list(value)


def _all(nodes: Any) -> Iterator[Node]:
    for node in nodes:
        yield node
        for inner in _inside(node):
            yield from _all(inner)


def _first(nodes: Any, flags: int) -> set[str]:
    """Return the characters that a sequence can begin with."""
    found: set[str] = set()
    for node in nodes:
        found |= _begins(node, flags)
        if not _may_be_empty(node):
            break
    return found


def _begins(node: Node, flags: int) -> set[str]:
    kind, value = node
    if kind is ops.AT:
        return set()
    inner = [*_inside(node)]
    if inner:
        return set().union(*(_first(nodes, flags) for nodes in inner))
    return {letter for letter in _ALPHABET if _matches(kind, value, letter, flags)}


def _matches(kind: Any, value: Any, letter: str, flags: int) -> bool:
    if flags & re.IGNORECASE:
        cased = {letter.lower(), letter.upper()}
        return any(_matches(kind, value, other, flags & ~re.IGNORECASE) for other in cased)
    match kind:
        case ops.ANY:
            return bool(flags & re.DOTALL) or letter != "\n"
        case ops.LITERAL:
            return ord(letter) == value
        case ops.NOT_LITERAL:
            return ord(letter) != value
        case ops.RANGE:
            return bool(value[0] <= ord(letter) <= value[1])
        case ops.CATEGORY:
            return _is_of(str(value), letter)
        case ops.IN:
            negated = value[0][0] is ops.NEGATE
            return any(_matches(*part, letter, flags) for part in value[negated:]) != negated
    return True  # a group that is matched again, for example


def _is_of(category: str, letter: str) -> bool:
    name = category.rpartition("_")[2]
    matches = {"DIGIT": letter.isdigit(), "SPACE": letter.isspace()}
    held = matches.get(name, letter.isalnum() or letter == "_")
    return held != ("_NOT_" in category)


def _may_be_empty(node: Node) -> bool:
    kind, value = node
    if kind in (ops.AT, ops.ASSERT, ops.ASSERT_NOT):
        return True
    if kind in _REPEATS:
        return value[0] == 0 or all(map(_may_be_empty, value[2]))
    if kind is ops.SUBPATTERN:
        return all(map(_may_be_empty, value[-1]))
    if kind is ops.BRANCH:
        return any(all(map(_may_be_empty, branch)) for branch in value[1])
    return False
