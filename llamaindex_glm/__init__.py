"""GLM 4.6 through OpenRouter for LlamaIndex."""

try:
    import llama_index.core  # noqa: F401 -- only to say clearly that it is missing
except ImportError as error:
    msg = 'llamaindex_glm needs LlamaIndex: pip install "glm-openrouter[llamaindex]"'
    raise ImportError(msg) from error

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .llm import GLM

if TYPE_CHECKING:
    from ._arguments import GLMArguments
    from .embedding import EmbeddingUsageEvent, OpenRouterEmbedding
    from .reranking import OpenRouterRerank

__all__ = [
    "GLM",
    "EmbeddingUsageEvent",
    "GLMArguments",
    "OpenRouterEmbedding",
    "OpenRouterRerank",
]

_LOADED_LATER = {
    "EmbeddingUsageEvent": "embedding",
    "GLMArguments": "_arguments",
    "OpenRouterEmbedding": "embedding",
    "OpenRouterRerank": "reranking",
}
"""What not every program needs, and where it is."""


if not TYPE_CHECKING:  # else every name would be there, misspelt ones too

    def __getattr__(name: str) -> Any:
        if name in _LOADED_LATER:
            return getattr(import_module(f".{_LOADED_LATER[name]}", __name__), name)
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
