"""A stand-in for the model's tokenizer: it cuts into pieces of up to seven letters, and counts as the core does."""

import re
from typing import Final

from glm_openrouter.tokens import count_tokens

__all__ = ["count_tokens", "split_tokens"]

_TOKEN: Final = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]| ?[^\W\d_]{1,7}| ?\d{1,3}| ?[^\w\s]|\s|.", re.DOTALL
)


def split_tokens(text: str) -> list[str]:
    """Return the tokens of `text`; joined they are `text` again."""
    return _TOKEN.findall(text)
