"""GLM 4.6 through OpenRouter: the core that the framework adapters build on."""

from . import errors
from ._client import AsyncClient, AsyncStream, Client, ClientOptions, Stream
from ._holder import ClientHolder
from ._repair import REPAIRS
from ._sessions import session
from ._settings_base import Settings
from .budget import Budget
from .catalogue import EndpointInfo, GenerationInfo, KeyInfo, ModelInfo, Pricing
from .errors import *  # noqa: F403 -- the tree is public as a whole
from .models import DEFAULT_MODEL, ModelFacts, find_model, strip_variant
from .routing import MaxPrice, ProviderPreferences, ProviderSort
from .settings import ChatRequest, ModelParameters, Reasoning
from .spend import Spend, SpendEntry, track_spend
from .types import Completion, Delta, ToolCall, ToolCallDelta, Usage

__version__ = "0.1.0"

__all__ = [
    "DEFAULT_MODEL",
    "REPAIRS",
    "AsyncClient",
    "AsyncStream",
    "Budget",
    "ChatRequest",
    "Client",
    "ClientHolder",
    "ClientOptions",
    "Completion",
    "Delta",
    "EndpointInfo",
    "GenerationInfo",
    "KeyInfo",
    "MaxPrice",
    "ModelFacts",
    "ModelInfo",
    "ModelParameters",
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
