"""The options of a connection: what each means, what it may be, and that none of them belongs to a call."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, TypedDict

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
)

from glm_openrouter._response.memory import MAX_RESPONSE_BYTES
from glm_openrouter._response.repairs import REPAIRS
from glm_openrouter._secrets import Concealed, show_option
from glm_openrouter.errors import InvalidRequestError

if TYPE_CHECKING:
    from glm_openrouter._http import Timeout

    from .arguments import ClientOptions
else:
    Timeout = object  # pydantic looks at it, and httpx is imported only with the first client

__all__ = ["CLIENT_OPTIONS", "Account", "ConnectionOptions", "read_options", "refuse_options"]


_AS_SECONDS: Final = PlainSerializer(
    lambda timeout: getattr(timeout, "read", timeout), when_used="json"
)


class ConnectionOptions(BaseModel):
    """The options that clients and models share. Models have them as fields, clients as keys of `ClientOptions`."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
        defer_build=True,  # this class validates nothing itself; it saves a tenth of the import
    )

    timeout: Annotated[float | Timeout | None, _AS_SECONDS] = Field(
        default=None, validation_alias=AliasChoices("timeout", "request_timeout")
    )
    """Seconds that nothing may come: until the response starts, until its first event, between events. Default: 300.

    Also taken as an `httpx.Timeout`, whose `read` is what counts here, and stands in JSON, and by models as
    `request_timeout`.
    """

    first_token_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Seconds in which the first reasoning, text or tool call has to come, from the time when a request is sent; from
    then on `timeout` counts. Default: no limit but `timeout`.
    """

    max_retries: Annotated[int, Field(ge=0)] = 2
    """How often a failed request is sent again; never once a part of its response has been given out."""

    wire_stream: bool = True
    """Whether an answer that is given out whole still comes as a stream.

    Without, OpenRouter sends nothing until all of it is there, so `timeout` limits its length, and it is paid for in
    full even if nobody waits for it any longer. The plugin `response-healing` has that effect, too.
    """

    max_response_bytes: Annotated[int, Field(gt=0)] = MAX_RESPONSE_BYTES
    """Bytes that a response may have, decompressed, and that its JSON may need once it is read. Default: 64 MiB."""

    app_url: str | None = Field(default_factory=lambda: os.environ.get("OPENROUTER_APP_URL"))
    """Attribution, sent as `HTTP-Referer` if it is set. Default of models: `OPENROUTER_APP_URL`."""

    app_title: str | None = Field(default_factory=lambda: os.environ.get("OPENROUTER_APP_TITLE"))
    """Attribution, sent as `X-OpenRouter-Title` if it is set. Default of models: `OPENROUTER_APP_TITLE`."""

    app_categories: list[str] | None = None
    """Attribution, sent as `X-OpenRouter-Categories`: categories of OpenRouter's marketplace."""

    default_headers: Annotated[Mapping[str, str], AfterValidator(Concealed)] | None = Field(
        default=None, exclude=True, repr=False
    )
    """Sent with every request; they win over all others. They may hold credentials, so they are neither shown nor
    serialised."""

    repairs: tuple[str, ...] = tuple(REPAIRS)
    """Names of the repairs of GLM's quirks that run; see `glm_openrouter.REPAIRS`."""

    allow_http: bool = False
    """Allow a base URL that would send the key unencrypted to another machine."""

    retry_affordable: bool = False
    """Send a refused request again, with the `max_tokens` that the balance allows."""

    pin_provider: bool = False
    """Try the provider first that answered the session last; its prompt cache is warm."""

    pickle_secrets: bool = True
    """Whether a pickle holds the key and `default_headers`.

    Without them, what comes out of it takes the key from the environment of its own process.
    """


class Account(TypedDict, total=False):
    """The options of clients for which models have names of their own."""

    api_key: SecretStr | None
    """Default: `OPENROUTER_API_KEY` of the environment."""

    base_url: str | None
    """Default: `OPENROUTER_API_BASE` of the environment, else https://openrouter.ai/api/v1."""


CLIENT_OPTIONS: Final = frozenset((*Account.__annotations__, *ConnectionOptions.model_fields))
"""The names of the options of clients, which are the keys of `ClientOptions`."""

_INSTEAD: Final = {
    "api_base": "base_url",
    "async_http_client": "http_async_client",
    "headers": "default_headers",
    "openai_api_base": "base_url",
    "openai_api_key": "api_key",
    "openrouter_api_base": "base_url",
    "openrouter_api_key": "api_key",
}
"""Names that other packages have for options."""

_OPTIONS: Final = frozenset(
    (
        *CLIENT_OPTIONS,
        *_INSTEAD,
        "default_query",
        "extra_query",
        "http_async_client",
        "http_client",
    )
) - {"timeout"}
"""What concerns the connection, here or in other packages, and is not an argument of calls, too."""

_WITH_A_CALL: Final = dict.fromkeys(("default_headers", "headers"), "extra_headers")
"""What some of these are called that can be given with a call."""


def refuse_options(arguments: Iterable[str], *, base_url_name: str = "base_url") -> None:
    """Refuse arguments of a call that concern the connection: frameworks show what a call is made with in their traces.

    Args:
        arguments: Their names; nobody looks at the values.
        base_url_name: What the constructor calls the base URL.

    Raises:
        InvalidRequestError: There is one; the message names it and says where it belongs.
    """
    for name in arguments:
        if name in _OPTIONS:
            own_name = _INSTEAD.get(name, name)
            own_name = base_url_name if own_name == "base_url" else own_name
            instead = "" if own_name == name else f", as {own_name}"
            if name in _WITH_A_CALL:
                otherwise = f", or to the call as {_WITH_A_CALL[name]}."
            else:
                otherwise = ". Calls over another connection need a model of their own."
            raise InvalidRequestError(
                f"{name} cannot be given with a call: give it to the constructor{instead}{otherwise}"
            )


def read_options(options: ClientOptions) -> ConnectionOptions:
    """Return the options of a client, with the defaults of those that it was not given.

    Raises:
        InvalidRequestError: One is wrong; the message names it, without its value, which may be a secret.
        TypeError: There is no option of that name.
    """
    _check_options(options)
    values: dict[str, Any] = {"app_url": None, "app_title": None, **options}
    values["default_headers"] = Concealed(options.get("default_headers") or {})
    return ConnectionOptions.model_construct(
        **{name: values[name] for name in ConnectionOptions.model_fields if name in values}
    )


def _check_options(options: Mapping[str, Any]) -> None:
    for name in options:  # without a variable for the value, which a traceback might show
        if name not in CLIENT_OPTIONS:
            raise TypeError(f"There is no option {name!r}.")
        if name == "timeout":
            continue  # the sockets know what it may be
        description, fits = _RULES[name]
        if options[name] is None and name not in _NEVER_NONE:
            continue
        if not fits(options[name]):
            raise InvalidRequestError(
                f"{name} must be {description}, got {show_option(options[name])}."
            )
    if unknown := set(options.get("repairs", ())) - set(REPAIRS):
        raise InvalidRequestError(
            f"Unknown repairs: {sorted(unknown)}. There are: {sorted(REPAIRS)}."
        )


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_span(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 < value < math.inf


def _are_headers(value: object) -> bool:
    return isinstance(value, Mapping) and _are_texts(value)


def _is_list(value: object) -> bool:
    is_text = isinstance(value, str | bytes)
    return not is_text and isinstance(value, Collection) and _are_texts(value)


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


_TEXT = ("text", lambda value: isinstance(value, str))
_LIST = ("a list of texts", _is_list)
_SWITCH = ("true or false", lambda value: isinstance(value, bool))

_RULES: Final[Mapping[str, tuple[str, Callable[[object], bool]]]] = {
    "api_key": ("text or a SecretStr", lambda value: isinstance(value, str | SecretStr)),
    "base_url": _TEXT,
    "first_token_timeout": ("a positive number of seconds", _is_span),
    "max_retries": ("0 or a positive integer", lambda value: _is_count(value, 0)),
    "max_response_bytes": (
        "a positive integer, a number of bytes",
        lambda value: _is_count(value, 1),
    ),
    "app_url": _TEXT,
    "app_title": _TEXT,
    "app_categories": _LIST,
    "default_headers": ("a mapping of names to texts", _are_headers),
    "repairs": _LIST,
    "allow_http": _SWITCH,
    "wire_stream": _SWITCH,
    "retry_affordable": _SWITCH,
    "pin_provider": _SWITCH,
    "pickle_secrets": _SWITCH,
}
"""Option -> what it must be, in words and as a check."""

_NEVER_NONE: Final = frozenset(
    name
    for name, field in ConnectionOptions.model_fields.items()
    if field.default is not None and field.default_factory is None
)
