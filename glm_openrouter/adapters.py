"""What the model classes of both frameworks have in common: they hold the two clients, and survive being copied."""

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from inspect import Parameter, getattr_static, iscoroutinefunction, signature, unwrap
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from pydantic import AliasChoices, Field, PrivateAttr, SecretStr

from ._client.client import AsyncClient, Client
from ._client.options import ConnectionOptions, refuse_options
from ._client.pins import ProviderPins
from ._client.run_query import arun_query, run_query
from ._secrets import ApiKey, Concealed, conceal, key_from_environment
from .catalogue.queries import read_facts
from .errors import RetiringModelWarning
from .models import ModelFacts, find_model, strip_variant
from .request.call_arguments import check_arguments
from .request.history import HISTORY_OPTIONS, HistoryOptions, MessageRules

if TYPE_CHECKING:
    from ._http import AsyncHTTPClient, HTTPClient
else:
    # pydantic looks at these when the class is made, and httpx is imported only with the first client.
    AsyncHTTPClient = HTTPClient = object

__all__ = ["ApiKey", "CallArguments", "ConnectedBase", "OpenRouterModelBase", "check_calls"]

A = TypeVar("A", bound=Mapping[str, Any])
C = TypeVar("C", Client, AsyncClient)


M = TypeVar("M", bound=type[Any])

CallArguments = tuple[tuple[Any, ...], dict[str, Any]]
"""What a method is called with, by position and by name."""

CallCheck = Callable[[Any, tuple[Any, ...], dict[str, Any], Sequence[str]], CallArguments]
"""Takes a model, what a method of it is called with, by position and by name, and the names of the method's own
parameters that are not among the former; returns what to call it with."""


def check_calls(model_class: M, methods: Iterable[str], check: CallCheck) -> M:
    """Have methods of a model check what they are called with before anybody who listens sees it; return the model.

    Args:
        model_class: The class, once it is made: tracers of a framework lie around its methods, and this around them.
        methods: Their names.
        check: Does it.
    """
    for name in methods:
        setattr(model_class, name, _checked(getattr_static(model_class, name), check))
    return model_class


def _checked(method: Callable[..., Any], check: CallCheck) -> Callable[..., Any]:
    parameters = [*signature(unwrap(method)).parameters.values()][1:]
    own = [parameter.name for parameter in parameters if parameter.kind not in _FURTHER]

    @wraps(method)
    def call(self: Any, *arguments: Any, **keywords: Any) -> Any:
        keywords = Concealed(keywords)  # from tracebacks
        arguments, keywords = check(self, arguments, keywords, own[len(arguments) :])
        return method.__get__(self)(*arguments, **keywords)

    @wraps(method)
    async def acall(self: Any, *arguments: Any, **keywords: Any) -> Any:
        keywords = Concealed(keywords)
        arguments, keywords = check(self, arguments, keywords, own[len(arguments) :])
        return await method.__get__(self)(*arguments, **keywords)

    return acall if iscoroutinefunction(unwrap(method)) else call


_FURTHER = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


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


class ConnectedBase(ConnectionOptions):
    """Base of a class whose objects talk to OpenRouter, whatever for.

    Copies share no client with the original. A copy in the same process keeps `http_client` and `http_async_client`;
    a copy in another process cannot.
    """

    http_client: HTTPClient | None = Field(default=None, exclude=True, repr=False)
    """Your own `httpx.Client` or `httpx2.Client`, which stays yours to close."""

    http_async_client: AsyncHTTPClient | None = Field(
        default=None,
        exclude=True,
        repr=False,
        validation_alias=AliasChoices("http_async_client", "async_http_client"),
    )
    """Your own `httpx.AsyncClient` or `httpx2.AsyncClient`, which stays yours to close. Also taken as
    `async_http_client`."""

    _environment_key: SecretStr | None = PrivateAttr(default=None)
    _environment_base: str | None = PrivateAttr(default=None)
    """What the environment said when the model was made; both clients keep to it, and so do copies."""

    _clients: ModelClients = PrivateAttr()

    @staticmethod
    def _conceal(arguments: A) -> A:
        """Return the arguments of a constructor in a form in which no traceback shows the secrets among them."""
        return conceal(arguments)

    _client_types: ClassVar[tuple[type[Client], type[AsyncClient]]] = (Client, AsyncClient)
    """What errors of these call the base URL is the framework's own name for it."""

    def _refuse_options(self, arguments: Iterable[str]) -> None:
        """Refuse options of the connection where parameters of requests are expected."""
        refuse_options(arguments, base_url_name=self._client_types[0]._base_url_name)

    def model_post_init(self, context: Any, /) -> None:
        """Set the private attributes, for which pydantic would look at the signature of each factory each time."""
        super().model_post_init(context)
        self._environment_key = key_from_environment()
        self._environment_base = os.environ.get("OPENROUTER_API_BASE")
        self._clients = ModelClients()

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
        return self._clients.get(self._client_types[0], options)

    @property
    def _async_client(self) -> AsyncClient:
        options = {**self._client_options(), "http_async_client": self.http_async_client}
        return self._clients.get(self._client_types[1], options)

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

    _not_compared: ClassVar[frozenset[str]] = frozenset()
    """Fields of a framework that say nothing of what a model does, and that no copy has the same of."""

    def __eq__(self, other: object) -> bool:
        """Return whether another model is made with the same settings, whatever both have been used for."""
        if not isinstance(other, ConnectedBase) or type(self) is not type(other):
            return NotImplemented
        return self._settings() == other._settings()

    def _settings(self) -> tuple[dict[str, Any], dict[str, Any]]:
        names = type(self).model_fields.keys() - self._not_compared
        return {name: getattr(self, name) for name in names}, self._client_options()

    # Copies: pydantic's own, but for what the user's own clients and the secrets need.

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied._clients = ModelClients()
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        clients = {name: getattr(self, name) for name in _OWN_CLIENTS if getattr(self, name)}
        without = self.model_copy(update=dict.fromkeys(clients))  # nobody can copy these
        return super(ConnectedBase, without).__deepcopy__(memo).model_copy(update=clients)

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


class OpenRouterModelBase(ConnectedBase, HistoryOptions):
    """Base of a model class that talks to OpenRouter."""

    _call_names: ClassVar[frozenset[str]] = frozenset()
    """Arguments of calls that a framework has besides those of `ChatRequest`."""

    _current_facts: dict[str, ModelFacts] = PrivateAttr(default={})
    """What the catalogue said, by model."""

    _warned: set[str] = PrivateAttr(default=set())
    """What this model has warned of."""

    def _check_call(
        self, arguments: Mapping[str, Any], more_names: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Return the arguments of a call as those may see them who listen to it.

        Raises:
            InvalidRequestError: One belongs to the constructor, or there is none of its name.
        """
        arguments = Concealed(arguments)  # also from tracebacks
        self._refuse_options(arguments)
        return check_arguments(arguments, self._call_names.union(more_names))

    def _facts(self, model: str) -> ModelFacts | None:
        """Return what is known of a model: what the catalogue said if it was asked, else what is known offline."""
        return self._current_facts.get(strip_variant(model)) or find_model(model)

    def _message_rules(
        self, model: str, arguments: Mapping[str, Any] = MappingProxyType({})
    ) -> MessageRules:
        """Return what of a conversation goes to a model.

        Args:
            model: The model of the call.
            arguments: Those of the call, of which some may be `HistoryOptions`.

        Raises:
            InvalidRequestError: One of those makes no sense.
        """
        options = {name: getattr(self, name) for name in HISTORY_OPTIONS}
        if arguments:
            options |= {
                name: value for name in options if (value := arguments.get(name)) is not None
            }
        return MessageRules(model, self._facts, self._warn_once, **options)

    def _warn_once(self, topic: str, warning: Warning, stacklevel: int = 3) -> None:
        if topic not in self._warned:
            self._warned.add(topic)
            warnings.warn(warning, stacklevel=stacklevel)

    def _refresh_facts(self, model: str) -> ModelFacts:
        """Ask the catalogue about a model, and keep the answer."""
        return self._keep_facts(model, run_query(self._client._transport, read_facts(model)))

    async def _arefresh_facts(self, model: str) -> ModelFacts:
        """Ask the catalogue about a model, and keep the answer."""
        query = arun_query(self._async_client._transport, read_facts(model))
        return self._keep_facts(model, await query)

    def _keep_facts(self, model: str, facts: ModelFacts) -> ModelFacts:
        name, day = strip_variant(model), facts.expiration_date
        self._current_facts[name] = facts
        if day:
            problem = f"OpenRouter retires {name} on {day}: choose another model."
            self._warn_once(problem, RetiringModelWarning(problem), stacklevel=5)
        return facts


_OWN_CLIENTS = ("http_client", "http_async_client")
"""Fields with a user's own, which cannot be copied and cannot go to another process."""


def _without_keys(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, SecretStr) else value for name, value in values.items()}
