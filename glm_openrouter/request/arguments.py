"""Arguments, as type checkers and editors see them: written by `make arguments`, from the fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Required, TypedDict

from glm_openrouter._idle import TimeLimits
from glm_openrouter.request.parameters import CacheControl, Debug, Reasoning
from glm_openrouter.request.plugins import (
    ContextCompression,
    FileParser,
    OtherPlugin,
    PDFOptions,
    ResponseHealing,
    WebSearch,
)
from glm_openrouter.request.provider import MaxPrice, ProviderPreferences, ProviderSort
from glm_openrouter.request.tools import DeferredTools, ToolSearch

__all__ = [
    "CacheControlDict",
    "ChatRequestArguments",
    "ContextCompressionDict",
    "DebugDict",
    "DeferredToolsDict",
    "FileParserDict",
    "HistoryArguments",
    "MaxPriceDict",
    "PDFOptionsDict",
    "ParameterArguments",
    "ProviderPreferencesDict",
    "ProviderSortDict",
    "ReasoningDict",
    "ResponseHealingDict",
    "ToolSearchDict",
    "WebSearchDict",
]


class ReasoningDict(TypedDict, total=False):
    """`Reasoning` as a dict."""

    enabled: bool | None
    """Whether the model thinks."""
    effort: Literal["max", "xhigh", "high", "medium", "low", "minimal", "none"] | None
    """Excludes `max_tokens`. `none` turns thinking off."""
    max_tokens: int | None
    """A budget for thinking, in tokens."""
    exclude: bool | None
    """Think, at the same price, but do not send the reasoning."""
    summary: Literal["auto", "concise", "detailed"] | None
    """How detailed a summary of the reasoning is, for models that show no more than that."""


class ProviderSortDict(TypedDict, total=False):
    """`ProviderSort` as a dict."""

    by: Literal["price", "throughput", "latency", "exacto"] | None
    """What to sort by; the best endpoint is the first to be tried."""
    partition: Literal["model", "none"] | None
    """`model` sorts the endpoints of each model, `none` those of all `models` together."""


class MaxPriceDict(TypedDict, total=False):
    """`MaxPrice` as a dict."""

    prompt: int | float | str | None
    """USD per million tokens."""
    completion: int | float | str | None
    """USD per million tokens."""
    request: int | float | str | None
    """USD per request."""
    image: int | float | str | None
    """USD per image."""
    audio: int | float | str | None
    """USD per unit."""


class ProviderPreferencesDict(TypedDict, total=False):
    """`ProviderPreferences` as a dict."""

    order: list[str] | tuple[str, ...] | None
    """Try these first, in this order. Turns off load balancing, sorting (also by `:exacto`) and warm caches."""
    allow_fallbacks: bool | None
    """`False`: only the first choice, or those in `order`."""
    require_parameters: bool | None
    """Use only endpoints that support every parameter of the request; each parameter narrows the choice."""
    data_collection: Literal["allow", "deny"] | None
    """`deny`: use only providers that neither store prompts nor train on them."""
    zdr: bool | None
    """Use only endpoints with zero data retention."""
    enforce_distillable_text: bool | None
    """Use only models whose author allows distillation."""
    only: list[str] | tuple[str, ...] | None
    """Use only these providers."""
    ignore: list[str] | tuple[str, ...] | None
    """Never use these providers."""
    quantizations: (
        Sequence[
            Literal[
                "int4",
                "int8",
                "fp4",
                "mxfp4",
                "nvfp4",
                "fp6",
                "fp8",
                "mxfp8",
                "fp16",
                "bf16",
                "fp32",
                "unknown",
            ]
        ]
        | None
    )
    """Use only endpoints with weights of these precisions."""
    sort: (
        Literal["price", "throughput", "latency", "exacto"] | ProviderSort | ProviderSortDict | None
    )
    """Turns off load balancing. Wins over a suffix such as `:exacto`."""
    max_price: MaxPrice | MaxPriceDict | None
    """Use only endpoints that cost no more."""
    preferred_min_throughput: (
        int | float | Mapping[Literal["p50", "p75", "p90", "p99"], int | float] | None
    )
    """Tokens per second, at the median or at each percentile. Slower endpoints are the last to be tried."""
    preferred_max_latency: (
        int | float | Mapping[Literal["p50", "p75", "p90", "p99"], int | float] | None
    )
    """Seconds to the first token, at the median or at each percentile. Slower endpoints are the last to be tried."""
    options: Mapping[str, Mapping[str, Any]] | None
    """Extra fields for single providers: slug -> fields."""


class WebSearchDict(TypedDict, total=False):
    """`WebSearch` as a dict."""

    enabled: bool | None
    """`False` switches off a plugin that the account has on by default."""
    id: Literal["web"]
    """The plugin."""
    engine: Literal["native", "exa", "firecrawl", "parallel", "perplexity"] | None
    """Who searches."""
    max_results: int | None
    """How many pages a search finds."""
    max_uses: int | None
    """How many searches there may be."""
    mode: str | None
    """How the engine searches; which modes there are depends on it."""
    search_prompt: str | None
    """What introduces the results in the prompt."""
    include_domains: list[str] | tuple[str, ...] | None
    """Search only these."""
    exclude_domains: list[str] | tuple[str, ...] | None
    """Leave these out."""
    user_location: Mapping[str, Any] | None
    """Where the user is, roughly."""


class PDFOptionsDict(TypedDict, total=False):
    """`PDFOptions` as a dict."""

    engine: Literal["cloudflare-ai", "mistral-ocr", "native", "pdf-text"] | None
    """What reads them. `pdf-text` is an old name of `cloudflare-ai`."""


class FileParserDict(TypedDict, total=False):
    """`FileParser` as a dict."""

    enabled: bool | None
    """`False` switches off a plugin that the account has on by default."""
    id: Literal["file-parser"]
    """The plugin."""
    pdf: PDFOptions | PDFOptionsDict | None
    """How PDFs are read."""


class ResponseHealingDict(TypedDict, total=False):
    """`ResponseHealing` as a dict."""

    enabled: bool | None
    """`False` switches off a plugin that the account has on by default."""
    id: Literal["response-healing"]
    """The plugin."""


class ContextCompressionDict(TypedDict, total=False):
    """`ContextCompression` as a dict."""

    enabled: bool | None
    """`False` switches off a plugin that the account has on by default."""
    id: Literal["context-compression"]
    """The plugin."""
    engine: Literal["middle-out"] | None
    """How the prompt is shortened."""


class ToolSearchDict(TypedDict, total=False):
    """`ToolSearch` as a dict."""

    type: Literal["bm25", "regex", "custom"]
    """By words, by a pattern, or with a tool of yours."""
    max_results: int | None
    """How many tools a search returns at most."""
    tool_id: str | None
    """The tool of yours that searches, for `custom`."""
    result_key: str | None
    """The key of its result that holds the names it has found, for `custom`."""


class DeferredToolsDict(TypedDict, total=False):
    """`DeferredTools` as a dict."""

    names: list[str] | tuple[str, ...] | None
    """Which tools to defer, besides those that say so themselves by `defer_loading`. Names of tools that a request does
    not have change nothing."""
    search: ToolSearch | ToolSearchDict
    """How the model finds them."""
    protocol: Literal["v1"]
    """The version of OpenRouter's protocol."""
    profile: Literal["portable", "universal"]
    """Whether only the deferred tools are behind the search, or all that can be."""
    validation: Literal["runtime"]
    """Where arguments are checked: at OpenRouter."""


class CacheControlDict(TypedDict, total=False):
    """`CacheControl` as a dict."""

    type: Literal["ephemeral"]
    """The only kind of cache there is."""
    ttl: Literal["5m", "1h"] | None
    """How long the cache is kept. Default: 5 minutes."""


class ParameterArguments(TypedDict, total=False):
    """Parameters of a request, for a model or for one request."""

    models: list[str] | tuple[str, ...] | None
    """Models to try in this order if the first fails; each may carry its own routing suffix."""
    route: str | None
    """Obsolete; use `models`."""
    preset: str | None
    """The slug of a preset of the account; a model id can name it, too: `@preset/slug`."""
    max_tokens: int | None
    """Limits reasoning and answer together."""
    max_completion_tokens: int | None
    """The new name of `max_tokens`, with the same meaning."""
    temperature: int | float | None
    """How much chance there is in the choice of each token: 0 is the least, 2 the most. Z.AI's default for GLM 4.6
    is 1."""
    top_p: int | float | None
    """Choose among the most probable tokens that have this probability together, from 0 to 1."""
    top_k: int | None
    """Choose among this many of the most probable tokens; 0 is all of them."""
    min_p: int | float | None
    """Choose among tokens with at least this share of the probability of the most probable one, from 0 to 1."""
    top_a: int | float | None
    """Like `min_p`, with the square of that probability as the measure, from 0 to 1."""
    frequency_penalty: int | float | None
    """Makes tokens less probable the more often they have come, from -2 to 2."""
    presence_penalty: int | float | None
    """Makes tokens less probable that have come at all, from -2 to 2."""
    repetition_penalty: int | float | None
    """Makes tokens of prompt and answer less probable, from 0 to 2; 1 changes nothing."""
    seed: int | None
    """The same request with the same seed gives the same answer, where a provider can do that."""
    logit_bias: Mapping[str, int | float] | None
    """Token id -> what is added to its logit, from -100 to 100."""
    logprobs: bool | None
    """Whether the answer comes with the log probability of each token. Few providers send it."""
    top_logprobs: int | None
    """How many other tokens come with each, up to 20. Needs `logprobs`."""
    parallel_tool_calls: bool | None
    """Whether the model may call several tools in one turn. OpenRouter's default: yes."""
    modalities: list[str] | tuple[str, ...] | None
    """What kinds of answers are wanted, such as `text`."""
    verbosity: str | None
    """How long answers are, for models that know it; GLM does not."""
    reasoning: (
        bool
        | Literal["max", "xhigh", "high", "medium", "low", "minimal", "none"]
        | Reasoning
        | ReasoningDict
        | None
    )
    """`True` or `False` for on and off, a level of effort, or all of `Reasoning`."""
    reasoning_effort: Literal["max", "xhigh", "high", "medium", "low", "minimal", "none"] | None
    """A level of effort, for code that is used to this name; see `reasoning`."""
    include_reasoning: bool | None
    """Obsolete; use `reasoning`."""
    provider: ProviderPreferences | ProviderPreferencesDict | None
    """Which providers answer, and in which order. Also taken as `openrouter_provider`."""
    openrouter_provider: ProviderPreferences | ProviderPreferencesDict | None
    """Which providers answer, and in which order. Also taken as `openrouter_provider`."""
    plugins: (
        Sequence[
            WebSearch
            | WebSearchDict
            | FileParser
            | FileParserDict
            | ResponseHealing
            | ResponseHealingDict
            | ContextCompression
            | ContextCompressionDict
            | OtherPlugin
            | Mapping[str, Any]
        ]
        | None
    )
    """`WebSearch`, `FileParser` and others of `glm_openrouter`; give any other plugin as an object with an `id`."""
    transforms: list[str] | tuple[str, ...] | None
    """The old form of the plugin `context-compression`: `["middle-out"]`, or `[]`."""
    service_tier: (
        Literal["auto", "default", "fast", "flex", "priority", "scale", "ultrafast"] | None
    )
    """Which of the tiers of a provider that has some."""
    web_search_options: Mapping[str, Any] | None
    """Settings of the web search of models that have one of their own."""
    server_tools: Sequence[str | Mapping[str, Any]] | None
    """Tools that OpenRouter runs itself, beside all others of a request: their types, such as
    `openrouter:web_search`, or objects with a `type` and settings."""
    deferred_tools: bool | list[str] | tuple[str, ...] | DeferredTools | DeferredToolsDict | None
    """Tools that the model has to search for first: a list of their names, `True` for those that say so themselves by
    `defer_loading`, or all of `DeferredTools`. In beta at OpenRouter."""
    stop_server_tools_when: Sequence[Mapping[str, Any]] | None
    """When to stop the tools that OpenRouter runs itself: `{"type": "max_cost", "max_cost_in_dollars": 0.1}`."""
    user: str | None
    """A stable pseudonym of the end user."""
    session_id: str | None
    """One per conversation: keeps its requests at the provider whose prompt cache is warm. Default: that of the block
    `with glm_openrouter.session(...)`, else the framework's own id of the conversation, else
    `OPENROUTER_SESSION_ID`."""
    trace: Mapping[str, Any] | None
    """For observability tools, such as `trace_id` and `span_name`."""
    request_metadata: Mapping[str, str] | None
    """Up to 16 texts about the request, for your logs at OpenRouter. Sent as `metadata`, a name that both frameworks
    have for something else."""
    prompt_cache_key: str | None
    """Keeps requests at one provider, if there is no `session_id`."""
    cache_control: CacheControl | CacheControlDict | None
    """Where a prompt cache ends, for models whose caches are not automatic; those of GLM are."""
    response_cache: bool | int | None
    """Whether OpenRouter answers a request that it has answered before from its response cache, for nothing, and keeps
    new answers there: for 5 minutes, or for so many seconds, up to 86,400. Sent as headers. In beta at OpenRouter."""
    extra_body: Mapping[str, Any] | None
    """Anything else for the body, merged last; it may also replace what is set above."""


class DebugDict(TypedDict, total=False):
    """`Debug` as a dict."""

    echo_upstream_body: bool | None
    """Whether a stream begins with the request that the provider got."""


class ChatRequestArguments(ParameterArguments, total=False):
    """Arguments of `ChatRequest`."""

    messages: Required[Sequence[Mapping[str, Any]]]
    """The conversation, in OpenRouter's form; at least one message."""
    model: str
    """Model id, with or without a routing suffix such as `:exacto` or `:nitro`."""
    stop: str | list[str] | tuple[str, ...] | None
    """Texts that end the answer, also where the provider does not keep to them."""
    tools: Sequence[Mapping[str, Any]] | None
    """What the model may call, in OpenAI's form, and tools that OpenRouter runs itself."""
    tool_choice: str | Mapping[str, Any] | None
    """`auto`, `none`, `required`, or one tool in OpenAI's form. Z.AI itself knows only `auto`."""
    response_format: Mapping[str, Any] | None
    """The form of the answer: `json_object`, or `json_schema` with a schema, in OpenAI's form."""
    prediction: Mapping[str, Any] | None
    """Text that much of the answer is expected to repeat, in OpenAI's form."""
    metadata: Mapping[str, str] | None
    """Up to 16 texts about the request, for your logs at OpenRouter. Also taken as `metadata`, the name on the wire."""
    debug: Debug | DebugDict | None
    """What OpenRouter should tell of its own work."""
    timeout: float | TimeLimits | None
    """How long nothing may come, for this request alone: seconds, or an `httpx.Timeout`. Default: the client's."""
    extra_headers: Mapping[str, str] | None
    """Headers of this request alone; they win over those of the client. Their values are never shown."""
    thread_id: str | None
    """The framework's own id of the conversation: the `session_id` if nothing else gives one; not sent as itself."""


class HistoryArguments(TypedDict, total=False):
    """What becomes of earlier turns."""

    unsupported_content: Literal["replace", "raise"]
    """What to do about an image, audio or video that the model does not take, where it is in the result of a tool or in
    an earlier answer: `replace` it by a few words that name it, with one warning, or `raise` an `InvalidRequestError`.
    What a user's own message holds always raises."""
    reasoning_history: Literal["all", "turn", "none"] | None
    """Whose reasoning goes back to the model: that of `all` turns, of the open `turn` (all that follows the last
    question, with its tool calls), or `none`. Default: `turn` for models that clear the rest themselves, which GLM
    does up to 4.6, else `all`."""
