"""GLM 4.6 through OpenRouter for LangChain."""

try:
    import langchain_core  # noqa: F401 -- only to say clearly that it is missing
except ImportError as error:
    msg = 'langchain_glm needs LangChain: pip install "glm-openrouter[langchain]"'
    raise ImportError(msg) from error

from importlib import import_module
from typing import TYPE_CHECKING, Any

from langchain_core.load.load import ALL_SERIALIZABLE_MAPPINGS

from glm_openrouter import APIError, GLMError

from . import _errors
from ._errors import *  # noqa: F403 -- the errors are public as a whole
from ._from_wire.content_blocks import register_content_blocks
from .chat_models import ChatGLM

if TYPE_CHECKING:
    from ._arguments import ChatGLMArguments, GLMArguments
    from .embeddings import OpenRouterEmbeddings
    from .llms import GLM
    from .middleware import InvalidToolCallMiddleware as InvalidToolCallMiddleware
    from .reranking import OpenRouterRerank
    from .tracers import CostTracer

# LangChain's `loads` reads only the classes on this list; the caller still has to pass `valid_namespaces`.
for _path in (("langchain_glm", "chat_models", "ChatGLM"), ("langchain_glm", "llms", "GLM")):
    ALL_SERIALIZABLE_MAPPINGS[_path] = _path

register_content_blocks()

__all__ = [
    "GLM",
    "APIError",
    "ChatGLM",
    "ChatGLMArguments",
    "CostTracer",
    "GLMArguments",
    "GLMError",
    "OpenRouterEmbeddings",
    "OpenRouterRerank",
]
__all__ += _errors.__all__


_LOADED_LATER = {
    "ChatGLMArguments": "_arguments",
    "CostTracer": "tracers",
    "GLM": "llms",  # its base class takes a third of the time of this import
    "GLMArguments": "_arguments",
    "InvalidToolCallMiddleware": "middleware",  # for those who have `langchain` itself
    "OpenRouterEmbeddings": "embeddings",
    "OpenRouterRerank": "reranking",
}
"""What not every program needs, and where it is."""


if not TYPE_CHECKING:  # else every name would be there, misspelt ones too

    def __getattr__(name: str) -> Any:
        if name in _LOADED_LATER:
            return getattr(import_module(f".{_LOADED_LATER[name]}", __name__), name)
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
