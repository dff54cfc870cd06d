"""A long list of texts -> parts, each of which is one request."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from glm_openrouter.errors import InvalidRequestError

__all__ = ["BATCH_SIZE", "MAX_CONCURRENCY", "Part", "check_text", "check_texts", "split"]

BATCH_SIZE: Final = 96
"""Texts of one request: no provider that is known on OpenRouter takes fewer than Cohere."""

MAX_CONCURRENCY: Final = 4
"""Requests that are under way at a time."""

MOST_BYTES: Final = 256 * 1024
"""Of UTF-8 in one request, about 65,000 tokens of English: OpenAI takes 300,000 tokens, others less."""


class Part(NamedTuple):
    """Texts that go together."""

    start: int
    """The place of the first one among all texts, from 0."""
    texts: Sequence[str]
    total: int
    """How many texts there are in all."""

    def __str__(self) -> str:
        """Return which texts these are, for an error; nothing if they are all."""
        end = self.start + len(self.texts)
        return "" if end - self.start == self.total else f"[{self.start}:{end}] of {self.total}"


def check_texts(what: str, texts: object) -> list[str]:
    """Return the texts as a list.

    Args:
        what: What they are called, for errors.
        texts: What a user gave.

    Raises:
        InvalidRequestError: There are none, or one of them is empty, or is no text; the message says which.
    """
    if isinstance(texts, str | bytes) or not isinstance(texts, Sequence):
        raise InvalidRequestError(f"{what} must be a list of texts, got {type(texts).__name__}.")
    if not texts:
        raise InvalidRequestError(f"{what} is empty; give at least one text.")
    return [check_text(f"{what}[{at}]", text) for at, text in enumerate(texts)]


def check_text(what: str, text: object) -> str:
    """Return a text.

    Args:
        what: What it is called, for errors.
        text: What a user gave.

    Raises:
        InvalidRequestError: It is empty, or no text.
    """
    if not isinstance(text, str):
        raise InvalidRequestError(f"{what} must be text, got {type(text).__name__}.")
    if not text.strip():
        raise InvalidRequestError(
            f"{what} is empty, or white space alone: there is nothing to look for."
        )
    return text


def split(texts: Sequence[str], most: int) -> Iterator[Part]:
    """Return the texts in parts of at most `most` texts and 256 KiB; one longer text is a part of its own."""
    start, size = 0, 0
    for at, text in enumerate(texts):
        length = len(text.encode(errors="replace"))
        if at > start and (at - start >= most or size + length > MOST_BYTES):
            yield Part(start, texts[start:at], len(texts))
            start, size = at, 0
        size += length
    yield Part(start, texts[start:], len(texts))
