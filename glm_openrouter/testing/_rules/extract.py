"""Find values in a text: numbers, quotations, places, names, dates."""

import re
from typing import Final

from .words import STOP_WORDS, split_words

__all__ = [
    "NAME_PATTERN",
    "dates",
    "emails",
    "expressions",
    "files",
    "is_request",
    "named_value",
    "names",
    "numbers",
    "places",
    "quotations",
    "times",
    "topic",
    "urls",
]

_MONTHS: Final = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_DAYS: Final = split_words("monday tuesday wednesday thursday friday saturday sunday")
_NUMBER_WORDS: Final = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
}
# What begins a request is a capitalised verb, not a name.
_STATING_WORDS: Final = split_words("a an he her his i it my our she the their they this we")
_OPENING_WORDS: Final = split_words(
    """add answer book calculate check compute convert create delete describe divide draw extract
    find get generate give given good greet hello hey hi list look make multiply open order plan
    play please provide put read remind reply return schedule search send set show start subtract
    summarize tell thanks translate turn update use weather write yes"""
)

_ISO_DATE: Final = re.compile(
    r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_MONTH_NAME: Final = "|".join(_MONTHS)
_LONG_DATE: Final = re.compile(
    rf"\b(?:(?P<month>{_MONTH_NAME})\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})"
    rf"|(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\s+(?P<month2>{_MONTH_NAME}),?\s+(?P<year2>\d{{4}}))\b",
    re.IGNORECASE,
)
_TIME: Final = re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?(?:\s*[ap]m)?\b", re.IGNORECASE)
_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL: Final = re.compile(r"https?://[^\s<>\"')\]]+[^\s<>\"')\].,;!?]")
_FILE: Final = re.compile(r"(?<![\w@])[\w./~-]*\w\.[a-z]{1,5}\b(?!\.)")
_NUMBER: Final = re.compile(r"(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
# The bounds keep the search linear in texts that are one long table of numbers or rules.
_OPERAND: Final = r"\d[\d.]{0,30}"
_EXPRESSION: Final = re.compile(
    rf"[-(]{{0,8}}{_OPERAND}"
    rf"(?:[\s)]{{0,8}}(?:\*\*|[-+*/%x^\u00d7\u00f7])[\s(-]{{0,8}}{_OPERAND}){{1,20}}\){{0,8}}"
)
_QUOTATION: Final = re.compile(
    r"\"([^\"\n]+)\"|“([^”\n]+)”|「([^」\n]+)」|《([^》\n]+)》|`([^`\n]+)`"
    r"|(?<!\w)['\u2018]([^'\u2019\n]{1,200}(?:['\u2019]\w[^'\u2019\n]{0,200}){0,4})['\u2019](?!\w)"
)
_CAPITALISED: Final = r"[^\W\d_a-z][^\W\d_]*(?:[-'\u2019.][^\W\d_]+)*"
NAME_PATTERN: Final = rf"{_CAPITALISED}(?:[ ]+(?:(?:de|da|la|of|the|van|von)\s+)?{_CAPITALISED})*"
_NAME: Final = re.compile(NAME_PATTERN)
_PLACE: Final = re.compile(
    r"\b(?:[Ii]n|[Aa]t|[Ff]or|[Nn]ear|[Ff]rom|[Tt]o|[Oo]f|[Aa]round|[Vv]isit(?:ing)?|[Bb]etween)"
    rf"\s+(?:the\s+)?(?P<chain>{NAME_PATTERN}"
    rf"(?:\s*(?:,\s*(?:and\s+)?|\s+and\s+(?:in\s+|for\s+)?|\s*&\s*){NAME_PATTERN})*)"
)
_LOWER_PLACE: Final = re.compile(r"\b(?:in|at|near|for)\s+(?:the\s+)?([^\W\d_][\w-]*)")
_TOPIC: Final = re.compile(
    r"\b(?:about|on|regarding|concerning|of)\s+([^.!?,;:\n]+)", re.IGNORECASE
)


_LONGEST_NUMBER: Final = 300


def numbers(text: str) -> list[int | float]:
    """Return the numbers in order, none of dates and times; words count if there are no digits."""
    for pattern in (_ISO_DATE, _LONG_DATE, _TIME):
        text = pattern.sub(" ", text)
    digits = (match.group() for match in _NUMBER.finditer(text))
    found = [_to_number(each) for each in digits if len(each) <= _LONGEST_NUMBER]
    spelled = (_NUMBER_WORDS.get(word) for word in re.findall(r"[a-z]+", text.lower()))
    return found or [value for value in spelled if value is not None]


def _to_number(digits: str) -> int | float:
    digits = digits.replace(",", "")
    return float(digits) if "." in digits else int(digits)


def quotations(text: str) -> list[str]:
    """Return what stands between quotation marks of any kind."""
    return [next(filter(None, match.groups())) for match in _QUOTATION.finditer(text)]


def dates(text: str) -> list[str]:
    """Return the dates in ISO form."""
    found = [(match.start(), match.group()) for match in _ISO_DATE.finditer(text)]
    for match in _LONG_DATE.finditer(text):
        month = _MONTHS.index((match["month"] or match["month2"]).lower()) + 1
        day, year = int(match["day"] or match["day2"]), match["year"] or match["year2"]
        found.append((match.start(), f"{year}-{month:02}-{day:02}"))
    return [date for _, date in sorted(found)]


def times(text: str) -> list[str]:
    """Return the clock times as written."""
    return _TIME.findall(text)


def emails(text: str) -> list[str]:
    """Return the e-mail addresses."""
    return _EMAIL.findall(text)


def expressions(text: str) -> list[str]:
    """Return the sums, as written."""
    return [match.group().strip() for match in _EXPRESSION.finditer(_ISO_DATE.sub(" ", text))]


def urls(text: str) -> list[str]:
    """Return the web addresses."""
    return _URL.findall(text)


def files(text: str) -> list[str]:
    """Return what looks like the name of a file."""
    return _FILE.findall(_URL.sub(" ", _EMAIL.sub(" ", text)))


def places(text: str) -> list[str]:
    """Return what follows a preposition: `Florence, Italy` is one place, `Paris and Rome` two."""
    found: list[str] = []
    for match in _PLACE.finditer(text):
        found += _split_places(match["chain"])
    if not found:
        candidates = _LOWER_PLACE.findall(text)
        found = [word for word in candidates if word.lower() not in STOP_WORDS][:1]
    return [place for place in dict.fromkeys(found) if not _is_calendar_word(place)]


def _split_places(chain: str) -> list[str]:
    groups = re.split(r"\s*,?\s+and\s+(?:in\s+|for\s+)?|\s*&\s*", chain)
    pairs = [re.split(r"\s*,\s*", group) for group in groups]
    is_list = any(len(pair) > 2 for pair in pairs) or (
        len(groups) > 1 and any(len(pair) == 2 for pair in pairs) != all(len(p) == 2 for p in pairs)
    )
    return [name for pair in pairs for name in pair] if is_list else [", ".join(p) for p in pairs]


def names(text: str) -> list[str]:
    """Return capitalised names in order, without words that only begin a sentence."""
    found = []
    for match in _NAME.finditer(text):
        words = match.group().split()
        while words and words[0].lower() in STOP_WORDS | _OPENING_WORDS:
            words = words[1:]
        if words and not _is_calendar_word(words[0]):
            found.append(" ".join(words).rstrip(".").removesuffix("'s"))
    return list(dict.fromkeys(found))


def _is_calendar_word(name: str) -> bool:
    return name.lower() in _DAYS or name.lower() in _MONTHS


def named_value(text: str, name: str, *, whole_line: bool = False) -> str | None:
    """Return what the text gives for `name`, as in `name: value`, up to a comma."""
    spaced = re.escape(name).replace("_", r"[\s_-]")
    value_end = r"[^.;\n]+" if whole_line else r"[^,;\n]+"
    match = re.search(rf"\b{spaced}[\"']?\s*(?:[:=]|\bis\b)\s*({value_end})", text, re.IGNORECASE)
    if not match:
        return None
    value = match[1].strip()
    quoted = quotations(value)
    return quoted[0] if quoted and not whole_line else value.rstrip(".!?") or None


def is_request(text: str) -> bool:
    """Return whether a text asks for something, by its first word or a question mark."""
    first = re.match(r"\W*(\w*)", text)
    asks = _OPENING_WORDS | STOP_WORDS - _STATING_WORDS
    return "?" in text or (first is not None and first[1].lower() in asks)


def topic(text: str) -> str:
    """Return what the text is about in a few words."""
    if match := _TOPIC.search(text):
        return " ".join(match[1].split()[:6])
    words = [word for word in re.findall(r"[\w'-]+", text) if word.lower() not in STOP_WORDS]
    return " ".join(words[-4:]) or "that"
