"""LangChain's content blocks, and those of other providers, -> OpenRouter's content parts."""

import base64
from collections.abc import Callable, Sequence
from typing import Any

from glm_openrouter import InvalidRequestError, JSONObject
from glm_openrouter.request import messages as wire
from glm_openrouter.request.attachments import Attachment
from glm_openrouter.request.history import MessageRules

__all__ = ["required", "to_answer", "to_blocks", "to_content", "type_of"]

Content = str | list[str | JSONObject]


def to_content(content: Content, rules: MessageRules, role: str) -> str | list[JSONObject]:
    """Return the content of a message: plain text if it is nothing else.

    Raises:
        InvalidRequestError: A block that the model, or OpenRouter, cannot take, and that is not to be left out.
    """
    if isinstance(content, str):
        return content
    return wire.text_content([_to_part(block, rules, role) for block in to_blocks(content)])


def to_blocks(content: object) -> Sequence[str | JSONObject]:
    """Return the blocks of content; text has none.

    Raises:
        InvalidRequestError: It is neither text nor a list.
    """
    if isinstance(content, str):
        return ()
    if not isinstance(content, list | tuple):
        raise InvalidRequestError(
            f"Content must be text or a list of blocks, got {type(content).__name__}."
        )
    return content


def to_answer(content: Content, rules: MessageRules) -> str | list[JSONObject]:
    """Return what a model has written, without the blocks that have a place of their own in a message.

    Nor are there blocks that only another provider knows, such as its server tools, so that a conversation which was
    held with another model can go on.
    """
    if isinstance(content, str):
        return content
    said = [block for block in to_blocks(content) if str(type_of(block)) in _SAID]
    return to_content(said, rules, "assistant")


def type_of(block: str | JSONObject) -> object:
    """Return the type of a content block."""
    return block.get("type") if isinstance(block, dict) else "text"


def required(block: JSONObject, key: str) -> Any:
    """Return a value that a content block must have.

    Raises:
        InvalidRequestError: It is missing.
    """
    if key not in block:
        raise InvalidRequestError(f"A content block of type {block.get('type')!r} needs {key!r}.")
    return block[key]


def _to_part(block: str | JSONObject, rules: MessageRules, role: str) -> JSONObject:
    try:
        part = _convert(block)
    except InvalidRequestError as error:
        return rules.leave_out(Attachment(str(type_of(block))), role, error.message)
    return rules.check(part, role)


def _convert(block: str | JSONObject) -> JSONObject:
    if isinstance(block, str):
        return {"type": "text", "text": block}
    if not isinstance(block, dict):
        raise InvalidRequestError(
            f"A content block must be text or an object, got {type(block).__name__}."
        )
    convert = _CONVERTERS.get(str(block.get("type", "")))
    if convert is None:
        raise InvalidRequestError(
            f"A content block of type {block.get('type')!r} cannot be sent in this message. Leave it out, or use "
            f"one of: {', '.join(_CONVERTERS)}."
        )
    part = convert(block)
    mark = block.get("cache_control") or _extras(block).get("cache_control")
    return {**part, "cache_control": mark} if mark else part


def _to_text(block: JSONObject) -> JSONObject:
    return {"type": "text", "text": _text_of(block, "text")}


def _to_plain_text(block: JSONObject) -> JSONObject:
    if block.get("text") is not None:
        return _to_text(block)
    if data := _data_of(block):
        return _to_text({"text": _decode(data)})
    return _to_file({"mime_type": "text/plain", **block})


def _decode(data: str) -> str:
    try:
        return base64.b64decode(data).decode(errors="replace")
    except ValueError as error:
        raise InvalidRequestError(
            f"A block of type 'text-plain' has data that is not base64: {error}."
        ) from error


def _to_image(block: JSONObject) -> JSONObject:
    image = {"url": _to_url(block, "image/jpeg"), "detail": _extras(block).get("detail")}
    return {"type": "image_url", "image_url": {key: value for key, value in image.items() if value}}


def _to_input_image(block: JSONObject) -> JSONObject:
    image = {"url": required(block, "image_url"), "detail": block.get("detail")}
    return {"type": "image_url", "image_url": {key: value for key, value in image.items() if value}}


def _to_video(block: JSONObject) -> JSONObject:
    return {"type": "video_url", "video_url": {"url": _to_url(block, "video/mp4")}}


def _to_audio(block: JSONObject) -> JSONObject:
    data = _data_of(block)
    if not data:
        raise InvalidRequestError(
            "A block of type 'audio' needs base64 data; OpenRouter takes no URL."
        )
    kind = _mime_type(block, "audio/wav").partition("/")[2].removeprefix("x-")
    audio_format = {"mpeg": "mp3", "wave": "wav"}.get(kind, kind)
    return {"type": "input_audio", "input_audio": {"data": data, "format": audio_format}}


def _to_file(block: JSONObject) -> JSONObject:
    if "file" in block:
        return _as_it_is(block)
    filename = block.get("filename") or _extras(block).get("filename")
    return wire.file_part(_to_url(block, "application/pdf"), filename)


def _as_it_is(block: JSONObject) -> JSONObject:
    return {key: value for key, value in block.items() if key not in ("id", "index", "extras")}


def _to_non_standard(block: JSONObject) -> JSONObject:
    value = required(block, "value")
    if not isinstance(value, dict):
        raise InvalidRequestError(
            f"The value of a block of type 'non_standard' must be an object, got {type(value).__name__}."
        )
    return dict(value)


_CONVERTERS: dict[str, Callable[[JSONObject], JSONObject]] = {
    "audio": _to_audio,
    "document": _to_file,
    "file": _to_file,
    "image": _to_image,
    "image_url": _as_it_is,
    "input_audio": _as_it_is,
    "input_image": _to_input_image,
    "non_standard": _to_non_standard,
    "text": _to_text,
    "text-plain": _to_plain_text,
    "video": _to_video,
    "video_url": _as_it_is,
}
"""By type: LangChain's blocks, Anthropic's `document`, OpenAI's `input_image`, and OpenRouter's own parts."""

_SAID = _CONVERTERS.keys() - {"non_standard"}
"""Types of blocks that hold what a model has said."""


def _extras(block: JSONObject) -> JSONObject:
    extras = block.get("extras") or block.get("metadata")
    return extras if isinstance(extras, dict) else {}


def _source(block: JSONObject) -> JSONObject:
    """Return where the data is: the block itself, or a part of it in Anthropic's form."""
    source = block.get("source")
    return source if isinstance(source, dict) else block


def _text_of(part: JSONObject, *keys: str) -> str:
    """Return the first of some values that is set, which must be text."""
    for key in keys:
        if value := part.get(key):
            return wire.expect_text(value, f"{key!r} of a content block")
    return ""


def _data_of(block: JSONObject) -> str:
    return _text_of(_source(block), "base64", "data")


def _mime_type(block: JSONObject, default: str) -> str:
    return _text_of(_source(block), "mime_type", "media_type") or default


def _to_url(block: JSONObject, mime_type: str) -> str:
    """Return the URL of a block, or its data as one."""
    if url := _text_of(_source(block), "url"):
        return url
    if data := _data_of(block):
        return f"data:{_mime_type(block, mime_type)};base64,{data}"
    raise InvalidRequestError(
        f"A block of type {block.get('type')!r} needs a url or base64 data; OpenRouter knows no file ids."
    )
