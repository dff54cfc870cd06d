r"""Objects that are written in JSON5 or as a Python literal -> JSON.

Theory of operation. Models that should write JSON write what looks like it: a comma too many, single quotes, `True`,
a comment, a fence around. `tighten` rewrites such a text as JSON, token by token. Three rules keep it from guessing:

- The text is whole: every bracket and every quote that it opens, it closes, and nothing follows. So no beginning of a
  text is ever read as a smaller object.
- A token is read only if it has one meaning. JSON5 and Python agree on most of what JSON lacks; where they do not, as
  on `'\d'` or `{True: 1}`, or where neither knows it, as a name that stands for a value, nothing is read. A key that
  comes twice has two meanings. `NaN` and infinity have none in JSON.
- Tokens that are JSON stay as they are, blanks too. What of a text was JSON and has been given out already is the
  beginning of the result (`StrictPrefix` says how much that is).

Each token is looked at once, by a pattern that does not go back.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from .strict import json_decoder, parse_arguments

__all__ = ["tighten"]

_MOST_TOKENS: Final = 100_000
"""A text with more is left alone: it would keep the process busy for a second."""

_TOKEN: Final = re.compile(
    r"""
    (?P<blank>   [\s\ufeff]++ | //[^\r\n]*+ | \#[^\r\n]*+ )
  | (?P<comment> /\* )
  | (?P<sign>    [{}\[\]:,] )
  | (?P<text>    "(?:[^"\\]|\\.)*+" | '(?:[^'\\]|\\.)*+' )
  | (?P<number>  [+-]?+\.?+[0-9][\w.]*+(?:(?<=[eE])[+-][\w.]*+)?+ )
  | (?P<name>    [^\W\d][\w$]*+ | \$[\w$]*+ )
    """,
    re.VERBOSE | re.DOTALL,
)

_FENCE: Final = re.compile(r"```[\w-]*+(?=\s)")
_JSON_BLANK: Final = re.compile(r"[ \t\r\n]*+")
_JSON_NUMBER: Final = re.compile(r"-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+")
_DECIMAL: Final = re.compile(
    r"(?P<sign>[+-]?+)(?=\.?+[0-9])(?P<whole>(?:0|[1-9][0-9]*+)?+)"
    r"(?P<point>(?:\.(?P<part>[0-9]*+))?+)(?P<exponent>(?:[eE][+-]?+[0-9]++)?+)"
)
_HEXADECIMAL: Final = re.compile(r"(?P<sign>[+-]?+)0[xX](?P<digits>[0-9a-fA-F]{1,256})")
_ESCAPE: Final = re.compile(
    r"\\(?:(?P<code>u[0-9a-fA-F]{4})|x(?P<byte>[0-9a-fA-F]{2})|(?P<null>0)(?![0-9])|(?P<line>\r\n|.))|\"",
    re.DOTALL,
)

_NAMED_VALUES: Final = {"True": "true", "False": "false", "None": "null"}
"""Values of Python."""
_VALUES: Final = frozenset(("true", "false", "null"))
"""Values of JSON."""
_ESCAPED: Final = {
    **{letter: f"\\{letter}" for letter in '"\\bfnrt'},
    "'": "'",
    "v": "\\u000b",
    **dict.fromkeys(("\n", "\r", "\r\n"), ""),
}
"""What follows a backslash -> the same in JSON, where JSON5 and Python agree on it."""


class _Ambiguous(Exception):  # noqa: N818 -- never leaves this file
    """A text that has no meaning, or more than one."""


def tighten(text: str) -> str | None:
    """Return the object that a text is, as JSON; `None` if it is none, or could be read in two ways.

    Args:
        text: An object in JSON, in JSON5 or as a Python literal, alone or in a fence of Markdown; nothing around it.
    """
    try:
        tight = "".join(_Rewriter().rewrite(_without_fence(text)))
    except (_Ambiguous, ValueError):
        return None
    return tight if parse_arguments(tight) is not None else None


def _without_fence(text: str) -> str:
    fenced = text.strip()
    fence = _FENCE.match(fenced)
    inside = fenced[fence.end() :].removesuffix("```") if fence else ""
    return inside if inside[-1:].isspace() else text  # else the fence does not close


class _Rewriter:
    """Rewrites one object, token by token, and sees to it that brackets, commas and colons are where they belong."""

    def __init__(self) -> None:
        self._keys: list[set[str] | None] = []
        """The keys of each object that is open, and `None` for each list; the innermost last."""
        self._accept: Callable[[str, str], str] = self._accept_object
        """What takes the next token."""
        self._comma: list[str] = []
        """A comma, and the blanks after it, until it is clear that something follows."""

    def rewrite(self, text: str) -> Iterator[str]:
        """Yield the parts of the rewritten text.

        Raises:
            _Ambiguous: It is no object, or could be read in two ways.
            ValueError: A comment does not end.
        """
        position = 0
        for _ in range(_MOST_TOKENS):
            token = _TOKEN.match(text, position)
            if token is None:
                break
            position = token.end()
            kind, word = str(token.lastgroup), token[0]
            if kind == "comment":
                position = text.index("*/", position) + 2
            if kind in ("blank", "comment"):
                blank = word if _JSON_BLANK.fullmatch(word) else " "
                if self._comma:
                    self._comma.append(blank)
                else:
                    yield blank
            else:
                yield self._accept(kind, word)
        if position < len(text):
            raise _Ambiguous

    def _accept_object(self, kind: str, word: str) -> str:
        if word != "{":
            raise _Ambiguous
        return self._accept_value(kind, word)

    def _accept_value(self, kind: str, word: str) -> str:
        if word in ("{", "["):
            self._keys.append(set() if word == "{" else None)
            self._accept = self._accept_key if word == "{" else self._accept_item
            return self._take_comma() + word
        self._accept = self._accept_end
        return self._take_comma() + _REWRITE.get(kind, _refuse)(word)

    def _accept_item(self, kind: str, word: str) -> str:
        return self._close(word) if word == "]" else self._accept_value(kind, word)

    def _accept_key(self, kind: str, word: str) -> str:
        if word == "}":
            return self._close(word)
        key = _rewrite_key(kind, word)
        keys = self._keys[-1]
        name = json_decoder.decode(key)
        if keys is None or name in keys:
            raise _Ambiguous
        keys.add(name)
        self._accept = self._accept_colon
        return self._take_comma() + key

    def _accept_colon(self, _: str, word: str) -> str:
        if word != ":":
            raise _Ambiguous
        self._accept = self._accept_value
        return word

    def _accept_end(self, _: str, word: str) -> str:
        in_object = self._keys[-1] is not None
        if word == ",":
            self._comma = [word]
            self._accept = self._accept_key if in_object else self._accept_item
            return ""
        if word != ("}" if in_object else "]"):
            raise _Ambiguous
        return self._close(word)

    def _accept_nothing(self, _: str, __: str) -> str:
        raise _Ambiguous

    def _close(self, word: str) -> str:
        self._keys.pop()
        self._accept = self._accept_end if self._keys else self._accept_nothing
        return self._take_comma()[1:] + word  # the blanks stay

    def _take_comma(self) -> str:
        comma, self._comma = self._comma, []
        return "".join(comma)


def _rewrite_key(kind: str, word: str) -> str:
    if kind == "text":
        return _rewrite_text(word)
    if kind != "name" or word in _NAMED_VALUES:  # in Python a key may be `True`
        raise _Ambiguous
    return f'"{word}"'


def _rewrite_text(word: str) -> str:
    if word.startswith('"'):
        try:
            json_decoder.decode(word)
        except ValueError:
            pass
        else:
            return word
    return f'"{_ESCAPE.sub(_rewrite_escape, word[1:-1])}"'


def _rewrite_escape(escape: re.Match[str]) -> str:
    if escape[0] == '"':
        return '\\"'
    if escape["code"]:
        return escape[0]
    if escape["byte"]:
        return f"\\u00{escape['byte']}"
    if escape["null"]:
        return "\\u0000"
    if escape["line"] not in _ESCAPED:
        raise _Ambiguous
    return _ESCAPED[escape["line"]]


def _rewrite_number(word: str) -> str:
    if _JSON_NUMBER.fullmatch(word):
        return word
    if whole := _HEXADECIMAL.fullmatch(word):
        return f"{whole['sign'].strip('+')}{int(whole['digits'], 16)}"
    number = _DECIMAL.fullmatch(word)
    if number is None:
        raise _Ambiguous
    point = f".{number['part'] or '0'}" if number["point"] else ""
    sign, whole_part = number["sign"].strip("+"), number["whole"] or "0"
    return f"{sign}{whole_part}{point}{number['exponent']}"


def _rewrite_name(word: str) -> str:
    if word in _VALUES:
        return word
    if word not in _NAMED_VALUES:
        raise _Ambiguous
    return _NAMED_VALUES[word]


def _refuse(_: str) -> str:
    raise _Ambiguous


_REWRITE: Final = {"text": _rewrite_text, "number": _rewrite_number, "name": _rewrite_name}
"""Kind of a token -> what rewrites it as a value."""
