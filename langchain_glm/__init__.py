"""GLM 4.6 through OpenRouter for LangChain."""

try:
    import langchain_core as _
except ImportError as error:
    msg = 'langchain_glm needs LangChain: pip install "glm-openrouter[langchain]"'
    raise ImportError(msg) from error

from ._errors import *  # noqa: F403 -- the errors are public as a whole
from ._errors import __all__ as _errors
from .chat_models import ChatGLM
from .llms import GLM

__all__ = ["GLM", "ChatGLM"]
__all__ += [name for name in _errors if name != "translate_errors"]
