"""Words, stems and sentences: what every other rule compares texts by."""

import re
from collections.abc import Iterator
from typing import Final

__all__ = [
    "STOP_WORDS",
    "content_stems",
    "plain_words",
    "sentences",
    "split_words",
    "stem",
    "stems_in_order",
]


def split_words(text: str) -> frozenset[str]:
    """Return the set of words in a list separated by white space."""
    return frozenset(text.split())


STOP_WORDS: Final = split_words(
    """a about after again all also am an and any are as at be because been before but by can
    could did do does doing done each for from give given had has have he her here him his how i
    i'd i'll i'm if in into is it its it's just let let's like make many me might more most much
    must my no not of on one or other our out over please provide shall she should so some such
    tell than that the their them then there these they this those three to too two under until
    up use used useful using very via want was we were what what's when where which while who
    whom whose why will with would you your don't"""
)

_SAME_MEANING: Final = {
    word: group[0]
    for group in (
        ("add", "plus", "sum", "addition"),
        ("multiply", "multiplied", "multiplication", "product"),
        ("subtract", "minus", "difference", "subtraction"),
        ("divide", "divided", "division", "quotient"),
        ("weather", "forecast"),
        ("search", "lookup", "retrieve", "find"),
        ("convert", "conversion"),
        ("buy", "purchase"),
        ("delete", "remove"),
        ("email", "mail"),
    )
    for word in group
}
_SYMBOLS: Final = (
    (re.compile(r"(?<=\d)\s*(?:\*|\u00d7|x|times)\s*(?=-?\d)"), " multiply "),
    (re.compile(r"(?<=\d)\s*\+\s*(?=-?\d)"), " add "),
    (re.compile(r"(?<=\d)\s+-\s*(?=\d)"), " subtract "),
    (re.compile(r"(?<=\d)\s*[/÷]\s*(?=\d)"), " divide "),
)
_SUFFIXES: Final = (
    *("ications", "ication", "ations", "ation", "itions", "ition", "ators", "ator"),
    *("ings", "ing", "ments", "ment", "ers", "er", "ies", "ied", "ates", "ate", "ed"),
    *("es", "s", "e", "y"),
)
_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_CASE_CHANGE: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])[\"')\]]*\s+|(?<=[。\uff01\uff1f])|\n+")


def stem(word: str) -> str:
    """Return `word` without its ending, so that inflected forms compare equal."""
    word = word.lower().replace("\u2019", "'").removesuffix("'s")
    word = _SAME_MEANING.get(word, word)
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


def plain_words(text: str) -> list[str]:
    """Return the words of `text`; names such as `get_weather` and `GetWeather` come apart."""
    return _WORD.findall(_CASE_CHANGE.sub(" ", text))


def stems_in_order(text: str) -> Iterator[str]:
    """Yield the stems of the words that carry meaning; pairs of characters in unspaced scripts."""
    for pattern, name in _SYMBOLS:
        text = pattern.sub(name, text)
    for word in plain_words(text):
        if _CJK.search(word):
            yield from (word[at : at + 2] for at in range(max(1, len(word) - 1)))
        elif word.lower().replace("\u2019", "'") not in STOP_WORDS:
            yield stem(word)


def content_stems(text: str) -> frozenset[str]:
    """Return the set of stems of the words that carry meaning."""
    return frozenset(stems_in_order(text))


def sentences(text: str) -> list[str]:
    """Return the sentences and lines of `text`, without empty ones."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]
