"""What the model classes of both frameworks have in common: they hold the two clients, and survive being copied."""

import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
)

from ._client.client import AsyncClient, Client, ClientOptions
from ._client.options import refuse_options
from ._client.query import arun_query, run_query
from ._response.memory import MAX_RESPONSE_BYTES
from ._response.repairs.repairs import REPAIRS
from ._secrets import Concealed, conceal, key_from_environment
from .catalogue.queries import read_facts
from .models import ModelFacts, find_model, strip_variant

if TYPE_CHECKING:
    from ._http import AsyncHTTPClient, HTTPClient, Timeout
else:
    # pydantic looks at these when the class is made, and httpx is imported only with the first client.
    AsyncHTTPClient = HTTPClient = Timeout = object

__all__ = ["OpenRouterModelBase"]

C = TypeVar("C", Client, AsyncClient)


class OpenRouterModelBase(BaseModel):
    """Base of a model class that talks to OpenRouter.

    Copies share no client with the original. A copy in the same process keeps `http_client` and `http_async_client`;
    a copy in another process cannot.
    """

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
        defer_build=True,  # this class has no objects of its own; it saves a tenth of the import
    )

    timeout: float | Timeout | None = Field(
        default=None, validation_alias=AliasChoices("timeout", "request_timeout")
    )
    """Seconds that nothing may come: until the response starts, until its first event, between events. Default: 300.

    Also taken as `request_timeout`, and as an `httpx.Timeout`, whose `read` is what counts here.
    """

    max_retries: Annotated[int, Field(ge=0)] = 2
    """How often a failed request is sent again; never once a part of its response has been given out."""

    max_response_bytes: Annotated[int, Field(gt=0)] = MAX_RESPONSE_BYTES
    """Bytes that a response may have, decompressed, and that its JSON may need once it is read. Default: 64 MiB."""

    app_url: str | None = Field(default_factory=lambda: os.environ.get("OPENROUTER_APP_URL"))
    """Attribution, sent only if set. Default: `OPENROUTER_APP_URL`."""

    app_title: str | None = Field(default_factory=lambda: os.environ.get("OPENROUTER_APP_TITLE"))
    """Attribution, sent only if set. Default: `OPENROUTER_APP_TITLE`."""

    app_categories: list[str] | None = None
    """Attribution: categories of OpenRouter's marketplace."""

    default_headers: Annotated[Mapping[str, str], AfterValidator(Concealed)] | None = Field(
        default=None, exclude=True, repr=False
    )
    """Sent with every request. May hold credentials, so it is neither shown nor serialised."""

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

    http_client: HTTPClient | None = Field(default=None, exclude=True, repr=False)
    """Your own `httpx.Client`, which stays yours to close."""

    http_async_client: AsyncHTTPClient | None = Field(
        default=None,
        exclude=True,
        repr=False,
        validation_alias=AliasChoices("http_async_client", "async_http_client"),
    )
    """Your own `httpx.AsyncClient`, which stays yours to close. Also taken as `async_http_client`."""

    _environment_key: SecretStr | None = PrivateAttr(default_factory=key_from_environment)
    _environment_base: str | None = PrivateAttr(
        default_factory=lambda: os.environ.get("OPENROUTER_API_BASE")
    )
    """What the environment said when the model was made; both clients keep to it, and so do copies."""

    _clients: dict[Callable[..., Any], tuple[dict[str, Any], Any]] = PrivateAttr(
        default_factory=dict
    )
    """The clients that were made, by kind, with the options that they were made with."""

    _current_facts: dict[str, ModelFacts] = PrivateAttr(default_factory=dict)
    """What the catalogue said, by model."""

    @staticmethod
    def _conceal(arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a constructor in a form in which no traceback shows the secrets among them."""
        return conceal(arguments)

    @staticmethod
    def _refuse_options(arguments: Iterable[str]) -> None:
        """Refuse arguments of a call that belong to the constructor, before anybody who listens sees them."""
        refuse_options(arguments)

    def model_post_init(self, context: Any, /) -> None:
        """Let the framework finish its part; pydantic's own hook for private attributes would end the chain here."""
        super().model_post_init(context)

    @abstractmethod
    def _credentials(self) -> tuple[SecretStr | None, str | None]:
        """Return API key and base URL, for which the frameworks have names of their own."""

    def _client_options(self) -> ClientOptions:
        api_key, base_url = self._credentials()
        return {
            "api_key": api_key or self._environment_key,
            "base_url": base_url or self._environment_base,
            "timeout": self.timeout,
            "max_retries": self.max_retries,
            "max_response_bytes": self.max_response_bytes,
            "app_url": self.app_url,
            "app_title": self.app_title,
            "app_categories": self.app_categories,
            "default_headers": self.default_headers,
            "repairs": self.repairs,
            "allow_http": self.allow_http,
            "retry_affordable": self.retry_affordable,
            "pin_provider": self.pin_provider,
            "pickle_secrets": self.pickle_secrets,
        }

    def _check_connection(self) -> None:
        """Check key, base URL and own clients.

        Raises:
            AuthenticationError: There is no key.
            InvalidRequestError: One of the others makes no sense.
        """
        _ = self._client
        if self.http_async_client is not None:
            _ = self._async_client

    @property
    def _client(self) -> Client:
        return self._get_client(Client, http_client=self.http_client)

    @property
    def _async_client(self) -> AsyncClient:
        return self._get_client(AsyncClient, http_async_client=self.http_async_client)

    def _get_client(self, kind: Callable[..., C], **own: object) -> C:
        """Return a client, the same one for as long as its options do not change."""
        options = {**self._client_options(), **own}
        made = self._clients.get(kind)
        if made is None or made[0] != options:
            made = self._clients[kind] = (options, kind(**options))
        client: C = made[1]
        return client

    def _facts(self, model: str) -> ModelFacts | None:
        """Return what is known of a model: what the catalogue said if it was asked, else what is known offline."""
        return self._current_facts.get(strip_variant(model)) or find_model(model)

    def _refresh_facts(self, model: str) -> ModelFacts:
        """Ask the catalogue about a model, and keep the answer."""
        facts = run_query(self._client, read_facts(model))
        self._current_facts[strip_variant(model)] = facts
        return facts

    async def _arefresh_facts(self, model: str) -> ModelFacts:
        """Ask the catalogue about a model, and keep the answer."""
        facts = await arun_query(self._async_client, read_facts(model))
        self._current_facts[strip_variant(model)] = facts
        return facts

    def close(self) -> None:
        """Free the sockets of synchronous calls, if no other model uses them."""
        self._client.close()

    async def aclose(self) -> None:
        """Free the sockets of the running event loop, if no other model uses them."""
        await self._async_client.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        values = {**state["__dict__"], "http_client": None, "http_async_client": None}
        private = {**(state["__pydantic_private__"] or {}), "_clients": {}}
        if not self.pickle_secrets:
            values["default_headers"] = None
            values, private = _without_keys(values), _without_keys(private)
        return {**state, "__dict__": values, "__pydantic_private__": private}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        # LlamaIndex makes the model anew, with the environment of the process that the copy is in.
        self.__pydantic_private__ = {
            **(self.__pydantic_private__ or {}),
            **state["__pydantic_private__"],
        }
        if not self.pickle_secrets:
            self._environment_key = key_from_environment()

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied._clients = {}
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        # Whatever is in `memo` is taken as it is.
        keep = {id(held): held for held in (self.http_client, self.http_async_client) if held}
        return super().__deepcopy__({**(memo or {}), **keep, id(self._clients): {}})


def _without_keys(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, SecretStr) else value for name, value in values.items()}
