"""What a user may set on requests for vectors and for an order.

As on a chat request: what is set is on the wire, or it raises, and `extra_body` is the door for anything else.
"""

from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

from glm_openrouter._json.values import JSONObject
from glm_openrouter.request._base import FreeJSON, Settings
from glm_openrouter.request.provider import ProviderPreferences
from glm_openrouter.sessions import LONGEST_SESSION_ID, resolve_session

from .facts import DEFAULT_EMBEDDING_MODEL, DEFAULT_RERANK_MODEL

__all__ = [
    "EmbeddingParameters",
    "RerankParameters",
    "RetrievalParameters",
    "VectorParameters",
]

ModelId = Annotated[str, StringConstraints(min_length=1)]


class RetrievalParameters(BaseModel):
    """What both kinds of requests take."""

    model_config = ConfigDict(
        extra="forbid",
        protected_namespaces=(),
        hide_input_in_errors=True,  # it may be a key under a wrong name
        defer_build=True,  # until a program asks for vectors
    )

    provider: ProviderPreferences | None = Field(
        default=None, validation_alias=AliasChoices("provider", "openrouter_provider")
    )
    """Which providers may answer. Also taken as `openrouter_provider`."""
    user: str | None = None
    """A stable pseudonym of the end user."""
    session_id: Annotated[str, Field(min_length=1, max_length=LONGEST_SESSION_ID)] | None = None
    """Groups requests in OpenRouter's logs. Default: that of the block `with glm_openrouter.session(...)`, else
    `OPENROUTER_SESSION_ID`."""
    trace: FreeJSON | None = None
    """For observability tools, such as `trace_id` and `span_name`."""
    extra_body: FreeJSON | None = None
    """Anything else for the body, merged last; it may also replace what is set above."""

    def to_wire(self) -> JSONObject:
        """Return what was set, as it goes on the wire, with the session that the request belongs to."""
        fields = {name: value for name, value in self if value is not None}
        extra_body = fields.pop("extra_body", {})
        body = {
            name: value.to_wire() if isinstance(value, Settings) else value
            for name, value in fields.items()
        }
        if body.get("session_id") is None and (session := resolve_session(None)):
            body["session_id"] = session
        return {**body, **extra_body}


class VectorParameters(RetrievalParameters):
    """What all vectors of one store have in common."""

    model: ModelId = DEFAULT_EMBEDDING_MODEL
    """The id of a model; `embedding_models()` of a client lists them."""
    dimensions: Annotated[int, Field(ge=1)] | None = None
    """How long the vectors shall be, of models that can shorten them. Default: as long as the model makes them."""


class EmbeddingParameters(VectorParameters):
    """The parameters of a request for vectors (https://openrouter.ai/docs/api_reference/embeddings)."""

    input_type: str | None = None
    """What the texts are, for models that tell them apart: `search_query` or `search_document`, for example."""


class RerankParameters(RetrievalParameters):
    """The parameters of a request for an order (https://openrouter.ai/docs/cookbook/evaluate-and-optimize/rag)."""

    model: ModelId = DEFAULT_RERANK_MODEL
    """The id of a model that ranks."""
    top_n: Annotated[int, Field(ge=1)] | None = None
    """How many documents to return, the best ones. Default: all."""
