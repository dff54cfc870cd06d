"""An OpenRouter that counts what it is paid for, and fails as providers do: now and then, and for some rows always.

A question is known by its words `row 17`, or `row 17 step 2`. It is paid for when it is accepted, whether somebody
hears the answer or not. What becomes of it depends on its words alone.
"""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from zlib import crc32

from glm_openrouter.testing import (
    ReceivedRequest,
    Reply,
    Reset,
    ScriptedServer,
    Wait,
    bytes_reply,
    error_reply,
    json_reply,
)

from .processes import Job
from .wire import event_stream, finishes, response_body, says, uses

__all__ = ["PaidOpenRouter", "Question", "paid_openrouter"]

Question = str
Answer = Callable[[Question], str]

_QUESTION = re.compile(r"row \d+(?: step \d+)?")
_ALWAYS_REFUSED = range(10)
_LIMITED_FIRST = range(10, 30)
_UNAVAILABLE_FIRST = range(30, 40)
_DROPPED_FIRST = range(40, 45)
"""Of 1,000 questions."""


def _lot(question: Question) -> int:
    return crc32(question.encode()) % 1000


def is_always_refused(question: Question) -> bool:
    """Return whether a question gets a 400 whenever it is asked."""
    return _lot(question) in _ALWAYS_REFUSED


class PaidOpenRouter:
    """What has been asked, and what has been paid for."""

    base_url: str

    def __init__(self, seconds: float, answer: Answer) -> None:
        self.paid: Counter[Question] = Counter()
        """How often each question was accepted."""
        self.asked: Counter[Question] = Counter()
        """How often each came."""
        self.headers: list[dict[str, str]] = []
        """Those of the requests."""
        self._dropped = 0
        self._seconds = seconds
        self._answer = answer
        self._paid_more = threading.Condition()

    @property
    def paid_again(self) -> int:
        """How often something was paid for that had been paid for, but for what the server dropped itself."""
        return self.paid.total() - len(self.paid) - self._dropped

    def wait_until_paid(self, count: int, job: Job) -> None:
        """Wait until so many questions have been paid for, by a job that is not over before."""
        with self._paid_more:
            while self.paid.total() < count:
                self._paid_more.wait(1)
                assert job.process.poll() is None, job.output

    def reply(self, request: ReceivedRequest) -> Reply | Callable[[ReceivedRequest], Any]:
        """Return what becomes of a request."""
        question = _question(request)
        lot = _lot(question)
        self.headers.append(request.headers)
        self.asked[question] += 1
        is_first = self.asked[question] == 1
        if lot in _ALWAYS_REFUSED:
            return error_reply(400, "This row cannot be read.")
        if is_first and lot in _LIMITED_FIRST:
            return error_reply(429, "Rate limit exceeded.")
        if is_first and lot in _UNAVAILABLE_FIRST:
            return error_reply(503, "The provider is overloaded.")
        with self._paid_more:
            self.paid[question] += 1
            self._dropped += is_first and lot in _DROPPED_FIRST
            self._paid_more.notify_all()
        if is_first and lot in _DROPPED_FIRST:
            return (Wait(self._seconds), Reset())
        return (Wait(self._seconds), *_say(self._answer(question), request.body or {}))


def _question(request: ReceivedRequest) -> Question:
    words = json.dumps((request.body or {}).get("messages"))
    return _QUESTION.findall(words)[-1]


def _say(text: str, body: dict[str, Any]) -> Reply:
    if body.get("stream"):
        return bytes_reply(event_stream(says(text), finishes(), uses("B")))
    return json_reply(response_body({"content": text}))


@contextmanager
def paid_openrouter(
    *, seconds: float = 0.03, answer: Answer = "answer to {}".format
) -> Iterator[PaidOpenRouter]:
    """Serve in a thread.

    Args:
        seconds: How long an answer takes.
        answer: Returns the answer to a question.
    """
    paid = PaidOpenRouter(seconds, answer)
    with ScriptedServer(paid.reply) as server:
        paid.base_url = server.base_url
        yield paid
