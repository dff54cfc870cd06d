"""The models and endpoints that the offline OpenRouter knows, close to the real ones."""

from dataclasses import dataclass
from typing import Any, Final

from .refusal import RefusalError

__all__ = [
    "DEFAULT_MODEL",
    "ENDPOINTS",
    "Endpoint",
    "Model",
    "find_model",
    "list_models",
    "resolve_model",
]

DEFAULT_MODEL: Final = "z-ai/glm-4.6"
_VIRTUAL_VARIANTS: Final = frozenset({"exacto", "nitro", "floor", "online"})
_STATIC_VARIANTS: Final = frozenset({"free", "extended", "thinking", "batch"})
_COMMON_PARAMETERS: Final = frozenset(
    [
        "frequency_penalty",
        "include_reasoning",
        "max_tokens",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning",
        "repetition_penalty",
        "seed",
        "stop",
        "temperature",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    ]
)


@dataclass(frozen=True)
class Model:
    """A row of the catalogue."""

    id: str
    name: str
    created: int
    context_length: int = 204_800
    input_modalities: tuple[str, ...] = ("text",)
    expiration_date: str | None = None

    def to_row(self) -> dict[str, Any]:
        """Return the row as `/models` gives it."""
        best = ENDPOINTS[0]
        return {
            "id": self.id,
            "canonical_slug": self.id,
            "name": self.name,
            "created": self.created,
            "description": f"{self.name}, served offline by rules.",
            "context_length": self.context_length,
            "architecture": {
                "modality": f"{'+'.join(self.input_modalities)}->text",
                "input_modalities": list(self.input_modalities),
                "output_modalities": ["text"],
                "tokenizer": "Other",
                "instruct_type": None,
            },
            "pricing": best.to_pricing(),
            "top_provider": {
                "context_length": best.context_length,
                "max_completion_tokens": best.max_completion_tokens,
                "is_moderated": False,
            },
            "per_request_limits": None,
            "supported_parameters": sorted(best.supported_parameters),
            "default_parameters": {"temperature": 0.6, "top_p": None, "frequency_penalty": None},
            "expiration_date": self.expiration_date,
        }


@dataclass(frozen=True)
class Endpoint:
    """A provider of the models, with its prices in USD per million tokens."""

    slug: str
    provider_name: str
    quantization: str
    prompt_price: float
    completion_price: float
    cached_price: float
    supported_parameters: frozenset[str]
    latency: float
    """Milliseconds to the first token, at the median."""
    throughput: float
    """Tokens per second, at the median."""
    uptime: float
    """Percent."""
    context_length: int = 204_800
    max_completion_tokens: int = 131_072
    keeps_prompts: bool = False
    """Whether prompts are stored, or trained on."""

    @property
    def tag(self) -> str:
        """The slug with its quantization."""
        return f"{self.slug}/{self.quantization}"

    def to_pricing(self) -> dict[str, str]:
        """Return the prices as the catalogue writes them: strings, USD for a single token."""
        return {
            "prompt": _per_token(self.prompt_price),
            "completion": _per_token(self.completion_price),
            "request": "0",
            "image": "0",
            "input_cache_read": _per_token(self.cached_price),
        }

    def to_row(self, model: Model, *, with_speed: bool) -> dict[str, Any]:
        """Return the row as `/models/{id}/endpoints` gives it; latency and throughput only go to those with a key."""
        return {
            "name": f"{self.provider_name} | {model.id}",
            "model_id": model.id,
            "model_name": model.name,
            "tag": self.tag,
            "provider_name": self.provider_name,
            "quantization": self.quantization,
            "context_length": min(self.context_length, model.context_length),
            "max_completion_tokens": self.max_completion_tokens,
            "max_prompt_tokens": None,
            "pricing": self.to_pricing(),
            "supported_parameters": sorted(self.supported_parameters),
            "supports_tool_choice": dict.fromkeys(["auto", "none", "required", "function"], True),
            "supports_implicit_caching": True,
            "service_tier": None,
            "status": 0,
            "uptime_last_5m": 100.0,
            "uptime_last_30m": self.uptime,
            "uptime_last_1d": self.uptime,
            "latency_last_30m": _spread(self.latency, _LATENCY_SPREAD) if with_speed else None,
            "throughput_last_30m": _spread(self.throughput, _THROUGHPUT_SPREAD)
            if with_speed
            else None,
        }


_LATENCY_SPREAD: Final = {"p50": 1.0, "p75": 1.5, "p90": 2.4, "p99": 6.0}
_THROUGHPUT_SPREAD: Final = {"p50": 1.0, "p75": 0.8, "p90": 0.6, "p99": 0.3}
"""A measure at each percentile, as a multiple of the median."""


def _spread(median: float, factors: dict[str, float]) -> dict[str, float]:
    return {percentile: round(median * factor, 1) for percentile, factor in factors.items()}


def _per_token(price: float) -> str:
    return f"{price / 1_000_000:.10f}".rstrip("0").rstrip(".")


_FULL: Final = _COMMON_PARAMETERS | {"response_format", "structured_outputs"}

# In the order in which `:exacto` prefers them, and in which `glm-openrouter providers` lists them.
ENDPOINTS: Final = (
    Endpoint(
        slug="venice",
        provider_name="Venice",
        quantization="fp4",
        prompt_price=0.43,
        completion_price=1.75,
        cached_price=0.08,
        supported_parameters=_FULL,
        latency=1_900,
        throughput=61,
        uptime=99.4,
        max_completion_tokens=16_384,
    ),
    Endpoint(
        slug="novita",
        provider_name="Novita",
        quantization="bf16",
        prompt_price=0.55,
        completion_price=2.20,
        cached_price=0.11,
        supported_parameters=_COMMON_PARAMETERS | {"response_format"},
        latency=1_100,
        throughput=47,
        uptime=99.9,
    ),
    Endpoint(
        slug="z-ai",
        provider_name="Z.AI",
        quantization="fp8",
        prompt_price=0.60,
        completion_price=2.20,
        cached_price=0.11,
        supported_parameters=_COMMON_PARAMETERS,
        latency=1_400,
        throughput=38,
        uptime=99.2,
        keeps_prompts=True,
    ),
    Endpoint(
        slug="deepinfra",
        provider_name="DeepInfra",
        quantization="fp4",
        prompt_price=0.50,
        completion_price=2.00,
        cached_price=0.10,
        supported_parameters=_COMMON_PARAMETERS,
        latency=700,
        throughput=29,
        uptime=98.1,
    ),
)

_WITH_IMAGES: Final = ("text", "image", "video")

_MODELS: Final = {
    model.id: model
    for model in (
        Model("z-ai/glm-4.6", "Z.AI: GLM 4.6", 1_759_235_576),
        Model("z-ai/glm-4.5", "Z.AI: GLM 4.5", 1_753_471_347, 131_072),
        Model("z-ai/glm-4.5-air", "Z.AI: GLM 4.5 Air", 1_753_471_258, 131_072),
        Model("z-ai/glm-4.6v", "Z.AI: GLM 4.6V", 1_765_207_462, 131_072, _WITH_IMAGES),
        Model("z-ai/glm-4.7", "Z.AI: GLM 4.7", 1_766_378_014, expiration_date="2026-12-31"),
        Model("z-ai/glm-5", "Z.AI: GLM 5", 1_770_829_182),
        Model("z-ai/glm-5-turbo", "Z.AI: GLM 5 Turbo", 1_773_583_573),
    )
}


def list_models() -> list[Model]:
    """Return all rows of the catalogue."""
    return list(_MODELS.values())


def resolve_model(model: str | None, fallbacks: list[str] | None) -> Model:
    """Return the first model that exists, as a request with `models` asks for.

    Raises:
        RefusalError: None of them exists.
    """
    wanted = [*([model] if model else []), *(fallbacks or [])] or [DEFAULT_MODEL]
    refusals = []
    for candidate in wanted:
        try:
            return find_model(candidate)
        except RefusalError as refusal:
            refusals.append(refusal)
    raise refusals[0]


def find_model(model_id: str) -> Model:
    """Return the model that an id means: variants and presets point to the same row.

    Raises:
        RefusalError: There is no such model (400), or not in that variant (404).
    """
    name, _, preset = model_id.partition("@preset/")
    if preset and not name:
        return _MODELS[DEFAULT_MODEL]
    base, _, variant = name.partition(":")
    model = _MODELS.get(DEFAULT_MODEL if base == "openrouter/auto" else base)
    if model is None or (variant and variant not in _VIRTUAL_VARIANTS | _STATIC_VARIANTS):
        raise RefusalError(400, f"{model_id} is not a valid model ID")
    if variant in _STATIC_VARIANTS:
        raise RefusalError(404, f"No endpoints found for {model_id}.")
    return model
