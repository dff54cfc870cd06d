"""The arguments of LlamaIndex's `OpenRouter`, `OpenAILike` and `OpenAI` that are no parameters of OpenRouter."""

from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, Protocol, Self, runtime_checkable

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_serializer,
    field_validator,
    model_validator,
)

from glm_openrouter import ModelParameters

__all__ = ["OpenAICompatArguments", "Tokenizer"]

JSONObject = dict[str, Any]


@runtime_checkable
class Tokenizer(Protocol):
    """What counts tokens: anything with an `encode`."""

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        ...


class OpenAICompatArguments(BaseModel):
    """What a program may pass that was written for another class; `docs/llamaindex-arguments.md` has the whole list."""

    model_config = ConfigDict(arbitrary_types_allowed=True, defer_build=True)

    additional_kwargs: JSONObject = Field(default_factory=dict)
    """More parameters, for code that is used to this name; unknown ones go into the body as `extra_body` does."""

    should_use_structured_outputs: bool | None = None
    """Whether structured prediction uses `response_format`. Default: as `pydantic_program_mode` says."""

    tokenizer: Tokenizer | str | None = None
    """Counts the prompt where `is_chat_model` is off, so that `max_tokens` can be what the context window leaves.

    A text names a tokenizer of Hugging Face, which needs `transformers`. An object is not serialised.
    """

    reuse_client: bool = True
    """Changes nothing: connections are shared, also between event loops, which is what turning this off is good for."""

    api_version: Literal["", "v1"] | None = None
    """Changes nothing: OpenRouter has one version."""

    audio_config: JSONObject | None = None
    """Must be empty: answers are read as text."""

    openai_client: None = Field(default=None, exclude=True, repr=False)
    """Must be `None`: there is no client of OpenAI's. See `http_client`."""

    async_openai_client: None = Field(default=None, exclude=True, repr=False)
    """Must be `None`: there is no client of OpenAI's. See `http_async_client`."""

    @model_validator(mode="before")
    @classmethod
    def _take_other_names(cls, values: Any) -> Any:
        """Take `max_new_tokens`, and `order` and `allow_fallbacks`, for what they are: parts of `provider`."""
        rest = dict(values)
        if "max_new_tokens" in rest:
            rest["max_tokens"] = rest.pop("max_new_tokens")
        named = {name: rest.pop(name, None) for name in ("order", "allow_fallbacks")}
        routing = {name: value for name, value in named.items() if value is not None}
        return _with_routing(rest, routing) if routing else rest

    @field_validator("additional_kwargs")
    @classmethod
    def _belongs_into_the_body(cls, value: JSONObject) -> JSONObject:
        others = cls.model_fields.keys() - ModelParameters.model_fields.keys()
        instead = dict.fromkeys(others, "pass it to the constructor.") | _NOT_IN_THE_BODY
        for name in sorted(instead.keys() & value.keys()):
            msg = f"{name} does not go into additional_kwargs: {instead[name]}"
            raise ValueError(msg)
        return value

    @field_validator("audio_config")
    @classmethod
    def _asks_for_no_audio(cls, value: JSONObject | None) -> None:
        if value:
            msg = "Answers are read as text, so that audio would be lost: leave out audio_config."
            raise ValueError(msg)

    @field_serializer("tokenizer")
    def _name_of_tokenizer(self, tokenizer: Tokenizer | str | None) -> str | None:
        return tokenizer if isinstance(tokenizer, str) else None

    @model_validator(mode="after")
    def _tokenizer_can_be_had(self) -> Self:
        if isinstance(self.tokenizer, str) and not find_spec("transformers"):
            msg = f"tokenizer={self.tokenizer!r} needs transformers: pip install transformers"
            raise ImportError(msg)
        return self

    @property
    def _tokenizer(self) -> Tokenizer | None:
        tokenizer = self.tokenizer
        return _load_tokenizer(tokenizer) if isinstance(tokenizer, str) else tokenizer


_NOT_IN_THE_BODY = {
    "extra_headers": "use default_headers.",
    "extra_query": "OpenRouter takes no query.",
    "stream": "call stream_chat or stream_complete.",
}
"""What the SDK of OpenAI takes there too, and what to do instead."""


def _with_routing(values: JSONObject, routing: JSONObject) -> JSONObject:
    """Return arguments with all routing in `provider`, wherever it was, because only one of the places can win."""
    more = dict(values.get("additional_kwargs") or {})
    extra = dict(more.get("extra_body") or {})
    places = (values.pop("openrouter_provider", None), values.pop("provider", None))
    settings = [*places, more.pop("provider", None), extra.pop("provider", None)]
    merged = {name: value for part in settings for name, value in dict(part or {}).items()}
    if "extra_body" in more:
        more["extra_body"] = extra
    return {**values, "additional_kwargs": more, "provider": {**merged, **routing}}


@lru_cache(maxsize=8)
def _load_tokenizer(name: str) -> Tokenizer:
    tokenizer: Tokenizer = import_module("transformers").AutoTokenizer.from_pretrained(name)
    return tokenizer
