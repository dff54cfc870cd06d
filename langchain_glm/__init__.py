"""GLM 4.6 through OpenRouter for LangChain."""

try:
    import langchain_core  # noqa: F401 -- only to say clearly that it is missing
except ImportError as error:
    msg = 'langchain_glm needs LangChain: pip install "glm-openrouter[langchain]"'
    raise ImportError(msg) from error

from langchain_core.load.load import ALL_SERIALIZABLE_MAPPINGS

from glm_openrouter import APIError, GLMError, InvalidRequestError

from . import _errors
from ._errors import *  # noqa: F403 -- the errors are public as a whole
from ._structured import StructuredOutputError
from .chat_models import ChatGLM
from .llms import GLM

# LangChain's `loads` knows the classes of its own list only; it still has to be told the namespace, `langchain_glm`.
ALL_SERIALIZABLE_MAPPINGS.update(
    {tuple(model.lc_id()): tuple(model.lc_id()) for model in (ChatGLM, GLM)}
)

__all__ = [
    "GLM",
    "APIError",
    "ChatGLM",
    "GLMError",
    "InvalidRequestError",
    "StructuredOutputError",
]
__all__ += _errors.__all__
