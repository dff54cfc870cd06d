"""`OpenRouterRerank`: documents are put in the order in which they fit a query."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document

from glm_openrouter.retrieval.results import Ranking
from glm_openrouter.retrieval_bases import RerankerBase

from ._connection import MODEL_CONFIG, Connected
from ._errors import translate_errors

if TYPE_CHECKING:
    from ._arguments import OpenRouterRerankArguments

__all__ = ["OpenRouterRerank"]


class OpenRouterRerank(Connected, RerankerBase, BaseDocumentCompressor):
    """Ranks documents with any model of OpenRouter that can, as a step after retrieval.

    ```python
    from langchain_core.documents import Document
    from langchain_glm import OpenRouterRerank

    reranker = OpenRouterRerank(top_n=3)
    best = reranker.compress_documents([Document("The harbour opens at six.")], "When?")
    ```

    It goes into a `ContextualCompressionRetriever` as its `base_compressor`. An unknown argument is an error.

    Raises:
        AuthenticationError: There is no API key.
        pydantic.ValidationError: An argument is unknown or makes no sense.
    """

    model_config = MODEL_CONFIG

    if TYPE_CHECKING:

        def __init__(self, **arguments: Unpack[OpenRouterRerankArguments]) -> None: ...

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002 -- LangChain's signature
    ) -> list[Document]:
        """Return the documents that fit a query best, the best first, with a `relevance_score` in their metadata.

        Documents without text cannot be ranked, and are left out.

        Raises:
            APIError: OpenRouter did not answer with a score for each document.
            InvalidRequestError: The query is empty; nothing was sent.
        """
        readable = _readable(documents)
        with translate_errors():
            ranking = self._rank(query, [document.page_content for document in readable])
        return _in_order(readable, ranking)

    async def acompress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002 -- LangChain's signature
    ) -> list[Document]:
        """Return the documents that fit a query best; see `compress_documents`."""
        readable = _readable(documents)
        with translate_errors():
            ranking = await self._arank(query, [document.page_content for document in readable])
        return _in_order(readable, ranking)


def _readable(documents: Sequence[Document]) -> list[Document]:
    return [document for document in documents if document.page_content.strip()]


def _in_order(documents: Sequence[Document], ranking: Ranking) -> list[Document]:
    found = ((documents[ranked.index], ranked.score) for ranked in ranking.documents)
    return [
        document.model_copy(update={"metadata": {**document.metadata, "relevance_score": score}})
        for document, score in found
    ]
