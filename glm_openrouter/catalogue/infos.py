"""What the catalogue says, as data."""

from msgspec import Struct

from glm_openrouter._json.values import Index, JSONObject, Number, WholeNumber

__all__ = [
    "ActivityInfo",
    "AliasTarget",
    "Architecture",
    "CreditsInfo",
    "EndpointInfo",
    "GenerationInfo",
    "KeyInfo",
    "ModelInfo",
    "PercentileStats",
    "Pricing",
    "TopProvider",
]


class Pricing(Struct):
    """Prices in USD per million tokens, unless a field says otherwise; `None` if unknown, or not fixed."""

    prompt: Number | None = None
    completion: Number | None = None
    input_cache_read: Number | None = None
    input_cache_write: Number | None = None
    internal_reasoning: Number | None = None
    audio: Number | None = None
    request: Number | None = None
    """USD for a request."""
    image: Number | None = None
    """USD for an image."""
    web_search: Number | None = None
    """USD for a search."""
    discount: Number | None = None
    """The share that is taken off the prices, from 0 to 1."""


class Architecture(Struct):
    """What goes into a model, and what comes out."""

    modality: str | None = None
    input_modalities: list[str] = []
    output_modalities: list[str] = []
    tokenizer: str | None = None


class TopProvider(Struct):
    """The limits of the provider that OpenRouter ranks best; others may give more."""

    context_length: Index | None = None
    max_completion_tokens: Index | None = None
    is_moderated: bool | None = None


class AliasTarget(Struct):
    """The model that an alias such as `~z-ai/glm-latest` stands for now."""

    name: str | None = None
    slug: str | None = None
    """Its id."""


class ModelInfo(Struct):
    """A row of the catalogue. There is none for a routing suffix such as `:exacto`."""

    id: str | None = None
    canonical_slug: str | None = None
    name: str | None = None
    description: str | None = None
    created: Index | None = None
    """Seconds since the epoch."""
    context_length: Index | None = None
    architecture: Architecture | None = None
    pricing: Pricing | None = None
    top_provider: TopProvider | None = None
    supported_parameters: list[str] = []
    """What some provider of the model supports."""
    default_parameters: JSONObject | None = None
    reasoning: JSONObject | None = None
    knowledge_cutoff: str | None = None
    expiration_date: str | None = None
    """The day from which OpenRouter may no longer serve it, such as `2026-12-31`."""
    alias_target: AliasTarget | None = None


class PercentileStats(Struct):
    """A measure at four percentiles: `p90` is what 90 % of the requests stayed below."""

    p50: Number | None = None
    p75: Number | None = None
    p90: Number | None = None
    p99: Number | None = None


class EndpointInfo(Struct):
    """A model at one provider."""

    name: str | None = None
    tag: str | None = None
    """Names this endpoint in `provider.order`, `only` and `ignore`, such as `novita/bf16`."""
    provider_name: str | None = None
    """The display name, such as `Z.AI`; it is not a slug."""
    model_id: str | None = None
    quantization: str | None = None
    context_length: Index | None = None
    max_completion_tokens: Index | None = None
    max_prompt_tokens: Index | None = None
    pricing: Pricing | None = None
    supported_parameters: list[str] = []
    supports_tool_choice: dict[str, bool] | None = None
    supports_implicit_caching: bool | None = None
    service_tier: str | None = None
    status: WholeNumber | None = None
    """0 is good; below 0 the endpoint is deranked."""
    uptime_last_5m: Number | None = None
    """Percent of the requests that did not fail, as in the next two."""
    uptime_last_30m: Number | None = None
    uptime_last_1d: Number | None = None
    latency_last_30m: PercentileStats | None = None
    """Milliseconds to the first token. `None` without a key, and without traffic."""
    throughput_last_30m: PercentileStats | None = None
    """Tokens per second. `None` without a key, and without traffic."""

    def supports(self, *parameters: str) -> bool:
        """Return whether the endpoint supports all these parameters, such as `tools` or `structured_outputs`."""
        return set(parameters) <= set(self.supported_parameters)


class KeyInfo(Struct):
    """Limits and use of an API key; all amounts are in USD."""

    label: str | None = None
    limit: Number | None = None
    """`None` if there is no limit."""
    limit_remaining: Number | None = None
    limit_reset: str | None = None
    """How often the limit is reset, such as `monthly`."""
    include_byok_in_limit: bool | None = None
    usage: Number | None = None
    usage_daily: Number | None = None
    usage_weekly: Number | None = None
    usage_monthly: Number | None = None
    byok_usage: Number | None = None
    is_free_tier: bool | None = None
    is_management_key: bool | None = None
    expires_at: str | None = None


class CreditsInfo(Struct):
    """What an account has bought and used over all time, in USD."""

    total_credits: Number | None = None
    """Bought."""
    total_usage: Number | None = None
    """Used."""

    @property
    def remaining(self) -> float | None:
        """What is left; below 0 if more was used than bought, `None` if one of the two is not known."""
        if self.total_credits is None or self.total_usage is None:
            return None
        return self.total_credits - self.total_usage

    def _repr_html_(self) -> str:
        from glm_openrouter._html import fact_table  # which a program needs in a notebook alone

        amounts = {"Bought": self.total_credits, "Used": self.total_usage, "Left": self.remaining}
        facts = {
            name: f"{amount:,.2f} USD" for name, amount in amounts.items() if amount is not None
        }
        return fact_table(facts)


class ActivityInfo(Struct):
    """What an account used of one model at one provider on one day."""

    date: str | None = None
    """The day in UTC, such as `2026-11-30`."""
    model: str | None = None
    """Its id, such as `z-ai/glm-4.6`."""
    model_permaslug: str | None = None
    """The id of this version of it, which has a date for some models."""
    endpoint_id: str | None = None
    provider_name: str | None = None
    """The display name, such as `Z.AI`."""
    usage: Number | None = None
    """USD charged to the account."""
    byok_usage_inference: Number | None = None
    """USD that providers charge to your own keys with them; `usage` does not include it."""
    requests: Index | None = None
    prompt_tokens: Index | None = None
    completion_tokens: Index | None = None
    reasoning_tokens: Index | None = None


class GenerationInfo(Struct):
    """What OpenRouter remembers of one response."""

    id: str | None = None
    model: str | None = None
    provider_name: str | None = None
    created_at: str | Index | None = None
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    tokens_prompt: Index | None = None
    """As GPT's tokenizer counts them; `native_tokens_prompt` is what is billed."""
    tokens_completion: Index | None = None
    native_tokens_prompt: Index | None = None
    native_tokens_completion: Index | None = None
    native_tokens_reasoning: Index | None = None
    native_tokens_cached: Index | None = None
    total_cost: Number | None = None
    """USD charged to the account."""
    upstream_inference_cost: Number | None = None
    """USD."""
    cache_discount: Number | None = None
    """USD."""
    latency: Number | None = None
    """Milliseconds."""
    generation_time: Number | None = None
    """Milliseconds."""
    streamed: bool | None = None
    cancelled: bool | None = None
    is_byok: bool | None = None
    router: str | None = None
    service_tier: str | None = None
    session_id: str | None = None
    request_id: str | None = None
    upstream_id: str | None = None
    provider_responses: list[JSONObject] | None = None
    """The tries at providers; the last one answered."""
