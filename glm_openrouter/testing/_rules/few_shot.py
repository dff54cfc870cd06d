"""Follow an example: a prompt that shows an output under a label, and ends with that label."""

import json
import re
from collections.abc import Iterator
from typing import Final

from glm_openrouter.testing._answers.prompt import JSONObject, Prompt

from .matching import best_choice
from .words import content_stems

__all__ = ["follow_example"]

_LAST_LABEL: Final = re.compile(r"^(<[\w ]+>|[\w ]+:)\s*\Z", re.MULTILINE)
_JSON_BLOCK: Final = re.compile(r"```json\s*\n(.*?)```", re.DOTALL)
_QUESTION: Final = re.compile(r"^<?(?:user )?question[>:]\s*(.+)$", re.IGNORECASE | re.MULTILINE)
_NEXT_QUESTION: Final = re.compile(
    r"[\s,]+and\s+(?=(?:who|what|when|where|which|why|how)\b)", re.IGNORECASE
)


def follow_example(prompt: Prompt) -> str | None:
    """Return a question, split over the tools on a menu as an example shows; None without one.

    The example is a JSON object with a list of objects. What is one word in them names a tool.
    """
    text = prompt.user_text
    label = _LAST_LABEL.search(text)
    shown = text.partition(label[1])[2] if label else ""
    questions = _QUESTION.findall(shown)
    blocks = [_read(block) for block in _JSON_BLOCK.findall(shown)]
    if not questions or len(blocks) < 2 or not blocks[-1]:
        return None
    example, menu = blocks[0], blocks[-1]
    name, items = next(iter(example.items()), ("", None))
    if not isinstance(items, list) or not items:
        return None
    answer = {name: [_like(items[0], *pair) for pair in _split(questions[-1], menu)]}
    return f"```json\n{json.dumps(answer, indent=4)}\n```"


def _read(block: str) -> JSONObject:
    try:
        value = json.loads(block)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _like(example: JSONObject, question: str, tool: str) -> JSONObject:
    return {key: tool if str(value).isidentifier() else question for key, value in example.items()}


def _split(question: str, menu: JSONObject) -> Iterator[tuple[str, str]]:
    """Yield each part of a question with the tool for it; all tools that it speaks of if it has no parts."""
    parts = _NEXT_QUESTION.split(question.strip().rstrip("?"))
    if len(parts) > 1:
        yield from ((f"{part[:1].upper()}{part[1:]}?", best_choice(menu, part)) for part in parts)
        return
    asked = content_stems(question)
    fitting = [name for name in menu if asked & content_stems(f"{name} {menu[name]}")]
    yield from ((question, name) for name in fitting or menu)
