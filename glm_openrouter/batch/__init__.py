"""The same call for each of many rows: `run`."""

from .answer import Answer, RowJournal, answer_row
from .call import Ask, Call, Program, Runnable, read_call
from .failure import Failure, describe_failure, find_fatal
from .rows import Row, Rows, identify_row
from .run import Run, run

__all__ = [
    "Answer",
    "Ask",
    "Call",
    "Failure",
    "Program",
    "Row",
    "RowJournal",
    "Rows",
    "Run",
    "Runnable",
    "answer_row",
    "describe_failure",
    "find_fatal",
    "identify_row",
    "read_call",
    "run",
]
