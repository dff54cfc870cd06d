"""An error as a response."""

from starlette.responses import JSONResponse, Response

from glm_openrouter.testing._answers.answer import ErrorAnswer

from .bodies import build_error, build_error_headers

__all__ = ["error_response"]


def error_response(error: ErrorAnswer) -> Response:
    """Return an error in OpenRouter's form."""
    return JSONResponse(
        build_error(error), status_code=error.status_code, headers=build_error_headers(error)
    )
