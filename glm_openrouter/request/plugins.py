"""What OpenRouter does around a request: its plugins (https://openrouter.ai/docs/guides/features/plugins).

Those that are useful with GLM have types here, and an unknown key in one of them is an error. Any other is given by its
id, with any settings, because OpenRouter adds plugins more often than this project has releases.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from glm_openrouter._json.values import JSONObject

from ._base import FreeJSON, FreeJSONValue, Settings

__all__ = [
    "ContextCompression",
    "FileParser",
    "OtherPlugin",
    "PDFOptions",
    "Plugin",
    "ResponseHealing",
    "WebSearch",
]


class _Plugin(Settings):
    enabled: bool | None = None
    """`False` switches off a plugin that the account has on by default."""


class WebSearch(_Plugin):
    """Search the web once for each request. The server tool `openrouter:web_search` lets the model decide instead."""

    id: Literal["web"] = "web"
    """The plugin."""
    engine: Literal["native", "exa", "firecrawl", "parallel", "perplexity"] | None = None
    """Who searches."""
    max_results: Annotated[int, Field(ge=1)] | None = None
    """How many pages a search finds."""
    max_uses: Annotated[int, Field(ge=1)] | None = None
    """How many searches there may be."""
    mode: str | None = None
    """How the engine searches; which modes there are depends on it."""
    search_prompt: str | None = None
    """What introduces the results in the prompt."""
    include_domains: list[str] | None = None
    """Search only these."""
    exclude_domains: list[str] | None = None
    """Leave these out."""
    user_location: FreeJSON | None = None
    """Where the user is, roughly."""


class PDFOptions(Settings):
    """How PDFs are read."""

    engine: Literal["cloudflare-ai", "mistral-ocr", "native", "pdf-text"] | None = None
    """What reads them. `pdf-text` is an old name of `cloudflare-ai`."""


class FileParser(_Plugin):
    """Turn PDFs into text for models that read nothing else."""

    id: Literal["file-parser"] = "file-parser"
    """The plugin."""
    pdf: PDFOptions | None = None
    """How PDFs are read."""


class ResponseHealing(_Plugin):
    """Mend the JSON of an answer that is not streamed and has a `response_format`."""

    id: Literal["response-healing"] = "response-healing"
    """The plugin."""


class ContextCompression(_Plugin):
    """Leave out the middle of a prompt that is too long for the model. Once known as `transforms=["middle-out"]`."""

    id: Literal["context-compression"] = "context-compression"
    """The plugin."""
    engine: Literal["middle-out"] | None = None
    """How the prompt is shortened."""


class OtherPlugin(_Plugin):
    """Any other plugin, with any settings."""

    model_config = ConfigDict(extra="allow")

    if TYPE_CHECKING:

        def __init__(self, *, id: str, enabled: bool | None = None, **settings: Any) -> None: ...
    else:
        __pydantic_extra__: dict[str, FreeJSONValue]  # pydantic's way to type extra keys

    id: Annotated[str, Field(min_length=1)]
    """The plugin, as OpenRouter calls it."""

    def to_wire(self) -> JSONObject:
        """Return what was set, as it was given."""
        wire = self.model_dump()
        return {name: wire[name] for name in wire if name != "enabled" or self.enabled is not None}


_KNOWN = frozenset(("web", "file-parser", "response-healing", "context-compression"))


def _tag(plugin: Any) -> str:
    name = plugin.get("id") if isinstance(plugin, Mapping) else getattr(plugin, "id", None)
    return name if isinstance(name, str) and name in _KNOWN else "other"


Plugin = Annotated[
    Annotated[WebSearch, Tag("web")]
    | Annotated[FileParser, Tag("file-parser")]
    | Annotated[ResponseHealing, Tag("response-healing")]
    | Annotated[ContextCompression, Tag("context-compression")]
    | Annotated[OtherPlugin, Tag("other")],
    Discriminator(_tag),
]
"""One entry of `plugins`: one of these types, or an object with an `id`."""
