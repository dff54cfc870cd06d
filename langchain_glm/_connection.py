"""What every class of this package has that talks to OpenRouter: the key, the address, and the checks of both."""

from typing import Any

from langchain_core.utils import from_env, secret_from_env
from pydantic import ConfigDict, Field, SecretStr

from glm_openrouter.adapters import ApiKey, ConnectedBase

from ._errors import translate_errors

__all__ = ["MODEL_CONFIG", "Connected"]

MODEL_CONFIG = ConfigDict(
    extra="forbid",
    populate_by_name=True,
    arbitrary_types_allowed=True,
    protected_namespaces=(),
    hide_input_in_errors=True,  # it may be a key under a wrong name
    defer_build=False,
)
"""Every class sets this itself: pydantic takes the config of the last base class, which is LangChain's."""


class Connected(ConnectedBase):
    """Base of a class of this package whose objects talk to OpenRouter."""

    model_config = ConfigDict(populate_by_name=True)

    openrouter_api_key: ApiKey | None = Field(
        default_factory=secret_from_env("OPENROUTER_API_KEY", default=None), alias="api_key"
    )
    """Default: `OPENROUTER_API_KEY`."""

    openrouter_api_base: str | None = Field(
        default_factory=from_env("OPENROUTER_API_BASE", default=None), alias="base_url"
    )
    """Default: `OPENROUTER_API_BASE`, else https://openrouter.ai/api/v1."""

    def __init__(self, **arguments: Any) -> None:
        arguments = self._conceal(arguments)
        super().__init__(**arguments)
        with translate_errors():
            self._check_connection()

    @property
    def request_timeout(self) -> Any:
        """Same as `timeout`."""
        return self.timeout

    def _credentials(self) -> tuple[SecretStr | None, str | None]:
        return self.openrouter_api_key, self.openrouter_api_base
