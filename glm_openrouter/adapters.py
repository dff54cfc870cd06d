"""What the model classes of both frameworks have in common: they hold the two clients, and survive being copied."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import AliasChoices, Field, PrivateAttr, SecretStr

from ._client.client import AsyncClient, Client
from ._client.options import ConnectionOptions, refuse_options
from ._client.pins import ProviderPins
from ._client.run_query import arun_query, run_query
from ._secrets import conceal, key_from_environment
from .catalogue.queries import read_facts
from .models import ModelFacts, find_model, strip_variant

if TYPE_CHECKING:
    from ._http import AsyncHTTPClient, HTTPClient
else:
    # pydantic looks at these when the class is made, and httpx is imported only with the first client.
    AsyncHTTPClient = HTTPClient = object

__all__ = ["OpenRouterModelBase"]

A = TypeVar("A", bound=Mapping[str, Any])
C = TypeVar("C", Client, AsyncClient)


class ModelClients:
    """The clients of one model, and the pins that they share. Its copies are empty, and so are its pickles."""

    def __init__(self) -> None:
        self._clients: dict[object, tuple[dict[str, Any], Any]] = {}
        """By type, with the options that they were made with."""
        self._pins = ProviderPins()

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()

    def get(self, client_type: Callable[..., C], options: dict[str, Any]) -> C:
        """Return a client, the same one for as long as its options do not change."""
        old_options, client = self._clients.get(client_type, (None, None))
        if client is None or old_options != options:
            client = client_type(**options)
            client._share_pins(self._pins)
            self._clients[client_type] = (options, client)
        model_client: C = client
        return model_client


class OpenRouterModelBase(ConnectionOptions):
    """Base of a model class that talks to OpenRouter.

    Copies share no client with the original. A copy in the same process keeps `http_client` and `http_async_client`;
    a copy in another process cannot.
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

    _clients: ModelClients = PrivateAttr(default_factory=ModelClients)

    _current_facts: dict[str, ModelFacts] = PrivateAttr(default_factory=dict)
    """What the catalogue said, by model."""

    @staticmethod
    def _conceal(arguments: A) -> A:
        """Return the arguments of a constructor in a form in which no traceback shows the secrets among them."""
        return conceal(arguments)

    @staticmethod
    def _refuse_options(arguments: Iterable[str]) -> None:
        """Refuse arguments of a call that belong to the constructor, before anybody who listens sees them."""
        refuse_options(arguments)

    def model_post_init(self, context: Any, /) -> None:
        """Let the framework finish its part; pydantic's own hook for private attributes would end the chain here."""
        super().model_post_init(context)

    def _credentials(self) -> tuple[SecretStr | None, str | None]:
        """Return API key and base URL, for which the frameworks have names of their own."""
        raise NotImplementedError  # not abstract: LlamaIndex makes a span of each call of an abstract method

    def _client_options(self) -> dict[str, Any]:
        api_key, base_url = self._credentials()
        return {
            "api_key": api_key or self._environment_key,
            "base_url": base_url or self._environment_base,
            **{name: getattr(self, name) for name in ConnectionOptions.model_fields},
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
        options = {**self._client_options(), "http_client": self.http_client}
        return self._clients.get(Client, options)

    @property
    def _async_client(self) -> AsyncClient:
        options = {**self._client_options(), "http_async_client": self.http_async_client}
        return self._clients.get(AsyncClient, options)

    def _facts(self, model: str) -> ModelFacts | None:
        """Return what is known of a model: what the catalogue said if it was asked, else what is known offline."""
        return self._current_facts.get(strip_variant(model)) or find_model(model)

    def _refresh_facts(self, model: str) -> ModelFacts:
        """Ask the catalogue about a model, and keep the answer."""
        facts = run_query(self._client._transport, read_facts(model))
        self._current_facts[strip_variant(model)] = facts
        return facts

    async def _arefresh_facts(self, model: str) -> ModelFacts:
        """Ask the catalogue about a model, and keep the answer."""
        facts = await arun_query(self._async_client._transport, read_facts(model))
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

    # Copies: pydantic's own, but for what the user's own clients and the secrets need.

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied._clients = ModelClients()
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        clients = {name: getattr(self, name) for name in _OWN_CLIENTS if getattr(self, name)}
        without = self.model_copy(update=dict.fromkeys(clients))  # nobody can copy these
        return super(OpenRouterModelBase, without).__deepcopy__(memo).model_copy(update=clients)

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        values = {**state["__dict__"], **dict.fromkeys(_OWN_CLIENTS)}
        private = state["__pydantic_private__"] or {}
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


_OWN_CLIENTS = ("http_client", "http_async_client")
"""Fields with a user's own, which cannot be copied and cannot go to another process."""


def _without_keys(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, SecretStr) else value for name, value in values.items()}
