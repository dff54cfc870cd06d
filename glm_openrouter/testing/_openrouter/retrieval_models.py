"""The models that make vectors, and those that put documents in an order, close to the real ones."""

from dataclasses import dataclass
from typing import Any, Final

from .catalogue import find_model
from .refusal import RefusalError

__all__ = [
    "EMBEDDING_MODELS",
    "EmbeddingModel",
    "RerankModel",
    "find_embedding_model",
    "find_rerank_model",
]


@dataclass(frozen=True)
class EmbeddingModel:
    """A model that makes vectors."""

    id: str
    name: str
    dimensions: int
    max_tokens: int
    price: float
    """USD per million tokens."""
    provider: str
    can_shorten: bool = False
    """Whether `dimensions` may ask for fewer."""

    def to_row(self) -> dict[str, Any]:
        """Return the row as `/embeddings/models` gives it."""
        return {
            "id": self.id,
            "canonical_slug": self.id,
            "name": self.name,
            "created": 1_761_609_600,
            "description": f"{self.name}, imitated offline: words and parts of words, hashed.",
            "context_length": self.max_tokens,
            "architecture": {
                "modality": "text->embeddings",
                "input_modalities": ["text"],
                "output_modalities": ["embeddings"],
                "tokenizer": "Other",
                "instruct_type": None,
            },
            "pricing": {"prompt": f"{self.price / 1e6:.10f}".rstrip("0"), "completion": "0"},
            "top_provider": {
                "context_length": self.max_tokens,
                "max_completion_tokens": None,
                "is_moderated": False,
            },
            "per_request_limits": None,
            "supported_parameters": [],
        }


@dataclass(frozen=True)
class RerankModel:
    """A model that puts documents in an order."""

    id: str
    provider: str
    unit_price: float
    """USD for a search of up to 100 documents."""


EMBEDDING_MODELS: Final = (
    EmbeddingModel("baai/bge-m3", "BAAI: bge-m3", 1024, 8_192, 0.01, "DeepInfra"),
    EmbeddingModel(
        "qwen/qwen3-embedding-8b", "Qwen: Qwen3 Embedding 8B", 4096, 32_768, 0.01, "DeepInfra", True
    ),
    EmbeddingModel(
        "openai/text-embedding-3-small",
        "OpenAI: Text Embedding 3 Small",
        1536,
        8_192,
        0.02,
        "OpenAI",
        True,
    ),
)
_RERANK_MODELS: Final = (
    RerankModel("cohere/rerank-v3.5", "Cohere", 0.001),
    RerankModel("cohere/rerank-4-fast", "Cohere", 0.002),
)


def find_embedding_model(model_id: object) -> EmbeddingModel:
    """Return a model that makes vectors.

    Raises:
        RefusalError: There is no such model (400), or it makes none (404).
    """
    base = _base_of(model_id)
    found = next((model for model in EMBEDDING_MODELS if model.id == base), None)
    if found is None:
        find_model(str(model_id))
        raise RefusalError(404, f"No endpoints found for {model_id} that make embeddings.")
    return found


def find_rerank_model(model_id: object) -> RerankModel:
    """Return a model that ranks.

    Raises:
        RefusalError: There is no such model (400), or it does not rank (404).
    """
    base = _base_of(model_id)
    found = next((model for model in _RERANK_MODELS if model.id == base), None)
    if found is None:
        if base not in {model.id for model in EMBEDDING_MODELS}:
            find_model(str(model_id))
        raise RefusalError(404, f"No endpoints found for {model_id} that rerank.")
    return found


def _base_of(model_id: object) -> str:
    if not isinstance(model_id, str) or not model_id:
        raise RefusalError(400, "model: expected the id of a model")
    return model_id.partition(":")[0]
