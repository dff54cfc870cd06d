"""Structured answers: what is found in a text fits the schema, and what is seen of it early only grows."""

import copy
from random import Random
from typing import Any

from pydantic import BaseModel

from glm_openrouter import GLMError
from glm_openrouter._json.in_text import json_values
from glm_openrouter.structured import ModelAnswer, OutputSpec, Partials, check_schema
from support.samples import HARBOUR_TOOL

from .mutations import cut

__all__ = ["check_answer"]


class Berth(BaseModel):
    """A berth."""

    harbour: str
    length: float = 0
    berths: list["Berth"] = []


HARBOUR: dict[str, Any] = {"title": "find_berth", **HARBOUR_TOOL["function"]["parameters"]}
CLOSED = {**HARBOUR, "additionalProperties": False, "required": ["harbour"]}
LIST = {"title": "places", "type": "array", "items": {}, "minItems": 1}
SPECS = (
    OutputSpec(HARBOUR),
    OutputSpec(CLOSED, method="function_calling"),
    OutputSpec(LIST),
    OutputSpec(None, method="json_mode"),
    OutputSpec(Berth.model_json_schema(), Berth.model_validate),
)


def check_answer(body: bytes, rng: Random) -> None:
    """Read a text as an answer, at once and in pieces, as text and as arguments."""
    text = body.decode(errors="replace")
    spec = rng.choice(SPECS)
    called = rng.random() < 0.3
    answer = ModelAnswer("", [(spec.name, text)]) if called else ModelAnswer(text)
    try:
        answer = spec.read(answer)
    except GLMError:
        pass
    else:
        assert isinstance(answer, Berth) or check_schema(answer, spec.schema) is answer
    list(json_values(text))
    _check_partials(spec.partials(), cut(rng, text), spec.name if called else None)


def _check_partials(partials: Partials, pieces: list[str], name: str | None) -> None:
    seen: Any = None
    for piece in pieces:
        grown = partials.feed_call(0, name, piece) if name else partials.feed_text(piece)
        for value in grown:
            text = "".join(pieces)
            assert _grows(seen, value, text), f"a partial value shrinks\n{seen!r} -> {value!r}"
            seen = copy.deepcopy(value)


def _grows(before: Any, after: Any, text: str) -> bool:
    if isinstance(before, str) and isinstance(after, str):
        return after.startswith(before)
    if isinstance(before, list) and isinstance(after, list):
        pairs = zip(before, after, strict=False)
        return len(before) <= len(after) and all(_grows(*pair, text) for pair in pairs)
    if isinstance(before, dict) and isinstance(after, dict):
        return all(
            key in after and (_grows(before[key], after[key], text) or _is_given_again(key, text))
            for key in before
        )
    return before is None or repr(before) == repr(after)


def _is_given_again(key: str, text: str) -> bool:
    # In JSON the last of two equal keys counts.
    return text.count(key) > 1
