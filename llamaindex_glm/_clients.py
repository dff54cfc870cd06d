"""The clients of the core, in whose errors the base URL has LlamaIndex's name."""

from glm_openrouter import AsyncClient, Client

__all__ = ["IndexAsyncClient", "IndexClient"]


class IndexClient(Client):
    """`Client`, made with `api_base`."""

    _base_url_name = "api_base"


class IndexAsyncClient(AsyncClient):
    """`AsyncClient`, made with `api_base`."""

    _base_url_name = "api_base"
