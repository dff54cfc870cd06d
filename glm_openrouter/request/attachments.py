"""Content beside text, as far as it must be known to say in a few words what was left out."""

from collections.abc import Mapping
from typing import NamedTuple

from glm_openrouter._json.values import JSONObject

__all__ = ["Attachment", "base64_size", "kind_of_file", "read_attachment"]


class Attachment(NamedTuple):
    """An image, or anything else in a message that is not text."""

    kind: str
    """`image`, `audio`, `video` or `file`, or the type of a block that is none of these."""
    mime_type: str = ""
    size: int | None = None
    """Bytes, if they are in the message."""

    def __str__(self) -> str:
        label = " ".join((self.mime_type or self.kind).split())[:_LONGEST_LABEL]
        return label if self.size is None else f"{label}, {_write_size(self.size)}"


_LONGEST_LABEL = 80
"""Characters: it comes from whoever wrote the message."""

_KINDS = {"image_url": "image", "input_audio": "audio", "video_url": "video", "file": "file"}
"""Types of OpenRouter's parts -> what they hold."""

_LONGEST_HEAD = 200
"""Characters of a data URI before its data."""


def read_attachment(part: JSONObject) -> Attachment | None:
    """Return what a part in OpenRouter's form holds, or `None` if it is text."""
    name = str(part.get("type"))
    if name not in _KINDS:
        return None
    value = part.get(name)
    values = value if isinstance(value, Mapping) else {"url": value}
    if name == "input_audio":
        audio_format, data = values.get("format"), values.get("data")
        mime_type = f"audio/{audio_format}" if isinstance(audio_format, str) else ""
        return Attachment("audio", mime_type, base64_size(data) if isinstance(data, str) else None)
    uri = values.get("url") or values.get("file_data")
    comma = uri.find(",", 0, _LONGEST_HEAD) if isinstance(uri, str) else -1
    if not isinstance(uri, str) or comma < 0 or not uri.startswith("data:"):
        return Attachment(_KINDS[name])
    mime_type = uri[len("data:") : comma].partition(";")[0]
    kind = kind_of_file(mime_type) if name == "file" else _KINDS[name]
    return Attachment(kind, mime_type, base64_size(uri, comma + 1))


def kind_of_file(mime_type: str) -> str:
    """Return what a file holds: `image`, `audio`, `video`, or else `file`."""
    kind = mime_type.partition("/")[0]
    return kind if kind in ("image", "audio", "video") else "file"


def base64_size(text: str, begin: int = 0) -> int:
    """Return how many bytes the base64 in a text stands for, from `begin` on."""
    padding = text.endswith("=") + text.endswith("==")
    return max((len(text) - begin) * 3 // 4 - padding, 0)


def _write_size(size: int) -> str:
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1000:.0f} KB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
