"""`OpenRouterEmbeddings`: texts become vectors."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Unpack

from langchain_core.embeddings import Embeddings
from pydantic import Field, field_validator

from glm_openrouter.retrieval.parts import BATCH_SIZE
from glm_openrouter.retrieval_bases import EmbedderBase

from ._connection import MODEL_CONFIG, Connected
from ._errors import translate_errors

if TYPE_CHECKING:
    from glm_openrouter._client.retrieval_call import Progress

    from ._arguments import OpenRouterEmbeddingsArguments

__all__ = ["OpenRouterEmbeddings"]


class OpenRouterEmbeddings(Connected, EmbedderBase, Embeddings):
    """Vectors of any model of OpenRouter, for vector stores.

    ```python
    from langchain_core.vectorstores import InMemoryVectorStore
    from langchain_glm import OpenRouterEmbeddings

    store = InMemoryVectorStore(OpenRouterEmbeddings())
    ```

    An unknown argument is an error.

    Raises:
        AuthenticationError: There is no API key.
        pydantic.ValidationError: An argument is unknown or makes no sense.
    """

    model_config = MODEL_CONFIG

    if TYPE_CHECKING:

        def __init__(self, **arguments: Unpack[OpenRouterEmbeddingsArguments]) -> None: ...

    chunk_size: int = Field(default=BATCH_SIZE, ge=1)
    """How many texts go in one request at most."""

    show_progress_bar: bool = False
    """Whether a tqdm bar shows how many documents have their vectors."""

    @field_validator("show_progress_bar")
    @classmethod
    def _bars_can_be_shown(cls, value: bool) -> bool:
        if value and not find_spec("tqdm"):
            msg = "show_progress_bar needs tqdm: pip install tqdm"
            raise ImportError(msg)
        return value

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text.

        Raises:
            APIError: A request failed, after its retries; the message says which texts it was for.
            InvalidRequestError: A text is empty, or too long for the model; nothing was sent.
        """
        if not texts:
            return []
        with translate_errors(), self._progress(len(texts)) as progress:
            answer = self._embed(texts, self.document_input_type, self.chunk_size, progress)
        return [vector.tolist() for vector in answer.vectors]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a query; errors are those of `embed_documents`."""
        with translate_errors():
            answer = self._embed([text], self.query_input_type)
        return answer.vectors[0].tolist()

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text; errors are those of `embed_documents`."""
        if not texts:
            return []
        with translate_errors(), self._progress(len(texts)) as progress:
            answer = await self._aembed(texts, self.document_input_type, self.chunk_size, progress)
        return [vector.tolist() for vector in answer.vectors]

    async def aembed_query(self, text: str) -> list[float]:
        """Return the vector of a query; errors are those of `embed_documents`."""
        with translate_errors():
            answer = await self._aembed([text], self.query_input_type)
        return answer.vectors[0].tolist()

    @contextmanager
    def _progress(self, total: int) -> "Iterator[Progress | None]":
        """Show a bar, if there should be one; give out what tells it of progress."""
        if not self.show_progress_bar:
            yield None
            return
        from tqdm.auto import tqdm  # type: ignore[import-untyped]  # few programs show a bar

        with tqdm(total=total, desc="Embedding", unit="text") as bar:
            yield bar.update
