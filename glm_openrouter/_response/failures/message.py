"""The message of an error: what happened, where, and what to do."""

from collections.abc import Sequence

from glm_openrouter.errors import ErrorDetails

__all__ = ["describe"]

_EXCLUDED_BY = {
    "geo": "your region",
    "data_region": "the data region of the base URL",
    "data_policy:zdr": "`provider.zdr`",
    "data_policy:training": "`provider.data_collection`",
    "max_price": "`provider.max_price`",
    "context_length": "the length of the prompt plus `max_tokens`",
    "require_parameters": "`provider.require_parameters`",
    "quantization": "`provider.quantizations`",
    "allowed_providers": "`provider.only`",
}
"""`availability.excluded_by` and routing steps -> the part of the request to change."""

_EXCLUDED_BY_TEXT = (
    ("support tool use", "`tools`"),
    ("'tool_choice'", "`tool_choice`"),
    ("image input", "an image in `messages`"),
    ("output modalities", "`modalities`"),
    (
        "data policy",
        "`provider.data_collection`, `provider.zdr` or the privacy settings of the account",
    ),
    ("allowed providers", "`provider.only`"),
)
"""Texts of a 404 -> the part of the request to change."""


_AVAILABILITY = {
    "model_not_found": "Check the model id (https://openrouter.ai/models).",
    "wrong_endpoint": "This model cannot be asked here (https://openrouter.ai/models).",
    "no_endpoints": "No endpoint is left that `provider` and the settings of the account allow.",
    "model_deprecated": "OpenRouter has retired the model.",
    "model_unavailable_upstream": "No provider offers the model now.",
    "free_variant_ended": "The free variant has ended; the model without `:free` is not free.",
    "capacity_exhausted": "All providers of the model are at their limits.",
    "temporarily_unavailable": "All providers of the model have failed.",
    "region_restricted": "The model is not offered in your region.",
}
"""`availability.code` -> what it means; of other codes, `excluded_by` says more."""


def describe(text: str, details: ErrorDetails, causes: Sequence[str], *, hint: str = "") -> str:
    """Say what happened, where, and what to do.

    Args:
        text: What OpenRouter or the provider said.
        details: What is known besides.
        causes: Names of what in the request has excluded endpoints.
        hint: What else to do.
    """
    what = f"[{details.get('provider_name') or 'OpenRouter'}] {text.rstrip('. ')} ({details.get('status_code')})."
    where = f"Model: {details.get('model')}." if details.get("model") else ""
    return " ".join(filter(None, (what, where, *_advice(text, details, causes), hint)))


def _advice(text: str, details: ErrorDetails, causes: Sequence[str]) -> list[str]:
    advice = []
    status = details.get("status_code")
    if status == 401:
        advice.append(
            "Check the API key (OPENROUTER_API_KEY, https://openrouter.ai/settings/keys)."
        )
    if affordable := details.get("affordable_max_tokens"):
        advice.append(f"Set max_tokens to at most {affordable}, or add credits.")
    if (status == 404 or causes) and (excluded := _excluded_by(text, causes)):
        advice.append(f"Excluded by {excluded}.")
    elif availability := _AVAILABILITY.get(details.get("availability") or ""):
        advice.append(availability)
    elif status in (400, 404) and "not a valid model" in text:
        advice.append(_AVAILABILITY["model_not_found"])
    if models := details.get("fallback_models"):
        advice.append(f"OpenRouter suggests {' or '.join(models)}.")
    if wait := details.get("retry_after"):
        advice.append(f"Retry after {_duration(wait)}.")
    return advice


def _excluded_by(text: str, causes: Sequence[str]) -> str:
    """Name the parts of the request that left no endpoint."""
    fields = [_EXCLUDED_BY.get(cause, cause) for cause in causes]
    lower = text.lower()
    fields += [field for fragment, field in _EXCLUDED_BY_TEXT if fragment in lower]
    return ", ".join(dict.fromkeys(fields))


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
