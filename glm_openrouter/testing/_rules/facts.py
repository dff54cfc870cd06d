"""What a user has said of themselves, as a list of facts between tags."""

import re
from typing import Final

from glm_openrouter.testing._answers.prompt import Prompt

from .labels import last_block
from .words import sentences

__all__ = ["list_facts"]

_FORM: Final = re.compile(r"<facts>\s*<fact>")
_FACT: Final = re.compile(r"<fact>([^<]*)</fact>")
_FEWER: Final = re.compile(r"\b(?:fewer|less) than (\d+) facts\b")


def list_facts(prompt: Prompt) -> str | None:
    """Return what users stated before, or the facts that are to be condensed; None if nobody asks for facts."""
    text = prompt.user_text
    if not _FORM.search(text):
        return None
    known = _FACT.findall(last_block(text, "<existing_facts>", "</existing_facts>"))
    if limit := _FEWER.search(text):
        found = list(dict.fromkeys(known))[-max(1, int(limit[1]) - 1) :]
    else:
        found = [fact for fact in _statements(prompt) if fact not in known]
    lines = [f"  <fact>{fact}</fact>" for fact in found]
    return "\n".join(["<facts>", *lines, "</facts>"]) if lines else "<facts></facts>"


def _statements(prompt: Prompt) -> list[str]:
    said = [message.text for message in prompt.earlier_messages if message.role == "user"]
    stated = [part for text in said for part in sentences(text) if not part.endswith("?")]
    return [part for part in dict.fromkeys(stated) if "<" not in part]
