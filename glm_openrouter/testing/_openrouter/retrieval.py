"""What `/embeddings`, `/embeddings/models` and `/rerank` answer."""

from __future__ import annotations

import asyncio
import base64
import sys
from array import array
from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .account import Account
from .features import coverage, features_of, to_vector
from .refusal import RefusalError
from .retrieval_models import (
    EMBEDDING_MODELS,
    EmbeddingModel,
    find_embedding_model,
    find_rerank_model,
)
from .tokens import count_tokens

__all__ = ["Retrieval"]

_MOST_TEXTS: Final = 2048
_MOST_DOCUMENTS: Final = 1000
_DOCUMENTS_OF_A_UNIT: Final = 100


class Retrieval:
    """Answers requests for vectors and for an order.

    Args:
        account: Whose keys are accepted, and what is used.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    async def models(self, _: Request, __: dict[str, Any] | None) -> Response:
        """Answer `/embeddings/models`."""
        return JSONResponse({"data": [model.to_row() for model in EMBEDDING_MODELS]})

    async def embeddings(self, request: Request, body: dict[str, Any] | None) -> Response:
        """Answer `/embeddings`.

        Raises:
            RefusalError: The request is one that OpenRouter would refuse.
        """
        self._account.authorise(request)
        body = _present(body)
        model = find_embedding_model(body.get("model"))
        texts = _read_texts("input", body.get("input"), _MOST_TEXTS)
        dimensions = _read_dimensions(body.get("dimensions"), model)
        encoding = body.get("encoding_format", "float")
        if encoding not in ("float", "base64"):
            raise _wrong("encoding_format: expected 'float' or 'base64'")
        vectors, tokens = await asyncio.to_thread(_embed, texts, model, dimensions)
        cost = tokens * model.price / 1e6
        self._account.charge(cost)
        encode = _to_base64 if encoding == "base64" else _to_floats
        rows = [
            {"object": "embedding", "index": index, "embedding": encode(vector)}
            for index, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens, "cost": round(cost, 12)}
        return _respond(
            {
                "object": "list",
                "data": rows,
                "model": model.id,
                "provider": model.provider,
                "usage": usage,
            }
        )

    async def rerank(self, request: Request, body: dict[str, Any] | None) -> Response:
        """Answer `/rerank`.

        Raises:
            RefusalError: The request is one that OpenRouter would refuse.
        """
        self._account.authorise(request)
        body = _present(body)
        model = find_rerank_model(body.get("model"))
        query = body.get("query")
        if not isinstance(query, str) or not query:
            raise _wrong("query: expected text")
        documents = _read_texts("documents", body.get("documents"), _MOST_DOCUMENTS)
        top_n = body.get("top_n", len(documents))
        if isinstance(top_n, bool) or not isinstance(top_n, int) or top_n < 1:
            raise _wrong("top_n: expected a number from 1 on")
        scores = await asyncio.to_thread(_score, query, documents)
        order = sorted(range(len(documents)), key=lambda index: -scores[index])[:top_n]
        units = -(-len(documents) // _DOCUMENTS_OF_A_UNIT)
        cost = units * model.unit_price
        self._account.charge(cost)
        results = [
            {
                "index": index,
                "relevance_score": scores[index],
                "document": {"text": documents[index]},
            }
            for index in order
        ]
        usage = {"search_units": units, "cost": round(cost, 12)}
        return _respond(
            {"model": model.id, "provider": model.provider, "results": results, "usage": usage}
        )


def _present(body: dict[str, Any] | None) -> dict[str, Any]:
    """Return what a body says; for OpenRouter null and absent are the same."""
    if body is None:
        raise RefusalError(400, "The request body must be a JSON object")
    return {key: value for key, value in body.items() if value is not None}


def _read_texts(name: str, value: object, most: int) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts:
        raise _wrong(f"{name}: expected texts")
    if len(texts) > most:
        raise _wrong(f"{name}: at most {most} at a time, got {len(texts)}")
    for at, text in enumerate(texts):
        if not isinstance(text, str):
            raise _wrong(f"{name}.{at}: this server takes text only")
        if not text:
            raise _wrong(f"{name}.{at}: must not be empty")
    return texts


def _read_dimensions(value: object, model: EmbeddingModel) -> int:
    if value is None or value == model.dimensions:
        return model.dimensions
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= model.dimensions:
        raise _wrong(f"dimensions: expected 1 to {model.dimensions}")
    if not model.can_shorten:
        raise _wrong(f"dimensions: {model.id} has {model.dimensions}, and cannot shorten them")
    return value


def _embed(
    texts: Sequence[str], model: EmbeddingModel, dimensions: int
) -> tuple[list[array[float]], int]:
    """Return the vectors, and how many tokens the texts have."""
    counts = [count_tokens(text) for text in texts]
    for at, count in enumerate(counts):
        if count > model.max_tokens:
            raise RefusalError(
                400,
                f"This model's maximum context length is {model.max_tokens} tokens. "
                f"However, input.{at} has {count} tokens.",
                metadata={"error_type": "context_length_exceeded"},
            )
    return [to_vector(features_of(text), dimensions) for text in texts], sum(counts)


def _score(query: str, documents: Sequence[str]) -> list[float]:
    wanted = features_of(query)
    return [round(coverage(wanted, features_of(document)), 6) for document in documents]


def _to_base64(vector: array[float]) -> str:
    if sys.byteorder == "big":
        vector.byteswap()
    return base64.b64encode(vector.tobytes()).decode()


def _to_floats(vector: array[float]) -> list[float]:
    return vector.tolist()


def _respond(answer: dict[str, Any]) -> Response:
    generation_id = f"gen-{uuid4().hex[:20]}"
    return JSONResponse({"id": generation_id, **answer}, headers={"X-Generation-Id": generation_id})


def _wrong(message: str) -> RefusalError:
    return RefusalError(400, message, metadata={"error_type": "invalid_request"})
