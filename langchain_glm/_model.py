"""What `ChatGLM` and `GLM` have in common: the connection, the parameters, and how they become a request."""

from collections.abc import Collection, Mapping
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.utils import from_env, secret_from_env
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from glm_openrouter import (
    DEFAULT_MODEL,
    REPAIRS,
    ChatRequest,
    ClientHolder,
    ClientOptions,
    ModelParameters,
    Timeout,
)

from ._errors import translate_errors
from ._to_wire import to_messages

__all__ = ["OpenRouterModel"]

JSONObject = dict[str, Any]


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

    request_timeout: float | Timeout | None = Field(default=None, alias="timeout")
    """Seconds that nothing may come: until the response starts, until its first event, between events. Default: 300."""

    max_retries: int = Field(default=2, ge=0)
    """How often a failed request is sent again, before anything of its response was given out."""

    app_url: str | None = Field(default_factory=from_env("OPENROUTER_APP_URL", default=None))
    """Attribution, sent only if set. Default: `OPENROUTER_APP_URL`."""

    app_title: str | None = Field(default_factory=from_env("OPENROUTER_APP_TITLE", default=None))
    """Attribution, sent only if set. Default: `OPENROUTER_APP_TITLE`."""

    app_categories: list[str] | None = None
    """Attribution: categories of OpenRouter's marketplace."""

    default_headers: Mapping[str, str] | None = Field(default=None, exclude=True, repr=False)
    """Sent with every request. May hold credentials, so it is neither shown nor serialised."""

    session_id: str | None = Field(
        default_factory=from_env("OPENROUTER_SESSION_ID", default=None), max_length=256
    )
    """One per conversation, which keeps prompt caches warm. Default: `OPENROUTER_SESSION_ID`."""

    stop: list[str] | str | None = Field(default=None, alias="stop_sequences")
    """Texts that end the answer; those of a call take their place."""

    model_kwargs: JSONObject = Field(default_factory=dict)
    """More parameters, for code that is used to this name; unknown ones go into the body as `extra_body` does."""

    repairs: Collection[str] = tuple(REPAIRS)
    """Names of the repairs of GLM's quirks that run; see `glm_openrouter.REPAIRS`."""

    allow_http: bool = False
    """Allow a base URL that would send the key unencrypted to another machine."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        with translate_errors():
            _ = self._client  # which checks the key and the base URL

    @property
    def model(self) -> str:
        """Same as `model_name`."""
        return self.model_name

    def _client_options(self) -> ClientOptions:
        key = self.openrouter_api_key
        return {
            "api_key": key.get_secret_value() if key else None,
            "base_url": self.openrouter_api_base,
            "timeout": self.request_timeout,
            "max_retries": self.max_retries,
            "app_url": self.app_url,
            "app_title": self.app_title,
            "app_categories": self.app_categories,
            "default_headers": self.default_headers,
            "repairs": self.repairs,
            "allow_http": self.allow_http,
        }

    def _request(
        self, messages: list[BaseMessage], stop: list[str] | None, arguments: JSONObject
    ) -> ChatRequest:
        """Return the request for a call: what the model was made with, overridden by what the call says."""
        given = {_NAMES.get(name, name): value for name, value in arguments.items()}
        more = {_NAMES.get(name, name): value for name, value in self.model_kwargs.items()}
        unknown = more.keys() - ChatRequest.model_fields.keys()
        parameters = {
            **self.parameters(),
            "model": self.model_name,
            "stop": self.stop if stop is None else stop,
            **{name: value for name, value in more.items() if name not in unknown},
            **{name: value for name, value in given.items() if name not in _NOT_ON_THE_WIRE},
        }
        bodies = ({name: more[name] for name in unknown}, self.extra_body, given.get("extra_body"))
        if any(bodies):
            parameters["extra_body"] = {key: body[key] for body in bodies for key in body or ()}
        wire_messages = to_messages(messages, parameters["model"])
        return ChatRequest(messages=wire_messages, **parameters)

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


_NAMES = {"openrouter_provider": "provider", "model_name": "model", "stop_sequences": "stop"}
"""Names of arguments of a call that have another one on the wire."""

_NOT_ON_THE_WIRE = frozenset(("ls_structured_output_format", "stream"))
"""Arguments of a call that LangChain adds for itself."""


def _to_plain(value: object) -> Any:
    return value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else value
