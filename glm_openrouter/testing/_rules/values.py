"""The values a text offers, handed out in order and each only once."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from . import extract
from .roles import Role
from .words import content_stems, sentences, stem

__all__ = ["Source"]

_TOOL_HINT: Final = re.compile(
    r"(?:[,.]?\s{0,4}(?:please\s+)?(?:use|using|call|with)\s+(?:the\s+|your\s+)?(?:[\w`'\"]+\s+)?"
    r"(?:tools?|functions?)"
    r"(?:\s+(?:to|and))?[,.]?\s*)",
    re.IGNORECASE,
)
_OPENING: Final = re.compile(
    r"^(?:please\s+|can you\s+|could you\s+)*(?:search|look up|look|find out|find|google|retrieve)?"
    r"(?:\s+(?:the web|online|the internet|the docs|the documents|the database))?"
    r"(?:\s+for\b|\s+about\b)?\s*",
    re.IGNORECASE,
)
_UNITS: Final = {
    stem(name): frozenset(words.split())
    for name, words in {
        "age": "year years old aged",
        "temperature": "c f °c °f degrees celsius fahrenheit °",
        "price": "$ € £ dollars usd euros eur",
        "cost": "$ € £ dollars usd euros eur",
        "amount": "$ € £ dollars usd euros eur",
        "duration": "seconds minutes hours days",
        "weight": "kg g lb pounds",
        "height": "m cm ft meters feet",
    }.items()
}
_NUMBER_IN_WORDS: Final = re.compile(r"-?\d+(?:\.\d+)?|[^\W\d_]+|[$€£°]+\w?")


@dataclass
class Source:
    """Texts to draw values from: first the request, then whatever else is known."""

    text: str
    background: str = ""
    """Tool results, context, the whole of a longer request: used where the text gives nothing."""
    used: set[tuple[str, str]] = field(default_factory=set)
    """What was handed out, as kind and value."""

    @cached_property
    def request(self) -> str:
        """The text without hints about tools and without `search for`."""
        plain = _TOOL_HINT.sub(" ", self.text).strip()
        plain = _OPENING.sub("", plain, count=1) or plain
        return plain.strip(" ,.:\n") or self.text.strip()

    def take(self, kind: str, find: Callable[[str], Iterable[str]]) -> str | None:
        """Return the next value that `find` sees in the text, then in the background."""
        for text in (self.text, self.background):
            for value in find(text):
                if (kind, value) not in self.used:
                    self.used.add((kind, value))
                    return value
        return None

    def take_text(self, role: Role) -> str | None:
        """Return the next value for a role, or None."""
        if finder := _FINDERS.get(role):
            return self.take(role.name, finder)
        match role:
            case Role.ORIGIN | Role.DESTINATION:
                word = "from" if role is Role.ORIGIN else "to"
                named = self._after(word) or self.take(Role.EMAIL.name, extract.emails)
                return named or self.take(Role.PLACE.name, extract.places)
            case Role.NAME:
                return self.take("quotation", extract.quotations) or self.take(
                    "name", extract.names
                )
            case Role.REQUEST:
                quoted = self.take("quotation", extract.quotations)
                return quoted if quoted and len(quoted.split()) > 1 else self.request
            case Role.PROSE:
                return self.take("quotation", extract.quotations) or self.prose
            case _:
                return self.take("quotation", extract.quotations)

    @property
    def prose(self) -> str:
        """The sentences that say most: of the background if there is one, else the request."""
        wanted = content_stems(self.text)
        ranked = sorted(sentences(self.background), key=lambda s: -len(wanted & content_stems(s)))
        return " ".join(ranked[:2]) or self.request

    @property
    def statement(self) -> str:
        """What the texts state rather than ask; empty if they only ask."""
        if self.background:
            return self.prose
        return "" if extract.is_request(self.text) else self.request

    def take_number(self, accepts: Callable[[float], bool]) -> int | float | None:
        """Return the next unused number that `accepts` lets pass."""
        for text, name in ((self.text, "text"), (self.background, "background")):
            for at, value in enumerate(extract.numbers(text)):
                if ("number", f"{name}{at}") not in self.used and accepts(value):
                    self.used.add(("number", f"{name}{at}"))
                    return value
        return None

    def number_near(self, name: str) -> int | float | None:
        """Return the number that stands next to the name or to a unit of it; it is then used."""
        wanted = content_stems(name)
        units = frozenset[str]().union(*(_UNITS.get(word, ()) for word in wanted))
        for text, origin in ((self.text, "text"), (self.background, "background")):
            found = extract.numbers(text)
            neighbours = _neighbours(_NUMBER_IN_WORDS.findall(text.lower()))
            for at, value in enumerate(found):
                near = neighbours.get(str(value), frozenset())
                if units & near or wanted & {stem(word) for word in near}:
                    self.used.add(("number", f"{origin}{at}"))
                    return value
        return None

    def _after(self, word: str) -> str | None:
        for text in (self.text, self.background):
            match = re.search(rf"\b{word}\s+({extract.NAME_PATTERN})", text)
            if match:
                self.used.add((Role.PLACE.name, match[1]))
                return match[1]
        return None


def _neighbours(words: Sequence[str]) -> Mapping[str, AbstractSet[str]]:
    """Return the words around each word, wherever it stands."""
    near: defaultdict[str, set[str]] = defaultdict(set)
    for at, word in enumerate(words):
        near[word].update(words[max(0, at - 2) : at], words[at + 1 : at + 3])
    return near


_FINDERS: Final[dict[Role, Callable[[str], Iterable[str]]]] = {
    Role.PLACE: lambda text: (
        extract.places(text) or extract.quotations(text) or extract.names(text)
    ),
    Role.DATE: extract.dates,
    Role.TIME: extract.times,
    Role.EMAIL: extract.emails,
    Role.URL: extract.urls,
    Role.FILE: extract.files,
    Role.EXPRESSION: extract.expressions,
}
