"""`OpenRouterEmbedding`: texts become vectors."""

from typing import TYPE_CHECKING, Any, Unpack

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]  # LlamaIndex's own packages take it from here
from llama_index.core.instrumentation.events.base import BaseEvent  # type: ignore[attr-defined]  # LlamaIndex's own packages take it from here
from pydantic import ConfigDict, Field, model_validator

from glm_openrouter.retrieval.parts import BATCH_SIZE
from glm_openrouter.retrieval.results import Embeddings
from glm_openrouter.retrieval_bases import EmbedderBase

from ._connection import Connected

if TYPE_CHECKING:
    from ._arguments import OpenRouterEmbeddingArguments

__all__ = ["EmbeddingUsageEvent", "OpenRouterEmbedding"]

_dispatcher = get_dispatcher(__name__)

_BATCHES = 4
"""How many batches of a long list are under way at a time, in asynchronous calls."""


class EmbeddingUsageEvent(BaseEvent):
    """What the vectors of one batch have taken; LlamaIndex's own event, which follows, has no place for it."""

    model: str | None
    """The model that answered."""
    provider: str | None
    prompt_tokens: float | None
    cost: float | None
    """USD."""

    @classmethod
    def class_name(cls) -> str:
        """Return the name under which handlers know this event."""
        return "EmbeddingUsageEvent"


class OpenRouterEmbedding(Connected, EmbedderBase, BaseEmbedding):
    """Vectors of any model of OpenRouter, for indexes and vector stores.

    ```python
    from llama_index.core import Settings
    from llamaindex_glm import OpenRouterEmbedding

    Settings.embed_model = OpenRouterEmbedding()
    ```

    The model may also be given as `model_name`. An unknown argument is an error.

    Raises:
        AuthenticationError: There is no API key.
        pydantic.ValidationError: An argument is unknown or makes no sense.
    """

    model_config = ConfigDict(defer_build=False)  # the bases say the rest

    embed_batch_size: int = Field(default=BATCH_SIZE, gt=0, le=2048)
    """How many texts go in one request at most."""

    num_workers: int | None = _BATCHES
    """How many requests of an asynchronous call for a long list are under way at a time."""

    if TYPE_CHECKING:

        def __init__(self, **arguments: Unpack[OpenRouterEmbeddingArguments]) -> None: ...

    @model_validator(mode="before")
    @classmethod
    def _one_name_for_the_model(cls, values: Any) -> Any:
        """Fill in `model`, which OpenRouter calls it, or `model_name`, which LlamaIndex does, from the other."""
        rest = dict(values)
        names = [rest.get("model"), rest.pop("model_name", None)]
        model = next(
            (name for name in names if name is not None), cls.model_fields["model"].default
        )
        return {**rest, "model": model, "model_name": model}

    @classmethod
    def class_name(cls) -> str:
        """Return the name under which LlamaIndex serialises this class."""
        return "OpenRouterEmbedding"

    def _get_query_embedding(self, query: str) -> list[float]:
        return _to_lists(self._embed([query], self.query_input_type))[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return _to_lists(await self._aembed([query], self.query_input_type))[0]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return _to_lists(self._embed(texts, self.document_input_type, self.embed_batch_size))

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return _to_lists(await self._aembed(texts, self.document_input_type, self.embed_batch_size))


def _to_lists(answer: Embeddings) -> list[list[float]]:
    """Return the vectors in LlamaIndex's form, and tell its handlers what they have taken."""
    usage = answer.usage
    _dispatcher.event(
        EmbeddingUsageEvent(
            model=answer.model,
            provider=answer.provider,
            prompt_tokens=usage.prompt_tokens,
            cost=usage.cost,
        )
    )
    return [vector.tolist() for vector in answer.vectors]
