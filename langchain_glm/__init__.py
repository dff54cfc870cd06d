"""GLM 4.6 through OpenRouter for LangChain."""

try:
    import langchain_core  # noqa: F401 -- only to say clearly that it is missing
except ImportError as error:
    msg = 'langchain_glm needs LangChain: pip install "glm-openrouter[langchain]"'
    raise ImportError(msg) from error

from typing import TYPE_CHECKING, Any

from langchain_core.load.load import ALL_SERIALIZABLE_MAPPINGS

from glm_openrouter import APIError, GLMError

from . import _errors
from ._errors import *  # noqa: F403 -- the errors are public as a whole
from ._from_wire.content_blocks import register_content_blocks
from .chat_models import ChatGLM

if TYPE_CHECKING:
    from ._arguments import ChatGLMArguments, GLMArguments
    from .llms import GLM
    from .middleware import InvalidToolCallMiddleware as InvalidToolCallMiddleware

# LangChain's `loads` reads only the classes on this list; the caller still has to pass `valid_namespaces`.
for _path in (("langchain_glm", "chat_models", "ChatGLM"), ("langchain_glm", "llms", "GLM")):
    ALL_SERIALIZABLE_MAPPINGS[_path] = _path

register_content_blocks()

__all__ = [
    "GLM",
    "APIError",
    "ChatGLM",
    "ChatGLMArguments",
    "GLMArguments",
    "GLMError",
]
__all__ += _errors.__all__


if not TYPE_CHECKING:  # else every name would be there, misspelt ones too

    def __getattr__(name: str) -> Any:
        # LangChain's base class of text LLMs takes a third of the time of this import, and few need it.
        if name == "GLM":
            from .llms import GLM

            return GLM
        if name in ("ChatGLMArguments", "GLMArguments"):
            from . import _arguments

            return getattr(_arguments, name)
        if name == "InvalidToolCallMiddleware":  # for those who have `langchain` itself
            from .middleware import InvalidToolCallMiddleware

            return InvalidToolCallMiddleware
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
