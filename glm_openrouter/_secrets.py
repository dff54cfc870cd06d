"""Secrets: what is sent but must never be shown."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import quote

from pydantic import AfterValidator, SecretStr

from .errors import AuthenticationError

__all__ = [
    "ApiKey",
    "Concealed",
    "HiddenHeaders",
    "Redactor",
    "conceal",
    "key_from_environment",
    "redact",
    "resolve_api_key",
    "show_option",
]

T = TypeVar("T", bound=Mapping[str, Any])

_PATTERNS: Final = re.compile(r"sk-or-[\w-]+|\buser_\w{8,}|(?<=://)[^\s/@]+(?=@)")
"""OpenRouter's keys, the account id that it puts into error bodies, user and password in a URL."""

_CREDENTIAL: Final = re.compile("auth|key|token|secret|password|cookie", re.IGNORECASE)
"""What the name of a header with a credential has in it."""

_SHORTEST: Final = 8
"""Characters. Anything shorter is not a secret, and may be part of any word."""


class Concealed(dict[str, Any]):
    """A dict that shows only its keys in a log, a dump, or a traceback with the variables of its frames."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self)})"


_HIDDEN: Final = "**********"
"""What stands for a value; pydantic shows a `SecretStr` like that."""


class HiddenHeaders(dict[str, str]):
    """Headers as those may see them who listen to a call: all that can be read are the names.

    A copy has the values, and so has a pickle.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        values = headers.reveal() if isinstance(headers, HiddenHeaders) else dict(headers)
        super().__init__(dict.fromkeys(values, _HIDDEN))
        # A function, because what goes through the attributes of an object shows them.
        self._reveal: Callable[[], dict[str, str]] = lambda: Concealed(values)

    def reveal(self) -> dict[str, str]:
        """Return the headers that go out."""
        return self._reveal()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self.reveal()),)


def conceal(options: T) -> T:
    """Return the options of a client in a form that shows no secret."""
    hidden: Any = Concealed(options)
    if isinstance(key := hidden.get("api_key"), str):
        hidden["api_key"] = SecretStr(key)
    if isinstance(headers := hidden.get("default_headers"), Mapping):
        hidden["default_headers"] = Concealed(headers)
    shown: T = hidden
    return shown


def show_option(value: object) -> str:
    """Return what a message may show of an option of a wrong type or size: numbers, and else the type."""
    return repr(value) if value is None or isinstance(value, int | float) else type(value).__name__


def resolve_api_key(api_key: str | SecretStr | None) -> SecretStr:
    """Return the key, by default that of the environment, without whitespace around it.

    Raises:
        AuthenticationError: There is none.
    """
    chosen = api_key or key_from_environment()
    key = chosen.get_secret_value() if isinstance(chosen, SecretStr) else chosen or ""
    if not key.strip():
        raise AuthenticationError(
            "There is no API key. Pass api_key, or set OPENROUTER_API_KEY (https://openrouter.ai/settings/keys)."
        )
    return SecretStr(key.strip())


def key_from_environment() -> SecretStr | None:
    """Return the key in the environment, if there is one."""
    key = os.environ.get("OPENROUTER_API_KEY")
    return SecretStr(key) if key else None


def _restore(key: SecretStr) -> SecretStr | None:
    """Return a key that may come from a dump as JSON, which conceals it: then it is that of the environment."""
    return key_from_environment() if key.get_secret_value() == _CONCEALED_KEY else key


_CONCEALED_KEY: Final = str(SecretStr("key"))

ApiKey = Annotated[SecretStr, AfterValidator(_restore)]
"""A key as a field of a model."""


class Redactor:
    """Takes secrets out of texts: whatever looks like one of OpenRouter's, and the credentials in `headers`.

    A gateway's keys look different, and some servers repeat in an error what they were sent.
    """

    def __init__(self, *headers: Mapping[str, str]) -> None:
        self._headers = headers

    def adding(self, headers: Mapping[str, str]) -> "Redactor":
        """Return one that takes out the credentials in more headers, too."""
        return Redactor(*self._headers, headers)

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "[redacted]")
        return _PATTERNS.sub("[redacted]", text)

    @cached_property
    def _secrets(self) -> list[str]:
        pairs = [pair for headers in self._headers for pair in headers.items()]
        credentials = [value for name, value in pairs if _CREDENTIAL.search(name)]
        forms = {form for value in credentials for form in _forms(value)}
        return sorted(forms, key=len, reverse=True)


def _forms(value: str) -> Iterable[str]:
    """Yield the forms in which the value of a header may come back: whole, word by word, quoted for a URL."""
    for part in (value, *re.split(r"[\s;,=]+", value)):
        if len(part) >= _SHORTEST:
            yield from (part, quote(part, safe=""))


redact: Final = Redactor()
"""Takes out what looks like OpenRouter's secrets."""
