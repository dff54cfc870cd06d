"""GLM 4.6 through OpenRouter: the core that the framework adapters build on."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import errors
from ._client.client import AsyncClient, AsyncStream, Client, Stream
from ._json.values import JSONObject
from ._response.repairs.chain import REPAIRS
from .adapters import OpenRouterModelBase
from .catalogue.account import Activity, ActivitySums
from .catalogue.endpoints import Endpoints
from .catalogue.infos import (
    ActivityInfo,
    CreditsInfo,
    EndpointInfo,
    GenerationInfo,
    KeyInfo,
    ModelInfo,
    Pricing,
)
from .completions import Completion, Delta, ToolCall, ToolCallDelta, Usage
from .errors import *  # noqa: F403 -- the tree is public as a whole
from .journal.journal import Journal
from .models import DEFAULT_MODEL, ModelFacts, find_model, strip_variant
from .pace import Pace
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
from .request.tools import DeferredTools, ToolSearch
from .retrieval.facts import (
    DEFAULT_EMBEDDING_MODEL,
    DEFAULT_RERANK_MODEL,
    EmbeddingFacts,
    find_embedding_model,
)
from .retrieval.results import Embeddings, RankedDocument, Ranking
from .sessions import session
from .spending.budget import Budget
from .spending.shared_budget import SharedBudget
from .spending.spend import Spend, SpendEntry, track_spend

if TYPE_CHECKING:
    from ._client.arguments import ClientOptions
    from .request.arguments import ChatRequestArguments, ProviderPreferencesDict, ReasoningDict
    from .spending.log_sums import LogSums
    from .spending.report import LogReport, read_log_report

__version__ = "0.1.0"

__all__ = [
    "DEFAULT_EMBEDDING_MODEL",
    "DEFAULT_MODEL",
    "DEFAULT_RERANK_MODEL",
    "REPAIRS",
    "Activity",
    "ActivityInfo",
    "ActivitySums",
    "AsyncClient",
    "AsyncStream",
    "Budget",
    "CacheControl",
    "ChatRequest",
    "ChatRequestArguments",
    "Client",
    "ClientOptions",
    "Completion",
    "ContextCompression",
    "CreditsInfo",
    "DeferredTools",
    "Delta",
    "EmbeddingFacts",
    "Embeddings",
    "EndpointInfo",
    "Endpoints",
    "FileParser",
    "GenerationInfo",
    "JSONObject",
    "Journal",
    "KeyInfo",
    "LogReport",
    "LogSums",
    "MaxPrice",
    "ModelFacts",
    "ModelInfo",
    "ModelParameters",
    "OpenRouterModelBase",
    "OtherPlugin",
    "PDFOptions",
    "Pace",
    "Pricing",
    "ProviderPreferences",
    "ProviderPreferencesDict",
    "ProviderSort",
    "RankedDocument",
    "Ranking",
    "Reasoning",
    "ReasoningDict",
    "ResponseHealing",
    "Settings",
    "SharedBudget",
    "Spend",
    "SpendEntry",
    "Stream",
    "ToolCall",
    "ToolCallDelta",
    "ToolSearch",
    "Usage",
    "WebSearch",
    "find_embedding_model",
    "find_model",
    "read_log_report",
    "session",
    "strip_variant",
    "track_spend",
]
__all__ += errors.__all__

_LOADED_LATER = {
    "ChatRequestArguments": ".request.arguments",
    "ClientOptions": "._client.arguments",
    "LogReport": ".spending.report",
    "LogSums": ".spending.log_sums",
    "ProviderPreferencesDict": ".request.arguments",
    "ReasoningDict": ".request.arguments",
    "read_log_report": ".spending.report",
}
"""What a program does not load unless it names it itself, such as the types of arguments -> where it is."""


if not TYPE_CHECKING:  # else every name would be there, misspelt ones too

    def __getattr__(name: str) -> Any:
        if name in _LOADED_LATER:
            return getattr(import_module(_LOADED_LATER[name], __name__), name)
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
