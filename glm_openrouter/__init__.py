"""GLM 4.6 through OpenRouter: the core that the framework adapters build on."""

from . import errors
from ._client.client import AsyncClient, AsyncStream, Client, ClientOptions, Stream
from ._json.values import JSONObject
from ._response.repairs.repairs import REPAIRS
from .adapters import OpenRouterModelBase
from .catalogue.infos import EndpointInfo, GenerationInfo, KeyInfo, ModelInfo, Pricing
from .completions import Completion, Delta, ToolCall, ToolCallDelta, Usage
from .errors import *  # noqa: F403 -- the tree is public as a whole
from .models import DEFAULT_MODEL, ModelFacts, find_model, strip_variant
from .request._base import Settings
from .request.chat import ChatRequest
from .request.parameters import ModelParameters, Reasoning
from .request.provider import MaxPrice, ProviderPreferences, ProviderSort
from .sessions import session
from .spending.budget import Budget
from .spending.spend import Spend, SpendEntry, track_spend

__version__ = "0.1.0"

__all__ = [
    "DEFAULT_MODEL",
    "REPAIRS",
    "AsyncClient",
    "AsyncStream",
    "Budget",
    "ChatRequest",
    "Client",
    "ClientOptions",
    "Completion",
    "Delta",
    "EndpointInfo",
    "GenerationInfo",
    "JSONObject",
    "KeyInfo",
    "MaxPrice",
    "ModelFacts",
    "ModelInfo",
    "ModelParameters",
    "OpenRouterModelBase",
    "Pricing",
    "ProviderPreferences",
    "ProviderSort",
    "Reasoning",
    "Settings",
    "Spend",
    "SpendEntry",
    "Stream",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
    "find_model",
    "session",
    "strip_variant",
    "track_spend",
]
__all__ += errors.__all__
