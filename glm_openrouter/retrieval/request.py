"""What goes out for some texts: one request for each part of them, and how its answer is read."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, Literal, TypeVar

from pydantic import ValidationError

from glm_openrouter._json.values import JSONObject
from glm_openrouter.completions import Usage
from glm_openrouter.errors import APIResponseError, InvalidRequestError

from .facts import estimate_embedding, estimate_ranking, find_embedding_model
from .order import best, read_order
from .parameters import EmbeddingParameters, RerankParameters, RetrievalParameters
from .parts import Part, check_text, check_texts, split
from .results import Embeddings, RankedDocument, Ranking
from .rows import UnreadableAnswerError
from .vectors import check_one_length, read_vectors

__all__ = [
    "PartAnswer",
    "PartRequest",
    "check_size",
    "combine_embeddings",
    "combine_rankings",
    "embedding_requests",
    "rerank_requests",
]

_DOCUMENTS: Final = 1_000
"""Of one request for an order: as many as Cohere takes (https://docs.cohere.com/reference/rerank)."""

_ESTIMATES_AGREE: Final = 0.8
"""The share of an estimated count of tokens that a text has at least, whatever the tokenizer of the model."""

T = TypeVar("T")


@dataclass(frozen=True)
class PartRequest(Generic[T]):
    """One request of those that some texts need."""

    path: str
    """Below the base URL."""
    body: JSONObject
    part: Part
    key: str
    """Where the answer has its rows."""
    read: Callable[[object], list[T]]
    """Turns these rows into what was asked for; raises `UnreadableAnswerError`."""
    estimate: float
    """USD that it costs at most."""

    @property
    def operation(self) -> Literal["embeddings", "rerank"]:
        """What is asked for."""
        return "rerank" if self.path == "/rerank" else "embeddings"

    @property
    def model(self) -> str:
        """The model that is asked."""
        return str(self.body["model"])


@dataclass(frozen=True)
class PartAnswer(Generic[T]):
    """What one request brought."""

    rows: list[T]
    model: str | None
    provider: str | None
    usage: Usage


def embedding_requests(
    texts: object, options: Mapping[str, Any], batch_size: int
) -> list[PartRequest[array[float]]]:
    """Return the requests for the vectors of some texts.

    Raises:
        InvalidRequestError: There are no texts, one of them is empty or too long, or an option makes no sense.
    """
    checked = check_texts("texts", texts)
    parameters = _validate(EmbeddingParameters, options)
    _check_lengths(checked, parameters.model)
    common = {**parameters.to_wire(), "encoding_format": "base64"}
    return [
        PartRequest(
            "/embeddings",
            {**common, "input": part.texts},
            part,
            "data",
            partial(read_vectors, count=len(part.texts), dimensions=parameters.dimensions),
            estimate_embedding(parameters.model, sum(map(len, part.texts))),
        )
        for part in split(checked, check_size("batch_size", batch_size))
    ]


def rerank_requests(
    query: object, documents: object, options: Mapping[str, Any]
) -> list[PartRequest[RankedDocument]]:
    """Return the requests for an order of some documents.

    Raises:
        InvalidRequestError: There are no documents, one of them or the query is empty, or an option makes no sense.
    """
    question = check_text("query", query)
    checked = check_texts("documents", documents)
    parameters = _validate(RerankParameters, options)
    common = {**parameters.to_wire(), "query": question}
    return [
        PartRequest(
            "/rerank",
            {**common, "documents": part.texts},
            part,
            "results",
            partial(read_order, count=len(part.texts), top_n=parameters.top_n, start=part.start),
            estimate_ranking(len(part.texts)),
        )
        for part in split(checked, _DOCUMENTS)
    ]


def combine_embeddings(answers: Sequence[PartAnswer[array[float]]]) -> Embeddings:
    """Return the vectors of all parts together.

    Raises:
        APIResponseError: Those of one part are longer than those of another.
    """
    vectors = [vector for answer in answers for vector in answer.rows]
    try:
        check_one_length(vectors)
    except UnreadableAnswerError as error:
        model = answers[-1].model
        message = f"[OpenRouter] The answers do not fit together: {error}. Model: {model}."
        raise APIResponseError(message, model=model) from None
    return Embeddings(vectors, *_facts_of(answers))


def combine_rankings(answers: Sequence[PartAnswer[RankedDocument]], top_n: int | None) -> Ranking:
    """Return the best documents of all parts together."""
    documents = (document for answer in answers for document in answer.rows)
    return Ranking(best(documents, top_n), *_facts_of(answers))


def _facts_of(answers: Sequence[PartAnswer[Any]]) -> tuple[str | None, str | None, Usage]:
    """Return model and provider, and the sum of what was used; a number that is missing once is missing."""
    usages = [answer.usage for answer in answers]
    usage = Usage(
        prompt_tokens=_sum(usage.prompt_tokens for usage in usages),
        total_tokens=_sum(usage.total_tokens for usage in usages),
        cost=_sum(usage.cost for usage in usages),
        search_units=_sum(usage.search_units for usage in usages),
    )
    return answers[-1].model, answers[-1].provider, usage


def _sum(values: Iterable[float | None]) -> Any:
    known = list(values)
    return None if None in known else sum(filter(None, known))


P = TypeVar("P", bound=RetrievalParameters)


def _validate(parameters: type[P], options: Mapping[str, Any]) -> P:
    try:
        return parameters(**options)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
        )
    raise InvalidRequestError(f"The request makes no sense: {problems}")


def check_size(name: str, size: object) -> int:
    """Return a number of things.

    Raises:
        InvalidRequestError: It is none, or not positive.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise InvalidRequestError(f"{name} must be a whole number from 1 on, got {size!r:.40}.")
    return size


def _check_lengths(texts: Sequence[str], model: str) -> None:
    """Refuse texts that are surely too long; some providers would cut them, silently."""
    from glm_openrouter.tokens import count_tokens  # few programs need it

    facts = find_embedding_model(model)
    if facts is None:
        return
    for at, text in enumerate(texts):
        if len(text.encode(errors="replace")) <= facts.max_tokens:
            continue  # no token is shorter than a byte
        tokens = count_tokens(text)
        if tokens * _ESTIMATES_AGREE > facts.max_tokens:
            raise InvalidRequestError(
                f"texts[{at}] has about {tokens:,} tokens, and {model} takes {facts.max_tokens:,}; split it."
            )
