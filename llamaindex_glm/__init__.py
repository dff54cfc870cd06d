"""GLM 4.6 through OpenRouter for LlamaIndex."""

try:
    import llama_index.core  # noqa: F401 -- only to say clearly that it is missing
except ImportError as error:
    msg = 'llamaindex_glm needs LlamaIndex: pip install "glm-openrouter[llamaindex]"'
    raise ImportError(msg) from error

from typing import TYPE_CHECKING, Any

from .llm import GLM

if TYPE_CHECKING:
    from ._arguments import GLMArguments

__all__ = ["GLM", "GLMArguments"]


if not TYPE_CHECKING:  # else every name would be there, misspelt ones too

    def __getattr__(name: str) -> Any:
        # The type of the arguments is for type checkers: a program loads it if it names it itself.
        if name == "GLMArguments":
            from ._arguments import GLMArguments

            return GLMArguments
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
