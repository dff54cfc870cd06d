"""What both clients have in common: all that needs no socket."""

from __future__ import annotations

import copy
import os
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from glm_openrouter._idle import IdleTimer
from glm_openrouter._response.memory import MAX_RESPONSE_BYTES, Memory
from glm_openrouter._response.repairs import REPAIRS, Repairs
from glm_openrouter._response.stop import stop_sequences
from glm_openrouter._secrets import Concealed, Redactor, resolve_api_key
from glm_openrouter.catalogue.queries import GetRequest
from glm_openrouter.errors import InvalidRequestError
from glm_openrouter.request._headers import Attribution, build_headers
from glm_openrouter.request.chat import ChatRequest
from glm_openrouter.request.parameters import thinks

from .adjustments import ADJUSTMENTS
from .catalogue_attempt import CatalogueAttempt
from .chat_attempt import ChatAttempt
from .chat_call import ChatCall
from .options import show_option
from .pins import ProviderPins
from .retry import retry_policy

if TYPE_CHECKING:
    from pydantic import SecretStr

    from glm_openrouter._http import AsyncHTTPClient, HTTPClient, RequestBuilder, Timeout

__all__ = ["BaseClient"]


DEFAULT_BASE_URL = "https://openrouter.ai/api/v1"


class BaseClient:
    """The part of a client that needs no socket."""

    base_url = DEFAULT_BASE_URL
    """Where the API is."""
    _http_client: Any
    """The user's own, if there is one."""

    def __init__(
        self,
        http_client: HTTPClient | AsyncHTTPClient | None,
        *,
        api_key: str | SecretStr | None = None,
        base_url: str | None = None,
        timeout: float | Timeout | None = None,
        max_retries: int = 2,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        repairs: Collection[str] = tuple(REPAIRS),
        allow_http: bool = False,
        retry_affordable: bool = False,
        pin_provider: bool = False,
        app_url: str | None = None,
        app_title: str | None = None,
        app_categories: Sequence[str] | None = None,
        default_headers: Mapping[str, str] | None = None,
        pickle_secrets: bool = True,
    ) -> None:
        from glm_openrouter import _http  # and with it httpx, which nothing needs before

        self._key: SecretStr | None = resolve_api_key(api_key)
        _check_max_retries(max_retries)
        _check_max_response_bytes(max_response_bytes)
        if unknown := set(repairs) - set(REPAIRS):
            raise InvalidRequestError(
                f"Unknown repairs: {sorted(unknown)}. There are: {sorted(REPAIRS)}."
            )
        url = base_url or os.environ.get("OPENROUTER_API_BASE") or DEFAULT_BASE_URL
        self.base_url = _http.check_base_url(url, allow_http=allow_http)
        self._http_client = http_client
        self._timeout = _http.build_timeout(timeout)
        self._max_retries = max_retries
        self._max_response_bytes = max_response_bytes
        self._repairs = frozenset(repairs)
        self._adjustments = {
            kind: adjustment
            for kind, adjustment in ADJUSTMENTS.items()
            if kind != "max_tokens" or retry_affordable
        }
        self._pins = ProviderPins() if pin_provider else None
        self._attribution = Attribution(app_url, app_title, app_categories)
        self._default_headers = Concealed(default_headers or {})
        self._pickle_secrets = pickle_secrets
        _ = self._request_builder  # checks the headers

    # A copy out of a pickle makes these anew: the key may be another, and so may the proxies of its environment.

    @cached_property
    def _headers(self) -> dict[str, str]:
        return build_headers(resolve_api_key(self._key), self._attribution, self._default_headers)

    @cached_property
    def _redact(self) -> Redactor:
        return Redactor(self._headers)

    @cached_property
    def _request_builder(self) -> RequestBuilder:
        from glm_openrouter import _http

        return _http.RequestBuilder(self.base_url, self._headers, self._timeout)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    def __getstate__(self) -> dict[str, Any]:
        left_out = ("_headers", "_redact", "_request_builder")
        state = {name: value for name, value in self.__dict__.items() if name not in left_out}
        if not self._pickle_secrets:
            state |= {"_key": None, "_default_headers": Concealed()}
        return {**state, "_http_client": None}  # the user's own cannot go to another process

    def __copy__(self) -> Self:
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # Whatever is in `memo` is taken as it is.
        keep = {id(self._http_client): self._http_client}
        copied = object.__new__(type(self))
        copied.__dict__.update(copy.deepcopy(self.__dict__, {**memo, **keep}))
        return copied

    @property
    def _retries(self) -> dict[str, Any]:
        """The policy of the retries, for one call."""
        return retry_policy(self._max_retries)

    def _new_exchange(self, request: ChatRequest, *, stream: bool) -> ChatCall:
        if not isinstance(request, ChatRequest):
            raise InvalidRequestError(
                f"A request is a ChatRequest, such as ChatRequest(messages=[...]); got {type(request).__name__}."
            )
        return ChatCall(request, stream=stream, adjustments=self._adjustments, pins=self._pins)

    def _new_call(self, exchange: ChatCall) -> ChatAttempt:
        request = exchange.request
        repairs = Repairs(
            self._repairs,
            request.tool_schemas(),
            wants_json=request.wants_json,
            thinks=thinks(request),
            stop=stop_sequences(request.stop),
        )
        silence = IdleTimer(self._timeout.read)
        return ChatAttempt(
            exchange,
            repairs=repairs,
            silence=silence,
            base_url=self._request_builder.describe(self._http_client),
            redact=self._redact,
            memory=Memory(self._max_response_bytes, answers_are_json=request.wants_json),
        )

    def _new_lookup(self, get: GetRequest) -> CatalogueAttempt:
        silence = IdleTimer(self._timeout.read)
        return CatalogueAttempt(
            silence=silence,
            base_url=self._request_builder.describe(self._http_client),
            model=get.model,
            redact=self._redact,
            memory=Memory(self._max_response_bytes),
        )


def _check_max_retries(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidRequestError(
            f"max_retries must be 0 or a positive integer, got {show_option(value)}."
        )


def _check_max_response_bytes(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise InvalidRequestError(
            f"max_response_bytes must be a positive integer, a number of bytes, got {show_option(value)}."
        )
