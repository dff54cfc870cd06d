"""Answers with vectors and with an order, in the forms in which OpenRouter sends them."""

import base64
import json
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from glm_openrouter.testing import Reply, ReplyFunction, json_reply

EMBEDDING_USAGE = {"prompt_tokens": 8, "total_tokens": 8, "cost": 0.00002}
RERANK_USAGE = {"search_units": 1, "total_tokens": 30, "cost": 0.001}


def encode(vector: Sequence[float]) -> str:
    """A vector as base64."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def row(index: int | None, vector: Any) -> dict[str, Any]:
    """One row; numbers go out as base64, anything else as it is."""
    packed = isinstance(vector, list) and all(type(number) is float for number in vector)
    numbered = {} if index is None else {"index": index}
    return {"object": "embedding", "embedding": encode(vector) if packed else vector, **numbered}


def embeddings(rows: Iterable[dict[str, Any]], **more: Any) -> Reply:
    """An answer to `/embeddings`."""
    body = {
        "object": "list",
        "data": list(rows),
        "model": "baai/bge-m3",
        "provider": "DeepInfra",
        "usage": EMBEDDING_USAGE,
    }
    return json_reply(json.dumps({**body, **more}))


def vector_of(text: str, length: int = 3) -> list[float]:
    """The vector that `answer_all` has for a text: its length, and zeros."""
    return [float(len(text)), *[0.0] * (length - 1)]


def answer_all(length: int = 3, **more: Any) -> ReplyFunction:
    """A server that has a vector for each text."""
    return lambda request: embeddings(
        (row(at, vector_of(text, length)) for at, text in enumerate(request.body["input"])), **more
    )


def ranking(results: Iterable[tuple[int, float]], **more: Any) -> Reply:
    """An answer to `/rerank`."""
    rows = [
        {"index": index, "relevance_score": score, "document": {"text": "..."}}
        for index, score in results
    ]
    body = {"id": "gen-rerank-1", "model": "cohere/rerank-v3.5", "provider": "Cohere"}
    return json_reply(json.dumps({**body, "results": rows, "usage": RERANK_USAGE, **more}))


def rank_by(score: Callable[[str], float]) -> ReplyFunction:
    """A server that ranks documents by a function of theirs."""

    def reply(request: Any) -> Reply:
        documents = request.body["documents"]
        scores = sorted(((score(text), at) for at, text in enumerate(documents)), reverse=True)
        return ranking([(at, value) for value, at in scores[: request.body.get("top_n")]])

    return reply
