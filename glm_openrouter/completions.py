"""What a response adds up to, whole and in increments."""

from typing import Final

from msgspec import Struct

from ._json.values import JSONObject, PositiveNumber, TokenCount

__all__ = [
    "CUT",
    "Completion",
    "CompletionTokensDetails",
    "Delta",
    "PromptTokensDetails",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
]


CUT: Final = ("length", "content_filter", "error", None)
"""Finish reasons of a response that was cut off."""


class PromptTokensDetails(Struct, gc=False):
    """Parts of `prompt_tokens`."""

    cached_tokens: TokenCount | None = None
    cache_write_tokens: TokenCount | None = None
    audio_tokens: TokenCount | None = None


class CompletionTokensDetails(Struct, gc=False):
    """Parts of `completion_tokens`."""

    reasoning_tokens: TokenCount | None = None
    audio_tokens: TokenCount | None = None


class Usage(Struct, omit_defaults=True, gc=False):
    """Tokens and cost of one response, as OpenRouter reports them.

    `prompt_tokens` includes cached ones and `completion_tokens` includes reasoning
    (https://openrouter.ai/docs/cookbook/administration/usage-accounting).
    """

    prompt_tokens: TokenCount | None = None
    completion_tokens: TokenCount | None = None
    total_tokens: TokenCount | None = None
    cost: PositiveNumber | None = None
    """USD charged to the account."""
    is_byok: bool | None = None
    prompt_tokens_details: PromptTokensDetails | None = None
    completion_tokens_details: CompletionTokensDetails | None = None
    cost_details: JSONObject | None = None
    server_tool_use_details: JSONObject | None = None
    server_tool_use: JSONObject | None = None
    search_units: TokenCount | None = None
    """What some models that rank documents are paid by."""


class ToolCallDelta(Struct, gc=False):
    """An increment of a tool call."""

    index: int | None = None
    """Position of the call in the response; `None` only where the wire does not say."""
    id: str | None = None
    """Sent once, when it is known."""
    name: str | None = None
    """Sent once, when it is known."""
    arguments: str = ""
    """The next part of the arguments, a string of JSON."""


class Delta(Struct, gc=False):
    """One increment of a response. Parts that did not come are empty."""

    text: str = ""
    reasoning: str = ""
    tool_calls: list[ToolCallDelta] | tuple[()] = ()
    logprobs: JSONObject | None = None
    text_was_reasoning: bool = False
    """Whether all text that came before was reasoning after all, which only a late `</think>` revealed."""

    def __bool__(self) -> bool:
        """Whether the increment holds anything."""
        return bool(
            self.text
            or self.reasoning
            or self.tool_calls
            or self.logprobs
            or self.text_was_reasoning
        )


class ToolCall(Struct, gc=False):
    """A tool call of a finished response."""

    id: str
    name: str
    arguments: str
    """The arguments as received, byte for byte; as JSON, if the repair `tool_arguments` has read them."""
    parsed: JSONObject | None = None
    """The arguments as an object; `None` if the call must not run."""
    error: str | None = None
    """Why the call must not run."""
    cut: bool = False
    """Whether it must not run because the response was cut off; else its arguments, or its name, are malformed."""


class Completion(Struct, gc=False):
    """A finished response."""

    id: str | None = None
    model: str | None = None
    """The model that answered; often without the routing suffix of the request."""
    provider: str | None = None
    created: int | None = None
    """Seconds since the epoch."""
    text: str = ""
    reasoning: str = ""
    reasoning_details: list[JSONObject] | None = None
    """To be sent back unmodified with this turn; `None` if the response had no such key."""
    tool_calls: list[ToolCall] = []
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    usage: Usage | None = None
    """`None` if none was reported; never an estimate."""
    annotations: list[JSONObject] = []
    refusal: str | None = None
    """What the model said instead of an answer; empty if a filter took all of it without a word."""
    logprobs: JSONObject | None = None
    service_tier: str | None = None
    system_fingerprint: str | None = None
    openrouter_metadata: JSONObject | None = None
    safeguard_results: list[JSONObject] | None = None
    """What the plugin `armor` found in each tool call."""
    alignment: JSONObject | None = None
    """What the plugin `alignment` found."""
    adjustments: list[str] = []
    """How the request was changed because it was refused, such as `tool_choice: required -> auto`."""
    cached: bool | None = None
    """Whether it came from OpenRouter's response cache, for nothing; `None` if that was not asked: see
    `response_cache`."""
    replayed: bool = False
    """Whether it came from a `Journal`, for nothing; the usage is that of the first time."""

    def _repr_html_(self) -> str:
        from ._html import fact_table  # which a program needs in a notebook alone

        usage = self.usage or Usage()
        counts = ((usage.prompt_tokens, "in"), (usage.completion_tokens, "out"))
        facts = {
            "Text": self.text,
            "Reasoning": self.reasoning,
            "Tool calls": "\n".join(f"{call.name}({call.arguments})" for call in self.tool_calls),
            "Refusal": self.refusal,
            "Model": self.model,
            "Provider": self.provider,
            "Finish reason": self.finish_reason,
            "Tokens": ", ".join(f"{count:,g} {way}" for count, way in counts if count is not None),
            "USD": None if usage.cost is None else f"{usage.cost:.6f}",
            "Adjustments": "\n".join(self.adjustments),
        }
        return fact_table(facts)

    def metadata(self) -> JSONObject:
        """Return what both frameworks show besides the message, under the wire's own names.

        Keys without a value are left out.
        """
        usage = self.usage
        facts = {
            "id": self.id,
            "model_name": self.model,
            "provider": self.provider,
            "created": self.created,
            "finish_reason": self.finish_reason,
            "native_finish_reason": self.native_finish_reason,
            "cost": usage.cost if usage else None,
            "cost_details": usage.cost_details if usage else None,
            "is_byok": usage.is_byok if usage else None,
            "logprobs": self.logprobs,
            "service_tier": self.service_tier,
            "system_fingerprint": self.system_fingerprint or None,
            "openrouter_metadata": self.openrouter_metadata,
            "safeguard_results": self.safeguard_results,
            "alignment": self.alignment,
            "adjustments": self.adjustments or None,
            "cached": self.cached,
            "replayed": self.replayed or None,
        }
        return {key: value for key, value in facts.items() if value is not None}
