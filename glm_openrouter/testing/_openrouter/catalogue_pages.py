"""What the catalogue answers: pages of models, one model, and its endpoints."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .catalogue import ENDPOINTS, Model, find_model, list_models
from .refusal import RefusalError

__all__ = ["get_endpoints", "get_model", "get_models"]


async def get_models(request: Request, _: dict[str, Any] | None) -> Response:
    """Answer `/models`, a page of them."""
    rows = [model.to_row() for model in list_models()]
    offset = _number(request, "offset", 0)
    end = offset + _number(request, "limit", len(rows))
    more = f"{request.url.path}?offset={end}&limit={end - offset}" if end < len(rows) else None
    answer = {"data": rows[offset:end], "total_count": len(rows), "links": {"next": more}}
    return JSONResponse(answer)


async def get_model(request: Request, _: dict[str, Any] | None) -> Response:
    """Answer `/model/{id}`."""
    return JSONResponse({"data": _find_listed(request).to_row()})


async def get_endpoints(request: Request, _: dict[str, Any] | None) -> Response:
    """Answer `/models/{id}/endpoints`."""
    model = _find_listed(request)
    with_speed = "authorization" in request.headers
    rows = [endpoint.to_row(model, with_speed=with_speed) for endpoint in ENDPOINTS]
    row = model.to_row()
    about = {key: row[key] for key in ("id", "name", "created", "description", "architecture")}
    return JSONResponse({"data": {**about, "endpoints": rows}})


def _find_listed(request: Request) -> Model:
    wanted = "{author}/{slug}".format(**request.path_params)
    try:
        return find_model(wanted)
    except RefusalError as refusal:
        raise RefusalError(404, f"Model {wanted} not found") from refusal


def _number(request: Request, name: str, default: int) -> int:
    try:
        return int(request.query_params.get(name, default))
    except ValueError:
        raise RefusalError(400, f"{name}: must be a number") from None
