"""Write SQL for a question about tables, and read what it gave."""

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Final

from glm_openrouter.testing._answers.prompt import Prompt

from .extract import names, quotations
from .labels import last_block
from .words import content_stems, stem

__all__ = ["answer_from_rows", "write_sql"]

_TABLE: Final = re.compile(r"^Table '(\w+)' has columns: ([^\n]+)", re.MULTILINE)
_COLUMN: Final = re.compile(r"(\w+) \(([A-Z]+)[^)]*\)")
_TEXTS: Final = frozenset(("CHAR", "NVARCHAR", "STRING", "TEXT", "VARCHAR"))
_ORDERS: Final = (
    (re.compile(r"\b(?:highest|largest|biggest|most|newest|latest|oldest)\b", re.I), "DESC"),
    (re.compile(r"\b(?:lowest|smallest|least|fewest|cheapest|earliest)\b", re.I), "ASC"),
)
_SUMS: Final = (
    (re.compile(r"\baverage\b|\bmean\b", re.I), "AVG"),
    (re.compile(r"\btotal\b|\bsum\b", re.I), "SUM"),
)
_COUNT: Final = re.compile(r"\bhow many\b", re.I)
_LONGEST_RESULT: Final = 10_000
"""Characters of rows that are read."""


def write_sql(prompt: Prompt) -> str | None:
    """Return a query for the question, over the table that it speaks of; None if nobody asks for one."""
    text = prompt.user_text
    if "SQLQuery:" not in text or not (tables := dict(_TABLE.findall(text))):
        return None
    question = last_block(text, "Question:", "\nSQLQuery:")
    wanted = content_stems(question)
    table = max(tables, key=lambda name: len(wanted & content_stems(f"{name} {tables[name]}")))
    return _query(table, dict(_COLUMN.findall(tables[table])), question)


def _query(table: str, columns: Mapping[str, str], question: str) -> str:
    texts = [name for name, kind in columns.items() if kind in _TEXTS]
    numbers = [name for name in columns if name not in texts]
    asked = [name for name in columns if content_stems(name) & content_stems(question)]
    number = next((name for name in [*asked, *numbers] if name in numbers), None)
    order = next(
        (
            f" ORDER BY {number} {way} LIMIT 1"
            for form, way in _ORDERS
            if number and form.search(question)
        ),
        "",
    )
    sums = [name for form, name in _SUMS if form.search(question)]
    if sums and number:
        shown = f"{sums[0]}({number})"
    elif _COUNT.search(question) and not order and not set(asked) & set(numbers):
        shown = "COUNT(*)"
    else:
        plain = [name for name in asked if not order or name in texts]
        shown = ", ".join(plain or texts[:1] or list(columns)[:1])
    return f"SELECT {shown} FROM {table}{_condition(table, texts, columns, question)}{order}"


def _condition(table: str, texts: Sequence[str], columns: Mapping[str, str], question: str) -> str:
    known = {stem(word) for word in (table, *columns)}
    values = [
        value
        for value in dict.fromkeys([*quotations(question), *names(question)])
        if not content_stems(value) <= known
    ]
    if not values or not texts:
        return ""
    quoted = ["'{}'".format(value.replace("'", "''")) for value in values]
    each = (f"{column} = {value}" for value in quoted for column in texts)
    return f" WHERE {' OR '.join(each)}"


def answer_from_rows(prompt: Prompt) -> str | None:
    """Return an answer made of the rows that a query gave; None if there are none to read."""
    text = prompt.user_text
    if "SQL Response:" not in text:
        return None
    result = last_block(text, "SQL Response:", "\nResponse:")
    if len(result) > _LONGEST_RESULT:
        return None
    try:
        rows = ast.literal_eval(result)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return f"The database says: {result}"
    shown = [", ".join(map(str, row)) if isinstance(row, tuple) else str(row) for row in rows]
    return f"The answer is: {'; '.join(shown) or 'nothing'}."
