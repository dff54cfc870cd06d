"""What OpenRouter tells of models, their providers and past generations, and how to ask for it.

The types follow the rule of the wire types: demand nothing, ignore what is not known, and drop a value of an unexpected
type, but no more than that. Only prices do not have the wire's own form: there they are strings in USD for a single
token, here numbers in USD per million, the unit that `ProviderPreferences.max_price` takes.

A query is a generator: it yields what to get and is sent the answer, or has the error thrown into it, so that both
clients share it.
"""

from collections.abc import Generator, Iterator
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

from glm_openrouter._json.lenient import fit, to_number
from glm_openrouter._json.values import JSONObject
from glm_openrouter.errors import APIError, InvalidRequestError, NotFoundError
from glm_openrouter.models import ModelFacts, find_model, strip_variant

from .endpoints import Endpoints
from .infos import EndpointInfo, GenerationInfo, ModelInfo

__all__ = [
    "GetRequest",
    "Query",
    "find_generation",
    "find_info",
    "list_endpoints",
    "list_models",
    "object_of",
    "objects_of",
    "read_facts",
    "retirement_of",
]


class GetRequest(Struct, frozen=True):
    """One thing to get."""

    path: str
    """Below the base URL, with its query."""
    model: str | None = None
    """The model that it is about, for errors."""
    delay: float = 0.0
    """Seconds to wait first."""


T = TypeVar("T")
Query = Generator[GetRequest, JSONObject, T]

_PRICED_BY_UNIT: Final = frozenset(("request", "image", "web_search"))

_APPEARS_AFTER: Final = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Seconds to wait before each try at finding a generation, which appears a moment after its response."""


_MOST_PAGES: Final = 100
"""Of the list of models, which has one: an end for a server whose pages have none."""


def list_models(path: str = "/models") -> Query[list[ModelInfo]]:
    """Return all models that are listed at a path, page by page."""
    models: list[ModelInfo] = []
    seen = 0
    query: str | None = ""
    queries: set[str] = set()
    while query is not None and query not in queries and len(queries) < _MOST_PAGES:
        queries.add(query)
        page = yield GetRequest(f"{path}{query}")
        rows = _rows(page.get("data"))
        seen += len(rows)
        models += [fit(ModelInfo, _with_prices(row)) for row in objects_of(rows)]
        query = _next_query(page, seen)
    return models


def find_info(model: str) -> Query[ModelInfo | None]:
    """Return the row of a model in the catalogue, whatever its routing suffix; `None` if it has none."""
    models = yield from list_models()
    name = strip_variant(model)
    return next((info for info in models if info.id == name), None)


def list_endpoints(model: str) -> Query[Endpoints]:
    """Return the endpoints of a model, whatever its routing suffix; of an alias, those of what it stands for now.

    Raises:
        InvalidRequestError: `model` is not the id of a model.
    """
    model = yield from _resolve_alias(model)
    data = yield from _get_endpoints(model)
    return _read_endpoints(data)


def _resolve_alias(model: str) -> Query[str]:
    """Return the model that an alias such as `~z-ai/glm-latest` stands for, which alone has endpoints; others as is."""
    if not model.startswith("~"):
        return model
    info = yield from find_info(model)
    return info.alias_target.slug or model if info and info.alias_target else model


def _get_endpoints(model: str) -> Query[JSONObject]:
    author, _, slug = strip_variant(model).partition("/")
    if not (author and slug) or author.startswith("@"):
        raise InvalidRequestError(
            f"The catalogue knows models by ids such as z-ai/glm-4.6, got {model!r}."
        )
    path = f"/models/{quote(author, safe='')}/{quote(slug, safe='')}/endpoints"
    answer = yield GetRequest(path, model=model)
    return object_of(answer.get("data"))


def _read_endpoints(data: JSONObject) -> Endpoints:
    rows = objects_of(data.get("endpoints"))
    return Endpoints(fit(EndpointInfo, _with_prices(row)) for row in rows)


def read_facts(model: str) -> Query[ModelFacts]:
    """Return the current facts about a model, over all its providers.

    Raises:
        InvalidRequestError: `model` is not the id of a model.
        NotFoundError: No provider serves it.
    """
    model = yield from _resolve_alias(model)
    data = yield from _get_endpoints(model)
    endpoints = _read_endpoints(data)
    windows = [endpoint.context_length for endpoint in endpoints if endpoint.context_length]
    if not windows:
        raise NotFoundError(f"[OpenRouter] No provider serves {model} now.", model=model)
    outputs = [
        endpoint.max_completion_tokens for endpoint in endpoints if endpoint.max_completion_tokens
    ]
    facts, row = find_model(model), fit(ModelInfo, _with_prices(data))
    inputs = row.architecture.input_modalities if row.architecture else []
    info: ModelInfo | None = None
    # Only the list of models tells when one retires, and that it did not come is no reason to fail.
    with suppress(APIError):
        info = yield from find_info(model)
    return ModelFacts(
        name=facts.name if facts else row.name or strip_variant(model),
        context_window=max(windows),
        max_output_tokens=max(outputs, default=max(windows)),
        structured_output=any(endpoint.supports("structured_outputs") for endpoint in endpoints),
        image_input="image" in inputs,
        tool_calling=any(endpoint.supports("tools") for endpoint in endpoints),
        reasoning=any(endpoint.supports("reasoning") for endpoint in endpoints),
        audio_input="audio" in inputs,
        video_input="video" in inputs,
        preserves_reasoning=facts is None or facts.preserves_reasoning,
        expiration_date=retirement_of(info) if info else None,
    )


def retirement_of(info: ModelInfo) -> str | None:
    """Return the day from which a model may no longer be served, as `2026-12-31`; `None` if none has been named."""
    try:
        return date.fromisoformat(info.expiration_date or "").isoformat()
    except ValueError:
        return None


def find_generation(generation_id: str) -> Query[GenerationInfo]:
    """Return what is known of a response, waiting for it to appear.

    Raises:
        InvalidRequestError: The id is empty.
        NotFoundError: It has not appeared.
    """
    if not generation_id:
        raise InvalidRequestError(
            "There is no generation without an id; pass the id of a response."
        )
    path = f"/generation?{urlencode({'id': generation_id})}"
    missing: NotFoundError | None = None
    for delay in _APPEARS_AFTER:
        try:
            answer = yield GetRequest(path, delay=delay)
        except NotFoundError as error:
            missing = error
        else:
            return fit(GenerationInfo, object_of(answer.get("data")))
    assert missing is not None  # for the type checker; each try returns or fails
    raise missing


def _next_query(page: JSONObject, seen: int) -> str | None:
    """Return the query of the next page, or `None` after the last.

    Only the query of the link is used: the key is meant for the base URL, not for wherever a link may lead.
    """
    link = object_of(page.get("links")).get("next")
    if isinstance(link, str) and (query := urlsplit(link).query):
        return f"?{query}"
    total = page.get("total_count")
    is_more = isinstance(total, int) and total > seen
    return f"?offset={seen}" if is_more else None


def _with_prices(row: JSONObject) -> JSONObject:
    """Return a row with its prices as numbers, per million where they are per token."""
    prices = {name: _to_price(name, value) for name, value in object_of(row.get("pricing")).items()}
    return {**row, "pricing": prices}


def _to_price(name: str, value: Any) -> float | None:
    number = to_number(value)
    if number is None or name == "discount":
        return number
    if number < 0:
        return None  # -1 is the price of a router, which depends on the model that it chooses
    return number if name in _PRICED_BY_UNIT else to_number(Decimal(str(number)) * 1_000_000)


def object_of(value: Any) -> JSONObject:
    """Return what should be an object; an empty one if it is none."""
    return value if isinstance(value, dict) else {}


def _rows(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def objects_of(value: Any) -> Iterator[JSONObject]:
    """Return the objects in what should be a list of them."""
    return (row for row in _rows(value) if isinstance(row, dict))
