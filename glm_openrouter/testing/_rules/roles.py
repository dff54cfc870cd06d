"""What kind of text a string parameter wants, judged by its name and description."""

from enum import Enum, auto
from typing import Final

from .words import content_stems, stem

__all__ = ["Role", "role_of"]


class Role(Enum):
    """The kinds of text that rules can find."""

    PLACE = auto()
    ORIGIN = auto()
    DESTINATION = auto()
    DATE = auto()
    TIME = auto()
    EMAIL = auto()
    URL = auto()
    FILE = auto()
    EXPRESSION = auto()
    REQUEST = auto()
    PROSE = auto()
    NAME = auto()
    OTHER = auto()


_WORDS: Final = (
    (Role.EMAIL, "email"),
    (Role.URL, "url uri link website webpage"),
    (Role.FILE, "file filename path"),
    (Role.ORIGIN, "origin departure source"),
    (Role.DESTINATION, "destination arrival"),
    (Role.PLACE, "city location place country town region address where capital"),
    (Role.DATE, "date day deadline birthday"),
    (Role.TIME, "time hour"),
    (Role.EXPRESSION, "expression formula equation calculation"),
    (Role.REQUEST, "query question search keyword keywords prompt request task input term"),
    (
        Role.PROSE,
        "summary answer response explanation reason reasoning description details content note"
        " body text message result comment report",
    ),
    (Role.NAME, "name person customer user author recipient employee contact title company who"),
)
_STEMS: Final = tuple(
    (role, frozenset(stem(word) for word in words.split())) for role, words in _WORDS
)
_FORMATS: Final = {
    "date": Role.DATE,
    "date-time": Role.DATE,
    "time": Role.TIME,
    "email": Role.EMAIL,
    "uri": Role.URL,
    "url": Role.URL,
}


def role_of(name: str, description: str, text_format: str | None) -> Role:
    """Return the role of a string; the format outranks the name, and the name the description."""
    if text_format in _FORMATS:
        return _FORMATS[text_format]
    bare_name = name.lower().strip("_")
    if bare_name in ("from", "to"):
        return Role.ORIGIN if bare_name == "from" else Role.DESTINATION
    if bare_name in ("q", "where", "who"):
        return {"q": Role.REQUEST, "where": Role.PLACE, "who": Role.NAME}[bare_name]
    # A name alone decides if it can: `customer_name` stays a name, however it is described.
    named = _first_role(name)
    if named is not Role.OTHER:
        return named
    described = _first_role(description)
    # Nearly every description has a word of prose in it.
    return Role.OTHER if described in (Role.PROSE, Role.REQUEST) else described


def _first_role(words: str) -> Role:
    found = content_stems(words)
    return next((role for role, stems in _STEMS if found & stems), Role.OTHER)
