"""What both clients have in common: all that needs no socket."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

from glm_openrouter._secrets import resolve_api_key
from glm_openrouter.request._headers import Attribution, build_headers
from glm_openrouter.request.chat import ChatRequest

from .adjustments import allowed_adjustments
from .chat_call import ChatCall
from .options import ConnectionOptions, read_options
from .pins import ProviderPins

if TYPE_CHECKING:
    from pydantic import SecretStr

    from glm_openrouter._http import AsyncHTTPClient, HTTPClient

    from .arguments import ClientOptions

__all__ = ["BaseClient"]


DEFAULT_BASE_URL = "https://openrouter.ai/api/v1"


class BaseClient:
    """The part of a client that needs no socket.

    What it consists of cannot be changed, so copies have the same parts; but each has a transport of its own, and
    pins of its own.
    """

    base_url = DEFAULT_BASE_URL
    """Where the API is."""
    _base_url_name = "base_url"
    """What it is called where the client is made; errors name it."""
    _http_client: Any
    """The user's own, if there is one."""
    _transport: Any
    """What sends the requests, made when it is needed."""

    def __init__(
        self, http_client: HTTPClient | AsyncHTTPClient | None, options: ClientOptions
    ) -> None:
        self._options: ConnectionOptions = read_options(options)
        self._api_key: SecretStr | None = resolve_api_key(options.get("api_key"))
        self._http_client = http_client
        self._pins = ProviderPins()
        self.base_url = (
            options.get("base_url") or os.environ.get("OPENROUTER_API_BASE") or DEFAULT_BASE_URL
        )
        self.base_url = self._transport.base_url  # checked, and with it all the rest

    def _transport_options(self) -> dict[str, Any]:
        # A copy out of a pickle reads the key again, which may be another in the environment of its process.
        options = self._options
        attribution = Attribution(options.app_url, options.app_title, options.app_categories)
        return {
            "base_url": self.base_url,
            "base_url_name": self._base_url_name,
            "headers": build_headers(
                resolve_api_key(self._api_key), attribution, options.default_headers or {}
            ),
            "options": options,
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle holds; the user's own client cannot go to another process."""
        state = {**self.__dict__, "_http_client": None}
        state.pop("_transport", None)
        if not self._options.pickle_secrets:
            options = self._options.model_copy(update={"default_headers": None})
            state |= {"_options": options, "_api_key": None}
        return state

    def __copy__(self) -> Self:
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__, _pins=ProviderPins())
        copied.__dict__.pop("_transport", None)
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.__copy__()

    def _share_pins(self, pins: ProviderPins) -> None:
        """Keep pins together with another client."""
        self._pins = pins

    def _new_call(
        self, request: ChatRequest, *, whole: bool = False, wire_stream: bool | None = None
    ) -> ChatCall:
        options = self._options
        if wire_stream is None:
            wire_stream = options.wire_stream
        return ChatCall(
            request,
            whole=whole,
            stream=wire_stream or not whole,
            repairs=options.repairs,
            adjustments=allowed_adjustments(retry_affordable=options.retry_affordable),
            pins=self._pins if options.pin_provider else None,
        )
