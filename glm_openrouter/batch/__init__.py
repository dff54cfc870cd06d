"""The same call for each of many rows."""

from .answer import Answer, RowJournal, answer_row
from .call import Ask, Call, Program, Runnable, read_call
from .failure import Failure, describe_failure, find_fatal

__all__ = [
    "Answer",
    "Ask",
    "Call",
    "Failure",
    "Program",
    "RowJournal",
    "Runnable",
    "answer_row",
    "describe_failure",
    "find_fatal",
    "read_call",
]
