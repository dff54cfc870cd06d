"""What `ChatGLM` and `GLM` have in common: the connection, the parameters, and how they become a request."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Self, TypeVar, cast

from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import BaseMessage
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from glm_openrouter import (
    DEFAULT_MODEL,
    ChatRequest,
    JSONObject,
    ModelParameters,
    OpenRouterModelBase,
    ProviderPreferences,
    Settings,
    __version__,
    strip_variant,
)
from glm_openrouter._secrets import Concealed
from glm_openrouter.adapters import CallArguments, check_calls
from glm_openrouter.request.history import HistoryOptions
from glm_openrouter.request.layers import build_request
from glm_openrouter.request.parameters import ModelId, parameters_of, thinks

from ._connection import Connected
from ._errors import InvalidRequestError, translate_errors
from ._threads import current_thread
from ._to_wire.messages import to_messages
from ._to_wire.tools import ToolLike, to_tool

__all__ = [
    "ANSWER_TOOLS",
    "OpenRouterModel",
    "check_calls_of_model",
    "trace_model",
]


ANSWER_TOOLS = "answer_tools"
"""An argument for `ModelBinding`: the names of the tools of which one is the answer, none for `response_format`."""


_NOT_ON_THE_WIRE = frozenset(
    (
        ANSWER_TOOLS,
        "instruction",
        "ls_structured_output_format",
        "stream",
        "structured_output_format",
        "tool_call_retries",
        *HistoryOptions.model_fields,
    )
)
"""Arguments of a call that are no parameters of a request: LangChain adds some for itself."""


_OF_RUNS = frozenset(("callbacks", "configurable", "run_id", "run_name", "tags"))
"""What LangChain takes with its `config`."""


class OpenRouterModel(Connected, OpenRouterModelBase, ModelParameters):
    """Base of the models of this package."""

    model_config = ConfigDict(populate_by_name=True)

    _call_names = _NOT_ON_THE_WIRE

    model_name: ModelId = Field(default=DEFAULT_MODEL, alias="model")
    """Model id, with or without a routing suffix such as `:exacto` or `:nitro`."""

    stop: list[str] | str | None = Field(default=None, alias="stop_sequences")
    """Texts that end the answer; those of a call take their place."""

    model_kwargs: JSONObject = Field(default_factory=dict)
    """More parameters, for code that is used to this name; unknown ones go into the body as `extra_body` does."""

    custom_get_token_ids: Callable[[str], list[int]] | None = Field(default=None, exclude=True)
    """An exact tokenizer, without special tokens, to count with; by default counts are estimated.

    For example `lambda text: tokenizer.encode(text, add_special_tokens=False)` with one of `transformers`.
    """

    @model_validator(mode="after")
    def _no_model_kwarg_gets_lost(self) -> Self:
        for name in self.model_kwargs:
            field = _names_of(type(self)).get(name)
            if field is not None and field not in ModelParameters.model_fields:
                msg = f"{name} does not go into model_kwargs: pass it as {field}."
                raise ValueError(msg)
            if field is not None and getattr(self, field) is not None:
                msg = f"{name} is given twice, once in model_kwargs."
                raise ValueError(msg)
        self._refuse_options(self.model_kwargs)
        return self

    @model_validator(mode="after")
    def _set_glm_openrouter_version(self) -> Self:
        # The way LangChain has traces tell the packages that took part.
        cast(Any, self)._add_version("glm-openrouter", __version__)
        return self

    @property
    def model(self) -> str:
        """Same as `model_name`."""
        return self.model_name

    @property
    def openrouter_provider(self) -> ProviderPreferences | None:
        """Same as `provider`."""
        return self.provider

    def _check_call(
        self, arguments: Mapping[str, Any], more_names: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Return the arguments of a call as those may see them who listen to it; errors are LangChain's, too."""
        if not arguments:
            return {}
        arguments = Concealed(arguments)
        for name in arguments:
            if name in _OF_RUNS:
                raise InvalidRequestError(
                    f"{name} says something about the run and not about the call: pass it in config, "
                    f"as config={{{name!r}: ...}}."
                )
        with translate_errors():
            return super()._check_call(arguments, more_names)

    def _request(
        self, messages: list[BaseMessage], stop: list[str] | None, arguments: JSONObject
    ) -> ChatRequest:
        """Return the request for a call: what the model was made with, overridden by what the call says."""
        call = {name: value for name, value in arguments.items() if name not in _NOT_ON_THE_WIRE}
        with translate_errors():
            rules = self._message_rules(call.get("model") or self.model_name, arguments)
            return build_request(
                to_messages(messages, rules),
                self,
                {"model": self.model_name, "stop": self._stop_texts(stop)},
                call,
                model_kwargs=self.model_kwargs,
                instruction=arguments.get("instruction"),
                answer_tools=arguments.get(ANSWER_TOOLS, ()),
                thread_id=current_thread(),
            )

    def _stop_texts(self, stop: list[str] | None) -> list[str] | None:
        """Return the texts that end an answer: those of the call, else those of the model."""
        default = [self.stop] if isinstance(self.stop, str) else self.stop
        return default if stop is None else stop

    def get_token_ids(self, text: str) -> list[int]:
        """Return the token ids of a text, from `custom_get_token_ids`.

        Raises:
            NotImplementedError: It was not given; counts are estimated without it.
        """
        if self.custom_get_token_ids is None:
            msg = "There is no vocabulary of GLM here: pass custom_get_token_ids. To count, use get_num_tokens."
            raise NotImplementedError(msg)
        return self.custom_get_token_ids(text)

    def get_num_tokens(self, text: str) -> int:
        """Return about how many tokens a text has, or exactly with `custom_get_token_ids`."""
        from glm_openrouter.tokens import count_tokens  # late: its patterns take a while

        if self.custom_get_token_ids is None:
            return count_tokens(text)
        return len(self.get_token_ids(text))

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[ToolLike] | None = None
    ) -> int:
        """Return about how many `prompt_tokens` a request with these messages and tools will have.

        See `glm_openrouter.tokens.count_prompt_tokens` for what is counted.

        Raises:
            InvalidRequestError: A message that the model cannot take.
        """
        from glm_openrouter.tokens import count_prompt_tokens

        with translate_errors():
            return count_prompt_tokens(
                to_messages(messages, self._message_rules(self.model_name)),
                [to_tool(tool) for tool in tools or ()],
                thinking=thinks(self),
                count=self.get_num_tokens,
            )

    @property
    def _identifying_params(self) -> JSONObject:
        settings = {name: _to_plain(value) for name, value in parameters_of(self).items()}
        names = {
            "model": self.model_name,
            "stop_sequences": self.stop,
            "unsupported_content": self.unsupported_content,
            "reasoning_history": self.reasoning_history,
        }
        identity = {name: value for name, value in names.items() if value is not None}
        return {**identity, **settings, "model_kwargs": self.model_kwargs, "repairs": self.repairs}

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The constructor argument that is a secret, and the environment variable it comes from."""
        return {"openrouter_api_key": "OPENROUTER_API_KEY"}

    @property
    def lc_attributes(self) -> JSONObject:
        """The settings that LangChain cannot serialise by itself, as plain values."""
        names = ("reasoning", "provider", "plugins", "cache_control", "deferred_tools")
        plain = {name: _to_plain(getattr(self, name)) for name in names}
        return {name: value for name, value in plain.items() if value is not None}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Return that `dumps` and `loads` of LangChain work."""
        return True


def trace_model(parameters: LangSmithParams, model: str) -> LangSmithParams:
    """Return LangSmith's parameters for a model: its id as price tables list it, the routing suffix apart from it."""
    base = strip_variant(model)
    routing = {"model_variant": model.removeprefix(base).removeprefix(":")} if model != base else {}
    names = LangSmithParams(ls_provider="openrouter", ls_model_name=base)
    return cast(LangSmithParams, {**parameters, **names, **routing})


C = TypeVar("C", bound=type[Any])

_CALLS = tuple(
    f"{prefix}{name}" for name in ("invoke", "batch", "stream", "generate") for prefix in ("", "a")
)
"""Methods that take the arguments of a call, and those of them that tell LangChain's tracers about it."""


def check_calls_of_model(model_class: C) -> C:
    """Have the methods of a model check the arguments of calls before any tracer sees them."""
    return check_calls(model_class, _CALLS, _check_keywords)


def _check_keywords(
    model: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], own_names: Sequence[str]
) -> CallArguments:
    own = {name: keywords[name] for name in own_names if name in keywords}
    others = Concealed({name: keywords[name] for name in keywords if name not in own})
    return arguments, {**own, **model._check_call(others)}


@cache
def _names_of(kind: type[BaseModel]) -> dict[str, str]:
    """Return the field of a class for each name that its arguments have, here or in other packages."""
    names = {"extra_headers": "default_headers", "stream": "streaming"}
    for name, field in kind.model_fields.items():
        other = field.validation_alias
        choices = other.choices if isinstance(other, AliasChoices) else (field.alias or name,)
        names |= dict.fromkeys((name, *map(str, choices)), name)
    # LangChain has an argument `metadata`, too; in `model_kwargs` the name is that of the wire.
    return {**names, "metadata": "request_metadata"}


def _to_plain(value: object) -> Any:
    if isinstance(value, list):
        return [_to_plain(item) for item in value]
    return value.to_argument() if isinstance(value, Settings) else value
