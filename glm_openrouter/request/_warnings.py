"""Warnings about requests that will not do what they seem to say. They are sent anyway."""

import functools
import warnings
from collections.abc import Iterable
from typing import Final

from glm_openrouter.errors import RoutingConflictWarning, SmallMaxTokensWarning
from glm_openrouter.models import find_model

from .provider import ProviderPreferences

__all__ = ["LEAST_MAX_TOKENS", "check_max_tokens", "check_routing"]

LEAST_MAX_TOKENS: Final = 1024
"""Tokens. GLM 4.6 was seen to take 314 to 1,937 for a greeting, nearly all of them for thinking."""

_SORTED_BY: Final = {"exacto": "exacto", "nitro": "throughput", "floor": "price"}
"""Routing suffixes, and the `provider.sort` that they stand for."""


def check_routing(models: Iterable[str], provider: ProviderPreferences) -> None:
    """Warn if a routing suffix has no effect.

    It stands for a `provider.sort`, so an explicit one wins
    (https://openrouter.ai/docs/guides/routing/model-variants/exacto), and `provider.order` turns off all sorting
    (https://openrouter.ai/docs/guides/routing/provider-selection).
    """
    if not provider.order and provider.sort_key is None:
        return
    for model in models:
        suffix = model.partition(":")[2].partition("@")[0]
        if suffix not in _SORTED_BY:
            continue
        if provider.order:
            winner = "provider.order wins: it is the order in which providers are tried"
        elif provider.sort_key != _SORTED_BY[suffix]:
            winner = f"provider.sort wins: providers are sorted by {provider.sort_key}"
        else:
            continue
        _warn_once(
            RoutingConflictWarning,
            f":{suffix} in {model} has no effect, {winner}. Leave out one of the two.",
        )


def check_max_tokens(limit: int, model: str) -> None:
    """Warn if a limit may leave GLM no room for an answer once it has thought."""
    if limit < LEAST_MAX_TOKENS and find_model(model):
        _warn_once(
            SmallMaxTokensWarning,
            f"max_tokens={limit} limits thinking and answer together, and {model} may spend all of it on thinking and "
            f"answer nothing. Set at least {LEAST_MAX_TOKENS}, or turn thinking off with reasoning=False.",
        )


@functools.lru_cache(maxsize=1024)
def _warn_once(category: type[Warning], message: str) -> None:
    """Warn, once for each message in the life of the process."""
    warnings.warn(message, category, stacklevel=2)
