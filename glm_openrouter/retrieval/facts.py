"""Facts about models that make vectors, as data: for planning, as OpenRouter's catalogue has the current ones."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from glm_openrouter.models import strip_variant

__all__ = [
    "DEFAULT_EMBEDDING_MODEL",
    "DEFAULT_RERANK_MODEL",
    "EmbeddingFacts",
    "estimate_embedding",
    "estimate_ranking",
    "find_embedding_model",
]

DEFAULT_EMBEDDING_MODEL: Final = "baai/bge-m3"
DEFAULT_RERANK_MODEL: Final = "cohere/rerank-v3.5"


class EmbeddingFacts(Struct, frozen=True):
    """What a program may want to know about a model before it has vectors made."""

    name: str
    dimensions: int
    """How long its vectors are, if nothing else is asked for."""
    max_tokens: int
    """Of one text."""
    price: float
    """USD per million tokens, at the dearest provider."""
    license: str | None = None
    """Of the weights, as SPDX writes it; `None` if they are not open."""


_MODELS: Final[Mapping[str, EmbeddingFacts]] = MappingProxyType(
    {
        # https://openrouter.ai/models?output_modalities=embeddings, October 2026; dimensions from the model cards.
        "baai/bge-m3": EmbeddingFacts("BGE-M3", 1024, 8_192, 0.01, "MIT"),
        "qwen/qwen3-embedding-0.6b": EmbeddingFacts(
            "Qwen3 Embedding 0.6B", 1024, 32_768, 0.01, "Apache-2.0"
        ),
        "qwen/qwen3-embedding-4b": EmbeddingFacts(
            "Qwen3 Embedding 4B", 2560, 32_768, 0.02, "Apache-2.0"
        ),
        "qwen/qwen3-embedding-8b": EmbeddingFacts(
            "Qwen3 Embedding 8B", 4096, 32_768, 0.01, "Apache-2.0"
        ),
        "openai/text-embedding-3-small": EmbeddingFacts("Embedding 3 Small", 1536, 8_192, 0.02),
        "openai/text-embedding-3-large": EmbeddingFacts("Embedding 3 Large", 3072, 8_192, 0.13),
    }
)

_DEAREST: Final = 0.20
"""USD per million tokens that is assumed of a model that is not known here."""

_SEARCH_UNIT: Final = 0.0025
"""USD for 100 documents that are ranked, at the dearest model (https://openrouter.ai/cohere/rerank-4-pro)."""


def find_embedding_model(model: str) -> EmbeddingFacts | None:
    """Return the facts about a model, whatever its routing suffix, or `None` if there are none."""
    return _MODELS.get(strip_variant(model))


def estimate_embedding(model: str, characters: int) -> float:
    """Return the USD that vectors for so many characters cost at most, at three of them for a token."""
    facts = find_embedding_model(model)
    return (characters // 3 + 1) * (facts.price if facts else _DEAREST) / 1e6


def estimate_ranking(documents: int) -> float:
    """Return the USD that an order of so many documents costs at most."""
    return (documents // 100 + 1) * _SEARCH_UNIT
