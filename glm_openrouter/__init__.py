"""GLM 4.6 through OpenRouter: the core that the adapters for frameworks stand on."""

from . import errors
from ._client import AsyncClient, AsyncStream, Client, ClientOptions, Stream
from ._holder import ClientHolder
from ._repair import REPAIRS
from .errors import *  # noqa: F403 -- the tree is public as a whole
from .models import DEFAULT_MODEL, ModelFacts, find_model, strip_variant
from .settings import ChatRequest, ModelParameters, ProviderPreferences, ProviderSort, Reasoning
from .spend import Spend, SpendEntry, track_spend
from .types import Completion, Delta, ToolCall, ToolCallDelta, Usage

__version__ = "0.1.0"

__all__ = [
    "DEFAULT_MODEL",
    "REPAIRS",
    "AsyncClient",
    "AsyncStream",
    "ChatRequest",
    "Client",
    "ClientHolder",
    "ClientOptions",
    "Completion",
    "Delta",
    "ModelFacts",
    "ModelParameters",
    "ProviderPreferences",
    "ProviderSort",
    "Reasoning",
    "Spend",
    "SpendEntry",
    "Stream",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
    "find_model",
    "strip_variant",
    "track_spend",
]
__all__ += errors.__all__
