"""What every class of this package has that talks to OpenRouter: the key and the address, under LlamaIndex's names."""

from typing import Any

from pydantic import Field, SecretStr, model_validator

from glm_openrouter.adapters import ApiKey, ConnectedBase

from ._clients import IndexAsyncClient, IndexClient

__all__ = ["Connected"]


class Connected(ConnectedBase):
    """Base of a class of this package whose objects talk to OpenRouter."""

    _client_types = (IndexClient, IndexAsyncClient)
    _not_compared = frozenset(("callback_manager",))

    api_key: ApiKey | None = Field(default=None, exclude=True, repr=False)
    """Default: `OPENROUTER_API_KEY`."""

    api_base: str | None = None
    """Default: `OPENROUTER_API_BASE`, else https://openrouter.ai/api/v1."""

    def __init__(self, model: str | None = None, **arguments: Any) -> None:
        arguments = self._conceal(arguments)
        named = {} if model is None else {"model": model}
        super().__init__(**{**named, **arguments})
        self._check_connection()

    @model_validator(mode="before")
    @classmethod
    def _leave_out_class_name(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments without what LlamaIndex adds to every dump."""
        added = {"class_name": cls.class_name()}
        return {name: value for name, value in values.items() if (name, value) not in added.items()}

    @classmethod
    def class_name(cls) -> str:
        """Return the name under which LlamaIndex serialises a class."""
        raise NotImplementedError

    def _credentials(self) -> tuple[SecretStr | None, str | None]:
        return self.api_key, self.api_base
