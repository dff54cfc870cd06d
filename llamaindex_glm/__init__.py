"""GLM 4.6 through OpenRouter for LlamaIndex."""

try:
    import llama_index.core  # noqa: F401 -- only to say clearly that it is missing
except ImportError as error:
    msg = 'llamaindex_glm needs LlamaIndex: pip install "glm-openrouter[llamaindex]"'
    raise ImportError(msg) from error

from .llm import GLM

__all__ = ["GLM"]
