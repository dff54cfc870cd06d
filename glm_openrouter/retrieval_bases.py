"""What the classes of both frameworks have in common that make vectors, or put documents in an order."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from ._client.retrieval_call import Progress
from .adapters import ConnectedBase
from .retrieval.parameters import RerankParameters, VectorParameters
from .retrieval.parts import BATCH_SIZE, MAX_CONCURRENCY
from .retrieval.results import Embeddings, Ranking

__all__ = ["EmbedderBase", "RerankerBase"]


class EmbedderBase(ConnectedBase, VectorParameters):
    """Base of a class that makes vectors."""

    query_input_type: str | None = "search_query"
    """What a query is, for models that tell queries and documents apart; `None` says nothing of it."""
    document_input_type: str | None = "search_document"
    """What a document is, for models that tell queries and documents apart; `None` says nothing of it."""
    max_concurrency: int = Field(default=MAX_CONCURRENCY, ge=1)
    """How many requests of one call are under way at a time."""

    def _embed(
        self,
        texts: Sequence[str],
        input_type: str | None,
        batch_size: int = BATCH_SIZE,
        progress: Progress | None = None,
    ) -> Embeddings:
        """Return the vectors of texts."""
        return self._client.embed(
            texts, progress=progress, **self._arguments(input_type, batch_size)
        )

    async def _aembed(
        self,
        texts: Sequence[str],
        input_type: str | None,
        batch_size: int = BATCH_SIZE,
        progress: Progress | None = None,
    ) -> Embeddings:
        """Return the vectors of texts."""
        return await self._async_client.embed(
            texts, progress=progress, **self._arguments(input_type, batch_size)
        )

    def _arguments(self, input_type: str | None, batch_size: int) -> dict[str, Any]:
        return {
            **_values_of(self, VectorParameters),
            "input_type": input_type,
            "batch_size": batch_size,
            "max_concurrency": self.max_concurrency,
        }


class RerankerBase(ConnectedBase, RerankParameters):
    """Base of a class that puts documents in an order."""

    def _rank(self, query: str, documents: Sequence[str]) -> Ranking:
        """Return the documents that fit a query best, the best first; nothing is asked if there are none."""
        if not documents:
            return Ranking([])
        return self._client.rerank(query, documents, **_values_of(self, RerankParameters))

    async def _arank(self, query: str, documents: Sequence[str]) -> Ranking:
        """Return the documents that fit a query best, the best first; nothing is asked if there are none."""
        if not documents:
            return Ranking([])
        return await self._async_client.rerank(
            query, documents, **_values_of(self, RerankParameters)
        )


def _values_of(model: ConnectedBase, parameters: type[Any]) -> dict[str, Any]:
    return {name: getattr(model, name) for name in parameters.model_fields}
