"""Arguments, as type checkers and editors see them: written by `make arguments`, from the fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from pydantic.types import SecretStr

from glm_openrouter._http import AsyncHTTPClient, HTTPClient, Timeout

__all__ = ["ClientOptions", "ConnectionArguments", "SharedOptions"]


class SharedOptions(TypedDict, total=False):
    """Options that clients and models have under the same names."""

    timeout: float | Timeout | None
    """Seconds that nothing may come: until the response starts, until its first event, between events. Default: 300.

    Also taken as an `httpx.Timeout`, whose `read` is what counts here, and stands in JSON, and by models as
    `request_timeout`.
    """
    first_token_timeout: float | None
    """Seconds in which the first reasoning, text or tool call has to come, from the time when a request is sent; from
    then on `timeout` counts. Default: no limit but `timeout`.
    """
    max_retries: int
    """How often a failed request is sent again; never once a part of its response has been given out."""
    wire_stream: bool
    """Whether an answer that is given out whole still comes as a stream.

    Without, OpenRouter sends nothing until all of it is there, so `timeout` limits its length, and it is paid for in
    full even if nobody waits for it any longer. The plugin `response-healing` has that effect, too.
    """
    max_response_bytes: int
    """Bytes that a response may have, decompressed, and that its JSON may need once it is read. Default: 64 MiB."""
    app_url: str | None
    """Attribution, sent as `HTTP-Referer` if it is set. Default of models: `OPENROUTER_APP_URL`."""
    app_title: str | None
    """Attribution, sent as `X-OpenRouter-Title` if it is set. Default of models: `OPENROUTER_APP_TITLE`."""
    app_categories: list[str] | tuple[str, ...] | None
    """Attribution, sent as `X-OpenRouter-Categories`: categories of OpenRouter's marketplace."""
    default_headers: Mapping[str, str] | None
    """Sent with every request; they win over all others. They may hold credentials, so they are neither shown nor
    serialised."""
    repairs: list[str] | tuple[str, ...]
    """Names of the repairs of GLM's quirks that run; see `glm_openrouter.REPAIRS`."""
    allow_http: bool
    """Allow a base URL that would send the key unencrypted to another machine."""
    retry_affordable: bool
    """Send a refused request again, with the `max_tokens` that the balance allows."""
    pin_provider: bool
    """Try the provider first that answered the session last; its prompt cache is warm."""
    pickle_secrets: bool
    """Whether a pickle holds the key and `default_headers`.

    Without them, what comes out of it takes the key from the environment of its own process.
    """


class ClientOptions(SharedOptions, total=False):
    """Options of `Client` and `AsyncClient`. Every key is optional."""

    api_key: str | SecretStr | None
    """Default: `OPENROUTER_API_KEY` of the environment."""
    base_url: str | None
    """Default: `OPENROUTER_API_BASE` of the environment, else https://openrouter.ai/api/v1."""


class ConnectionArguments(SharedOptions, total=False):
    """Options of the connection and of conversations, as models take them."""

    request_timeout: float | Timeout | None
    """Seconds that nothing may come: until the response starts, until its first event, between events. Default: 300.

    Also taken as an `httpx.Timeout`, whose `read` is what counts here, and stands in JSON, and by models as
    `request_timeout`.
    """
    http_client: HTTPClient | None
    """Your own `httpx.Client` or `httpx2.Client`, which stays yours to close."""
    http_async_client: AsyncHTTPClient | None
    """Your own `httpx.AsyncClient` or `httpx2.AsyncClient`, which stays yours to close. Also taken as
    `async_http_client`."""
    async_http_client: AsyncHTTPClient | None
    """Your own `httpx.AsyncClient` or `httpx2.AsyncClient`, which stays yours to close. Also taken as
    `async_http_client`."""
