"""Facts about GLM models, as data.

Limits and abilities differ between providers and change from month to month: these are for planning, and OpenRouter's
catalogue has the current ones. Prices are not here: the cost of a request is in its `usage`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

__all__ = ["DEFAULT_MODEL", "ModelFacts", "find_model", "strip_variant"]

DEFAULT_MODEL: Final = "z-ai/glm-4.6:exacto"


class ModelFacts(Struct, frozen=True):
    """What a program may want to know about a model before it calls it."""

    name: str
    context_window: int
    """Tokens of prompt and answer together."""
    max_output_tokens: int
    """The most that any provider allows; the one that answers may allow less."""
    structured_output: bool = True
    """Whether some provider enforces a `response_format` with a schema."""
    image_input: bool = False
    tool_calling: bool = True
    reasoning: bool = True
    audio_input: bool = False
    video_input: bool = False
    preserves_reasoning: bool = True
    """Whether it reads the reasoning of turns before the last question; GLM up to 4.6 clears it, from 4.7 on it can
    be preserved (https://docs.z.ai/guides/capabilities/thinking-mode)."""
    expiration_date: str | None = None
    """The day from which OpenRouter may no longer serve it, such as `2026-12-31`; `None` if none has been named."""


_MODELS: Final[Mapping[str, ModelFacts]] = MappingProxyType(
    {
        # https://openrouter.ai/z-ai/glm-4.6, September 2026. Other rows of the catalogue say 204,800 for the window,
        # and 16,384 for the output of the provider that is ranked best.
        "z-ai/glm-4.6": ModelFacts("GLM-4.6", 202_752, 131_072, preserves_reasoning=False),
        # https://models.dev (OpenRouter), September 2026, for all others; retirement: OpenRouter, November 2026.
        "z-ai/glm-4.5": ModelFacts(
            "GLM-4.5", 131_072, 98_304, structured_output=False, preserves_reasoning=False
        ),
        "z-ai/glm-4.5-air": ModelFacts(
            "GLM-4.5-Air", 131_072, 98_304, structured_output=False, preserves_reasoning=False
        ),
        "z-ai/glm-4.5v": ModelFacts(
            "GLM-4.5V",
            65_536,
            16_384,
            structured_output=False,
            image_input=True,
            preserves_reasoning=False,
        ),
        "z-ai/glm-4.6v": ModelFacts(
            "GLM-4.6V",
            131_072,
            32_768,
            structured_output=False,
            image_input=True,
            video_input=True,
            preserves_reasoning=False,
        ),
        "z-ai/glm-4.7": ModelFacts("GLM-4.7", 204_800, 131_072, expiration_date="2026-12-31"),
        "z-ai/glm-4.7-flash": ModelFacts("GLM-4.7-Flash", 200_000, 117_964),
        "z-ai/glm-5": ModelFacts("GLM-5", 204_800, 128_000),
        "z-ai/glm-5-turbo": ModelFacts("GLM-5-Turbo", 202_752, 131_072, structured_output=False),
        "z-ai/glm-5v-turbo": ModelFacts(
            "GLM-5V-Turbo",
            202_752,
            131_072,
            structured_output=False,
            image_input=True,
            video_input=True,
        ),
        "z-ai/glm-5.1": ModelFacts("GLM-5.1", 204_800, 128_000),
        "z-ai/glm-5.2": ModelFacts("GLM-5.2", 1_048_576, 131_072),
        "z-ai/glm-5.3": ModelFacts("GLM-5.3", 1_310_720, 131_072),
        "z-ai/glm-5.3-flash": ModelFacts(
            "GLM-5.3-Flash", 1_310_720, 131_072, image_input=True, video_input=True
        ),
        "z-ai/glm-5.3-flashx": ModelFacts(
            "GLM-5.3-FlashX", 1_048_576, 131_072, image_input=True, video_input=True
        ),
        "z-ai/glm-5.3-prime": ModelFacts("GLM-5.3-Prime", 1_000_000, 131_072),
    }
)

_ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "~z-ai/glm-latest": "z-ai/glm-5.3",
        "~z-ai/glm-flash-latest": "z-ai/glm-5.3-flash",
    }
)
"""What the names that move on with each release stood for in September 2026; the catalogue says what they stand for."""


def strip_variant(model: str) -> str:
    """Return the model id without preset and routing suffix, as catalogues and price lists have it.

    `:exacto`, `:nitro`, `:floor` and `:online` only change the routing
    (https://openrouter.ai/docs/guides/routing/model-variants/exacto).
    """
    author, slash, slug = model.partition("/")
    return author + slash + slug.partition("@")[0].partition(":")[0]


def find_model(model: str) -> ModelFacts | None:
    """Return the facts about a model, whatever its routing suffix, or `None` if there are none.

    An alias such as `~z-ai/glm-latest` has those of the model that it stood for when this version was made.
    """
    name = strip_variant(model)
    return _MODELS.get(_ALIASES.get(name, name))
