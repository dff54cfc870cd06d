"""The provider that answered last, so that the next request of a session asks it first."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict

from glm_openrouter._json.values import JSONObject

__all__ = ["ProviderPins", "provider_slug"]

_SLUGS = {
    "AtlasCloud": "atlas-cloud",
    "Mancer 2": "mancer",
    "Moonshot AI": "moonshotai",
    "NovitaAI": "novita",
    "SiliconFlow": "siliconflow",
    "WandB": "wandb",
}
"""Display name -> slug, where the rule does not hold (https://openrouter.ai/docs/guides/routing/provider-selection)."""

_MOST_PINS = 10_000
_LONGEST_NAME = 100
"""Characters. Anything longer is no provider, and would be kept for long."""


def provider_slug(name: str) -> str:
    """Return the slug of a provider, as `provider.order` takes it; responses only have its display name.

    The slug is the name in lower case, with hyphens for everything but letters and digits: `Z.AI` is `z-ai`.
    """
    return _SLUGS.get(name) or re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


class ProviderPins:
    """The providers that answered last, by session and model. Requests without a session share one pin.

    A pin is a wish: it is sent as `provider.order`, and OpenRouter goes on to others if that provider fails. Then the
    one that answers is the next pin. OpenRouter ignores a wrong slug. Thread-safe; the oldest pins are forgotten.
    Copies are empty, and so is what comes out of a pickle.
    """

    def __init__(self) -> None:
        self._names: OrderedDict[tuple[str | None, str], str] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[ProviderPins], tuple[()]]:
        return ProviderPins, ()

    def apply(self, body: JSONObject) -> JSONObject:
        """Return the body with the pin of its session, unless it names providers itself."""
        preferences = body.get("provider") or {}
        name = self._names.get(_key(body))
        if name is None or preferences.get("order") or preferences.get("only"):
            return body
        return {**body, "provider": {**preferences, "order": [provider_slug(name)]}}

    def keep(self, body: JSONObject, name: str | None) -> None:
        """Keep the name of the provider that answered a request."""
        if name is None or len(name) > _LONGEST_NAME:
            return
        with self._lock:
            self._names[_key(body)] = name
            self._names.move_to_end(_key(body))
            if len(self._names) > _MOST_PINS:
                self._names.popitem(last=False)


def _key(body: JSONObject) -> tuple[str | None, str]:
    return body.get("session_id"), str(body.get("model"))
