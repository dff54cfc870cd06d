"""What `ChatGLM` and `GLM` have in common: the connection, the parameters, and how they become a request."""

from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.utils import from_env, secret_from_env
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from glm_openrouter import (
    DEFAULT_MODEL,
    ChatRequest,
    ClientHolder,
    ModelParameters,
    ProviderPreferences,
)

from ._errors import translate_errors
from ._to_wire import to_messages

__all__ = ["MODEL_CONFIG", "OpenRouterModel"]

JSONObject = dict[str, Any]


MODEL_CONFIG = ConfigDict(
    extra="forbid", populate_by_name=True, arbitrary_types_allowed=True, protected_namespaces=()
)
"""For each class of its own: of the bases of a class, pydantic lets the last one win, which is LangChain's."""


class OpenRouterModel(ClientHolder, ModelParameters):
    """Base of the models of this package."""

    model_config = ConfigDict(
        extra="forbid", populate_by_name=True, arbitrary_types_allowed=True, protected_namespaces=()
    )

    model_name: str = Field(default=DEFAULT_MODEL, alias="model")
    """Model id, with or without a routing suffix such as `:exacto` or `:nitro`."""

    openrouter_api_key: SecretStr | None = Field(
        default_factory=secret_from_env("OPENROUTER_API_KEY", default=None), alias="api_key"
    )
    """Default: `OPENROUTER_API_KEY`."""

    openrouter_api_base: str | None = Field(
        default_factory=from_env("OPENROUTER_API_BASE", default=None), alias="base_url"
    )
    """Default: `OPENROUTER_API_BASE`, else https://openrouter.ai/api/v1."""

    stop: list[str] | str | None = Field(default=None, alias="stop_sequences")
    """Texts that end the answer; those of a call take their place."""

    model_kwargs: JSONObject = Field(default_factory=dict)
    """More parameters, for code that is used to this name; unknown ones go into the body as `extra_body` does."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        with translate_errors():
            _ = self._client  # which checks the key and the base URL

    @property
    def model(self) -> str:
        """Same as `model_name`."""
        return self.model_name

    @property
    def request_timeout(self) -> Any:
        """Same as `timeout`."""
        return self.timeout

    @property
    def openrouter_provider(self) -> ProviderPreferences | None:
        """Same as `provider`."""
        return self.provider

    def _connection(self) -> tuple[SecretStr | None, str | None]:
        return self.openrouter_api_key, self.openrouter_api_base

    def _request(
        self, messages: list[BaseMessage], stop: list[str] | None, arguments: JSONObject
    ) -> ChatRequest:
        """Return the request for a call: what the model was made with, overridden by what the call says."""
        given = {name: value for name, value in arguments.items() if name not in _NOT_ON_THE_WIRE}
        defaults = {"model": self.model_name, "stop": self.stop if stop is None else stop}
        model = given.get("model") or self.model_name
        return self.build_request(
            to_messages(messages, model), defaults, given, more=self.model_kwargs
        )

    @property
    def _identifying_params(self) -> JSONObject:
        settings = {name: _to_plain(value) for name, value in self.parameters().items()}
        return {"model": self.model_name, **settings, "model_kwargs": self.model_kwargs}

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The constructor argument that is a secret, and the environment variable it comes from."""
        return {"openrouter_api_key": "OPENROUTER_API_KEY"}

    @property
    def lc_attributes(self) -> JSONObject:
        """The settings that LangChain cannot serialise by itself, as plain values."""
        plain = {"reasoning": self.reasoning, "provider": self.provider}
        return {name: _to_plain(value) for name, value in plain.items() if value is not None}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Return that `dumps` and `loads` of LangChain work."""
        return True


_NOT_ON_THE_WIRE = frozenset(("ls_structured_output_format", "stream"))
"""Arguments of a call that LangChain adds for itself."""


def _to_plain(value: object) -> Any:
    return value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else value
