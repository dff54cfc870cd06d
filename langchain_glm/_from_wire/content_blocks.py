"""Citations and refusals of an answer -> LangChain's content blocks.

LangChain asks a translator for the content blocks of a message, whether it was streamed or not. Without one of these
there is nothing to translate, and LangChain's own reading of the message stands.
"""

from collections.abc import Sequence
from typing import cast

from langchain_core.messages import AIMessage
from langchain_core.messages.block_translators import get_translator, register_translator
from langchain_core.messages.content import (
    Annotation,
    Citation,
    ContentBlock,
    NonStandardAnnotation,
    TextContentBlock,
)

from glm_openrouter import JSONObject

__all__ = ["register_content_blocks", "to_annotation"]


def to_annotation(annotation: JSONObject) -> Annotation:
    """Return one of OpenRouter's annotations in LangChain's form; only citations have one of their own."""
    cited = annotation.get("url_citation")
    if annotation.get("type") != "url_citation" or not isinstance(cited, dict):
        return NonStandardAnnotation(type="non_standard_annotation", value=annotation)
    parts = {
        "url": cited.get("url"),
        "title": cited.get("title"),
        "cited_text": cited.get("content"),
        "start_index": cited.get("start_index"),
        "end_index": cited.get("end_index"),
    }
    citation = {name: value for name, value in parts.items() if value is not None}
    return cast(Citation, {"type": "citation", **citation})


def _to_content_blocks(message: AIMessage) -> list[ContentBlock]:
    annotations = _annotations_of(message)
    refusal = message.additional_kwargs.get("refusal")
    if not annotations and refusal is None:
        raise NotImplementedError
    metadata = {**message.response_metadata, "model_provider": None}
    blocks = message.model_copy(update={"response_metadata": metadata}).content_blocks
    if annotations:
        blocks = _annotate(blocks, annotations)
    if refusal is not None:
        # langchain-core has a type for it from 1.7.5 on; older ones show the block as it is.
        blocks = [*blocks, cast(ContentBlock, {"type": "refusal", "refusal": str(refusal)})]
    return blocks


def _annotations_of(message: AIMessage) -> list[JSONObject]:
    values = message.additional_kwargs.get("annotations")
    return (
        [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
    )


def _annotate(blocks: list[ContentBlock], annotations: Sequence[JSONObject]) -> list[ContentBlock]:
    text = next((block for block in blocks if block["type"] == "text"), None)
    if text is None:
        # The last chunk of a stream; its index is that of the text in the other ones.
        text = TextContentBlock(type="text", text="", index="lc_text")
        blocks = [*blocks, text]
    annotated = {**text, "annotations": [to_annotation(annotation) for annotation in annotations]}
    return [cast(TextContentBlock, annotated) if block is text else block for block in blocks]


def register_content_blocks() -> None:
    """Make LangChain show the citations and refusals of OpenRouter's messages, unless it does by itself."""
    if get_translator("openrouter") is None:
        register_translator("openrouter", _to_content_blocks, _to_content_blocks)
