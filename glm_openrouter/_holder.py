"""What the model classes of both frameworks have in common: they hold the two clients, and survive being copied."""

from abc import abstractmethod
from typing import Any, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PrivateAttr

from ._client import AsyncClient, Client, ClientOptions
from ._http import AsyncHTTPClient, HTTPClient

__all__ = ["ClientHolder"]


class ClientHolder(BaseModel):
    """Base of a model class that talks to OpenRouter.

    Copies share no client with the original. One in the same process keeps `http_client` and `http_async_client`; one in
    another process cannot.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    http_client: HTTPClient | None = Field(default=None, exclude=True, repr=False)
    """Your own `httpx.Client`, which stays yours to close."""

    http_async_client: AsyncHTTPClient | None = Field(
        default=None,
        exclude=True,
        repr=False,
        validation_alias=AliasChoices("http_async_client", "async_http_client"),
    )
    """Your own `httpx.AsyncClient`, which stays yours to close. Also taken as `async_http_client`."""

    _made: dict[str, tuple[ClientOptions, Any, Any]] = PrivateAttr(default_factory=dict)
    """The clients that were made, with what they were made of: a changed option makes a new one."""

    @abstractmethod
    def _client_options(self) -> ClientOptions:
        """Return what the clients are made with."""

    @property
    def _client(self) -> Client:
        options, mine = self._client_options(), self.http_client
        made = self._made.get("sync")
        if made is None or made[:2] != (options, mine):
            made = self._made["sync"] = (options, mine, Client(http_client=mine, **options))
        client: Client = made[2]
        return client

    @property
    def _async_client(self) -> AsyncClient:
        options, mine = self._client_options(), self.http_async_client
        made = self._made.get("async")
        if made is None or made[:2] != (options, mine):
            made = self._made["async"] = (options, mine, AsyncClient(http_async_client=mine, **options))
        client: AsyncClient = made[2]
        return client

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
        private = {**(state["__pydantic_private__"] or {}), "_made": {}}
        return {**state, "__dict__": values, "__pydantic_private__": private}

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied._made = {}
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        # Whatever is in `memo` is taken as it is.
        keep = {id(held): held for held in (self.http_client, self.http_async_client) if held}
        copied = super().__deepcopy__({**(memo or {}), **keep, id(self._made): {}})
        return copied
