"""Judge whether a text asks for what a tool does."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glm_openrouter.testing._answers.prompt import Tool

from .schema import properties
from .words import content_stems, plain_words, split_words, stem

__all__ = ["best_choice", "find_choices", "is_form", "match_tools", "mention_at"]

# Verbs and nouns that half of all tools have in common say nothing about one of them.
_GENERIC: Final = frozenset(
    stem(word)
    for word in split_words(
        """agent call current data fetch function get given info information input item list make
        name number operation perform request result return run string task text tool use useful
        user value"""
    )
)
_LOOKUP_WORDS: Final = frozenset(
    stem(word)
    for word in split_words(
        "docs document internet knowledge lookup query question retrieve search web wiki"
    )
)
_LOOKUP_PARAMETERS: Final = split_words(
    "input keywords q query question search search_query term topic"
)
_QUESTION: Final = re.compile(
    r"\?|^\s*(?:who|what|when|where|which|why|how|tell me|explain|describe|find|summari[sz]e)\b",
    re.IGNORECASE,
)
_SMALL_TALK: Final = re.compile(
    r"^\W*(?:hello|hi|hey|thanks?|thank you|good \w+|how are you|who are you"
    r"|what can you do)\b.{0,25}$",
    re.IGNORECASE,
)
_PERSONAL: Final = re.compile(r"\b(?:my|me|i|you|your)\b", re.IGNORECASE)
_CHOICE: Final = re.compile(r"['\"]([\w .-]+)['\"]\s*:\s*(['\"])(.+?)\2(?=\s*[,}])")


@dataclass(frozen=True)
class _Match:
    tool: Tool
    hits: frozenset[str]


def is_form(tool: Tool) -> bool:
    """Return whether a tool is a form for the answer, not an action.

    Frameworks offer the schema of a structured answer as a tool that has the name of a class.
    """
    return tool.name[:1].isupper() and "_" not in tool.name


def match_tools(text: str, tools: Sequence[Tool], *, system: str = "") -> list[Tool]:
    """Return the tools that `text` asks for, in the order in which it mentions them."""
    explicit = [tool for tool in tools if _is_spelled_out(tool, text)]
    if explicit:
        return sorted(explicit, key=lambda tool: mention_at(tool, text))
    matches = [match for tool in tools if (match := _match(tool, text, system))]
    # A tool whose every hit is also a hit of a better one is only its neighbour.
    best = [match for match in matches if not any(match.hits < other.hits for other in matches)]
    acting = [match for match in best if not find_choices(match.tool)]
    best = _prefer_own(best, acting)
    if not best and _asks_for_facts(text):
        return [tool for tool in tools if _is_lookup(tool)][:1]
    return sorted((match.tool for match in best), key=lambda tool: mention_at(tool, text))


def _prefer_own(best: list[_Match], acting: list[_Match]) -> list[_Match]:
    """Hand over to another agent only if that fits better than what this one can do itself."""
    if not acting or len(acting) == len(best):
        return best
    strongest = max(len(match.hits) for match in acting)
    handing = [match for match in best if match not in acting and len(match.hits) > strongest]
    return handing or acting


def _is_spelled_out(tool: Tool, text: str) -> bool:
    is_identifier = "_" in tool.name or not tool.name.islower()
    pattern = rf"(?<!\w){re.escape(tool.name)}(?!\w)"
    if is_identifier:
        return bool(re.search(pattern, text))
    return bool(
        re.search(rf"{pattern}\s*(?:\(|tool\b|function\b)|[`'\"]{re.escape(tool.name)}[`'\"]", text)
    )


def _match(tool: Tool, text: str, system: str) -> _Match | None:
    wanted = content_stems(text)
    if choices := find_choices(tool):
        words = [
            f"{name} {about}" for options in choices.values() for name, about in options.items()
        ]
        hits = max((wanted & content_stems(entry) - _GENERIC for entry in words), key=len)
        return _Match(tool, frozenset(hits)) if hits else None
    name_hits = (wanted & content_stems(tool.name)) - _GENERIC
    told = is_form(tool) and tool.name in system
    about = " ".join([tool.description.split("\n\n")[0], *properties(tool.parameters)])
    hits = (wanted & content_stems(about)) - _GENERIC | name_hits
    enough = 1 if is_form(tool) else 2
    if name_hits or told or len(hits) >= enough:
        return _Match(tool, frozenset(hits))
    return None


def _is_lookup(tool: Tool) -> bool:
    takes_text = _LOOKUP_PARAMETERS & set(properties(tool.parameters))
    return bool(takes_text and _LOOKUP_WORDS & content_stems(f"{tool.name} {tool.description}"))


def _asks_for_facts(text: str) -> bool:
    if _SMALL_TALK.match(text) or _PERSONAL.search(text.replace("tell me", "")):
        return False
    return bool(_QUESTION.search(text))


def mention_at(tool: Tool, text: str) -> int:
    """Return where a text first speaks of a tool, or -1."""
    spelled = re.search(rf"(?<!\w){re.escape(tool.name)}(?!\w)", text)
    if spelled:
        return spelled.start()
    wanted = content_stems(tool.name) - _GENERIC or content_stems(tool.description) - _GENERIC
    at = 0
    for word in plain_words(text):
        at = text.find(word, at)
        if stem(word) in wanted:
            return at
        at += len(word)
    return -1


def find_choices(tool: Tool) -> dict[str, dict[str, str]]:
    """Return the menu a tool's description offers for a parameter, as name to what it is good for.

    A tool that hands over to another agent lists the agents in its description, not in an `enum`.
    """
    menu = {match[1]: match[3] for match in _CHOICE.finditer(tool.description)}
    if not menu:
        return {}
    described = content_stems(tool.description)
    text_parameters = [
        name
        for name, schema in properties(tool.parameters).items()
        if schema.get("type") == "string" and "enum" not in schema
    ]
    for name in text_parameters:
        if content_stems(name) & described:
            return {name: menu}
    return {}


def best_choice(choices: dict[str, str], text: str) -> str:
    """Return the name on the menu that fits a text best."""
    wanted = content_stems(text)
    return max(choices, key=lambda name: len(wanted & content_stems(f"{name} {choices[name]}")))
