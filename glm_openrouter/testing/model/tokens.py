"""A stand-in for the model's tokenizer: pieces of up to seven letters that join to the text."""

import re
from typing import Final

__all__ = ["count_tokens", "split_tokens"]

_TOKEN: Final = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]| ?[^\W\d_]{1,7}| ?\d{1,3}| ?[^\w\s]|\s|.", re.DOTALL
)


def split_tokens(text: str) -> list[str]:
    """Return the tokens of `text`; joined they are `text` again."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """Return the number of tokens of `text`."""
    return sum(1 for _ in _TOKEN.finditer(text))
