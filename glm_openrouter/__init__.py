"""GLM 4.6 through OpenRouter: the core that the framework adapters build on."""

from . import errors
from ._client.client import AsyncClient, AsyncStream, Client, ClientOptions, Stream
from ._json.values import JSONObject
from ._response.repairs.chain import REPAIRS
from .adapters import OpenRouterModelBase
from .catalogue.infos import EndpointInfo, GenerationInfo, KeyInfo, ModelInfo, Pricing
from .completions import Completion, Delta, ToolCall, ToolCallDelta, Usage
from .errors import *  # noqa: F403 -- the tree is public as a whole
from .models import DEFAULT_MODEL, ModelFacts, find_model, strip_variant
from .request._base import Settings
from .request.chat import ChatRequest
from .request.parameters import CacheControl, ModelParameters, Reasoning
from .request.plugins import (
    ContextCompression,
    FileParser,
    OtherPlugin,
    PDFOptions,
    ResponseHealing,
    WebSearch,
)
from .request.provider import MaxPrice, ProviderPreferences, ProviderSort
from .retrieval.facts import (
    DEFAULT_EMBEDDING_MODEL,
    DEFAULT_RERANK_MODEL,
    EmbeddingFacts,
    find_embedding_model,
)
from .retrieval.results import Embeddings, RankedDocument, Ranking
from .sessions import session
from .spending.budget import Budget
from .spending.spend import Spend, SpendEntry, track_spend

__version__ = "0.1.0"

__all__ = [
    "DEFAULT_EMBEDDING_MODEL",
    "DEFAULT_MODEL",
    "DEFAULT_RERANK_MODEL",
    "REPAIRS",
    "AsyncClient",
    "AsyncStream",
    "Budget",
    "CacheControl",
    "ChatRequest",
    "Client",
    "ClientOptions",
    "Completion",
    "ContextCompression",
    "Delta",
    "EmbeddingFacts",
    "Embeddings",
    "EndpointInfo",
    "FileParser",
    "GenerationInfo",
    "JSONObject",
    "KeyInfo",
    "MaxPrice",
    "ModelFacts",
    "ModelInfo",
    "ModelParameters",
    "OpenRouterModelBase",
    "OtherPlugin",
    "PDFOptions",
    "Pricing",
    "ProviderPreferences",
    "ProviderSort",
    "RankedDocument",
    "Ranking",
    "Reasoning",
    "ResponseHealing",
    "Settings",
    "Spend",
    "SpendEntry",
    "Stream",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
    "WebSearch",
    "find_embedding_model",
    "find_model",
    "session",
    "strip_variant",
    "track_spend",
]
__all__ += errors.__all__
