"""What the core gives -> LlamaIndex responses."""

from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CitationBlock,
    CompletionResponse,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.llms.llm import ToolSelection

from glm_openrouter import Completion, ToolCall, TruncatedToolCallError
from glm_openrouter._json.strict import find_problem, parse_arguments
from glm_openrouter.completions import CUT
from glm_openrouter.corrections import invalid_call_error
from glm_openrouter.request.messages import tool_call

from ._raw import to_raw

__all__ = [
    "IN_PROGRESS",
    "malformed_calls",
    "refusal_text",
    "to_blocks",
    "to_completion_response",
    "to_older_calls",
    "to_response",
    "to_tool_selections",
]

Block = TextBlock | ThinkingBlock | ToolCallBlock | CitationBlock
Call = tuple[str | None, str, str]
"""Id, name and arguments as text."""

IN_PROGRESS = "in_progress"
"""Marks responses of a stream whose tool calls may still grow, in `additional_kwargs`, where it survives a dump."""


def to_response(
    completion: Completion, delta: str | None = None, *, one_call: bool = False
) -> ChatResponse:
    """Return a finished response.

    Args:
        completion: What came.
        delta: What the response adds to the one before it in a stream.
        one_call: Whether to keep only the first tool call, because no others were wanted.

    Raises:
        TruncatedToolCallError: A tool call was cut off.
    """
    for call in completion.tool_calls:
        if call.cut:
            raise truncated(call)
    shown_calls = completion.tool_calls[: 1 if one_call else None]
    calls = [(call.id, call.name, call.arguments) for call in shown_calls]
    citations = _to_citations(completion.annotations)
    text = completion.text or refusal_text(completion)
    blocks = to_blocks(text, completion.reasoning, calls, citations)
    if completion.reasoning_details and not completion.reasoning:
        blocks.insert(0, ThinkingBlock())  # which may be encrypted, but has to go back
    if isinstance(blocks[0], ThinkingBlock):
        _complete_thinking(blocks[0], completion)
    extras = {"annotations": completion.annotations or None, "refusal": completion.refusal}
    extras = {key: value for key, value in extras.items() if value is not None}
    message = ChatMessage(
        role=MessageRole.ASSISTANT,
        blocks=blocks,
        additional_kwargs={**to_older_calls(calls), **extras},
    )
    return ChatResponse(
        message=message,
        delta=delta,
        raw=to_raw(completion),
        logprobs=_to_logprobs(completion.logprobs),
        additional_kwargs=_to_facts(completion),
    )


def refusal_text(completion: Completion) -> str:
    """Return the words with which a model refused to answer, which LlamaIndex has no block for: they are the text."""
    has_answer = completion.text or completion.tool_calls
    return "" if has_answer else completion.refusal or ""


def truncated(call: ToolCall) -> TruncatedToolCallError:
    """Return the error for a call that was cut off."""
    return TruncatedToolCallError(
        f"The call of {call.name!r} must not run: {call.error} Raise max_tokens, or ask again.",
        name=call.name,
        arguments=call.arguments,
    )


def to_completion_response(response: ChatResponse) -> CompletionResponse:
    """Return a chat response as one to a text prompt."""
    return CompletionResponse(
        text=response.message.content or "",
        delta=response.delta,
        raw=response.raw,
        logprobs=response.logprobs,
        additional_kwargs=dict(response.additional_kwargs),
    )


def malformed_calls(response: ChatResponse, *, needs_all: bool = False) -> list[ToolCall]:
    """Return the calls of a finished response that cannot be read.

    Args:
        response: The response.
        needs_all: Whether all calls must be readable; otherwise one that is makes up for the others.
    """
    blocks = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
    malformed = [_to_malformed(block) for block in blocks if _to_kwargs(block) is None]
    return malformed if needs_all or len(malformed) == len(blocks) else []


def _to_malformed(block: ToolCallBlock) -> ToolCall:
    arguments = str(block.tool_kwargs)
    problem = find_problem(arguments) if block.tool_name else "The call has no name."
    return ToolCall(block.tool_call_id or "", block.tool_name, arguments, error=problem)


def to_tool_selections(response: ChatResponse) -> list[ToolSelection]:
    """Return the tool calls of a response; calls that are not complete are left out while it is in progress.

    Calls that cannot be read are left out of a finished response, too, if there is one that can run: what is wrong
    with them goes to the model with the results of the others.

    Raises:
        TruncatedToolCallError: The response is not known to have ended by itself, and a call is not complete.
        InvalidToolCallError: It has, and no call can be read.
    """
    if not response.additional_kwargs.get(IN_PROGRESS, False):
        _check_calls(response)
    selections = []
    for block in response.message.blocks:
        arguments = _to_kwargs(block) if isinstance(block, ToolCallBlock) else None
        if isinstance(block, ToolCallBlock) and arguments is not None:
            selection = ToolSelection(
                tool_id=block.tool_call_id or "",
                tool_name=block.tool_name,
                tool_kwargs=arguments,
            )
            selections.append(selection)
    return selections


def _check_calls(response: ChatResponse) -> None:
    """Raise the error for a call of a finished response that must not run."""
    raw = response.raw if isinstance(response.raw, Mapping) else {}
    if raw.get("finish_reason") not in CUT:
        for call in malformed_calls(response):
            raise invalid_call_error(call, raw)
        return
    for block in response.message.blocks:
        if isinstance(block, ToolCallBlock) and _to_kwargs(block) is None:
            raise truncated(_to_malformed(block))


def _to_kwargs(block: ToolCallBlock) -> dict[str, Any] | None:
    arguments = block.tool_kwargs
    if not block.tool_name:
        return None
    return parse_arguments(arguments) if isinstance(arguments, str) else arguments


def to_blocks(
    text: str,
    reasoning: str,
    calls: Sequence[Call],
    citations: Sequence[CitationBlock] = (),
) -> list[Block]:
    """Return the blocks of a message."""
    blocks: list[Block] = []
    if reasoning:
        blocks.append(ThinkingBlock(content=reasoning))
    if text or not calls:
        blocks.append(TextBlock(text=text))
    blocks += citations
    blocks += [
        ToolCallBlock(tool_call_id=call_id, tool_name=name, tool_kwargs=arguments)
        for call_id, name, arguments in calls
    ]
    return blocks


def to_older_calls(calls: Sequence[Call]) -> dict[str, Any]:
    """Return what messages held in `additional_kwargs` before there were blocks for calls.

    `FunctionCallingProgram.stream_call` and chat engines still look for calls there, and there only.
    """
    entries = [tool_call(call_id or "", name, arguments) for call_id, name, arguments in calls]
    return {"tool_calls": entries} if entries else {}


def _to_citations(annotations: Sequence[Mapping[str, Any]]) -> list[CitationBlock]:
    """Return the pages that the text cites, as web search reports them."""
    pages = [annotation.get("url_citation") for annotation in annotations]
    return [
        CitationBlock(
            cited_content=TextBlock(text=_text_in(page, "content")),
            source=_text_in(page, "url"),
            title=_text_in(page, "title"),
            additional_location_info={
                name: page[name]
                for name in ("start_index", "end_index")
                if isinstance(page.get(name), int)
            },
        )
        for page in pages
        if isinstance(page, Mapping)
    ]


def _text_in(page: Mapping[str, Any], name: str) -> str:
    value = page.get(name)
    return value if isinstance(value, str) else ""


def _to_logprobs(logprobs: Mapping[str, Any] | None) -> list[list[LogProb]] | None:
    """Return for each token its likeliest alternatives, or itself if there are none."""
    tokens = (logprobs or {}).get("content")
    if not isinstance(tokens, list):
        return None
    rows = [token.get("top_logprobs") or [token] for token in tokens if isinstance(token, Mapping)]
    return [[_to_logprob(entry) for entry in row if isinstance(entry, Mapping)] for row in rows]


def _to_logprob(entry: Mapping[str, Any]) -> LogProb:
    values = {name: entry[name] for name in LogProb.model_fields if entry.get(name) is not None}
    return LogProb.model_construct(**values)


def _complete_thinking(block: ThinkingBlock, completion: Completion) -> None:
    details = completion.usage.completion_tokens_details if completion.usage else None
    if details is not None and details.reasoning_tokens is not None:
        block.num_tokens = int(details.reasoning_tokens)
    if completion.reasoning_details is not None:
        block.additional_information["reasoning_details"] = completion.reasoning_details


def _to_facts(completion: Completion) -> dict[str, Any]:
    """Return tokens, cost and the rest, under the names that OpenRouter gives them."""
    facts = completion.metadata()
    if (usage := completion.usage) is not None:
        prompt, answer = usage.prompt_tokens_details, usage.completion_tokens_details
        counts = {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
            "cached_tokens": prompt.cached_tokens if prompt else None,
            "reasoning_tokens": answer.reasoning_tokens if answer else None,
        }
        facts |= {name: int(count) for name, count in counts.items() if count is not None}
    return facts
