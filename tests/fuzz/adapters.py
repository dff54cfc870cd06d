"""Both adapters, over a client that has the bytes already: what streams say in the end is what one answer says."""

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from glm_openrouter import Completion, Delta, GLMError
from langchain_glm import ChatGLM
from llamaindex_glm import GLM
from support.samples import KEY, TOOLS

from .assembling import Options, Outcome, assemble, plain, play
from .mutations import cut

__all__ = ["check_langchain", "check_llamaindex"]

QUESTION = "Where may I moor?"
ASKED = [HumanMessage(QUESTION)]
_MADE_UP = re.compile(r"\bcall_[0-9a-f]{32}\b")
"""An id for a call that came without one."""
_PUBLIC = 0.1
"""How often the methods of users are called, which cost more than all that is looked at here."""


class _Replay:
    """A client whose every response is the same; whole where no stream is asked for."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.options = Options()
        self._outcome = Outcome()

    @property
    def completion(self) -> Completion:
        assert self._outcome.completion is not None
        return self._outcome.completion

    def stream(self, _: object) -> "_Replay":
        return self

    def complete(self, _: object, **__: object) -> Completion:
        whole = assemble(self.pieces, self.options, gives_out=False)
        if whole.error is not None:
            raise whole.error
        assert whole.completion is not None
        return whole.completion

    def __enter__(self) -> "_Replay":
        self._outcome = Outcome()
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[Delta]:
        return play(self.pieces, self.options.assembly(), self._outcome)


REPLAY = _Replay()


class _LangChain(ChatGLM):
    @property
    def _client(self) -> Any:
        return REPLAY


class _LlamaIndex(GLM):
    @property
    def _client(self) -> Any:
        return REPLAY


LANGCHAIN = _LangChain(api_key=KEY)
LANGCHAIN_V1 = _LangChain(api_key=KEY, output_version="v1")
LLAMAINDEX = _LlamaIndex(api_key=KEY)


def check_langchain(body: bytes, rng: Random) -> None:
    """A stream of LangChain adds up to what `invoke` returns."""
    options = _replay(body, rng)
    given = {"tools": TOOLS} if options.tools else {}
    model = LANGCHAIN if rng.random() < 0.7 else LANGCHAIN_V1
    if rng.random() < _PUBLIC:
        whole = _attempt(lambda: model.invoke(QUESTION, **given))
        chunks = _attempt(lambda: list(model.stream(QUESTION, **given)))
    else:
        whole = _attempt(lambda: model._generate(ASKED, **given).generations[0].message)
        chunks = _attempt(lambda: [chunk.message for chunk in model._stream(ASKED, **given)])
    added = chunks if isinstance(chunks, str) else chunks[0] + chunks[1:]
    refiled = assemble(REPLAY.pieces, options).reader.refiled
    assert _of_message(added, refiled) == _of_message(whole, refiled), "the stream adds up to less"


def check_llamaindex(body: bytes, rng: Random) -> None:
    """The last response of a stream of LlamaIndex is what `chat` returns, and the increments lead there."""
    options = _replay(body, rng)
    given = {"tools": TOOLS} if options.tools else {}
    messages = [ChatMessage(QUESTION)]
    whole = _attempt(lambda: LLAMAINDEX.chat(messages, **given))
    responses = _attempt(lambda: _read_responses(rng, LLAMAINDEX.stream_chat(messages, **given)))
    if isinstance(responses, str):
        assert _of_response(whole) == responses, "the stream fails otherwise"
        return
    last = responses[-1]
    assert _of_response(whole) == _of_response(last), "the last response is another one"
    if not assemble(REPLAY.pieces, options).reader.refiled:
        written = "".join(response.delta or "" for response in responses)
        assert written == _text_of(last), "the increments do not add up"


def _replay(body: bytes, rng: Random) -> Options:
    REPLAY.options = Options.draw(rng)
    REPLAY.pieces = cut(rng, body)
    return REPLAY.options


def _attempt(ask: Callable[[], Any]) -> Any:
    """Return what comes, or the name of an error that callers know."""
    try:
        return ask()
    except GLMError as error:
        return f"{type(error).__name__}: {error}"


def _read_responses(rng: Random, stream: Iterator[ChatResponse]) -> Sequence[ChatResponse]:
    """Read a stream as agents do: look at some of the responses before the next one comes."""
    responses = []
    for response in stream:
        responses.append(response)
        if rng.random() < 0.1:
            selections = LLAMAINDEX.get_tool_calls_from_response(
                response, error_on_no_tool_call=False
            )
            assert all(isinstance(call.tool_kwargs, dict) for call in selections), "half a call"
    return responses


def _of_message(message: AIMessage | str, refiled: bool) -> str:
    if isinstance(message, str):
        return message
    extras, facts = message.additional_kwargs, message.response_metadata
    said = (message.text, extras.get("reasoning_content"))
    calls = [(plain(c["id"] or ""), c["name"], c["args"]) for c in message.tool_calls]
    cut_calls = [(plain(c["id"] or ""), c["name"] or "") for c in message.invalid_tool_calls]
    names = ("reasoning_details", "annotations", "refusal")
    rest = [extras.get(name) for name in names]
    names = ("finish_reason", "model_name", "provider", "id", "created", "cost")
    rest += [facts.get(name) for name in names]
    return repr((None if refiled else said, calls, cut_calls, message.usage_metadata, rest))


def _of_response(response: ChatResponse | str) -> str:
    if isinstance(response, str):
        return response
    blocks = response.message.blocks
    thoughts = [
        (b.content, b.additional_information) for b in blocks if isinstance(b, ThinkingBlock)
    ]
    calls = [
        (plain(block.tool_call_id or ""), block.tool_name, block.tool_kwargs)
        for block in blocks
        if isinstance(block, ToolCallBlock)
    ]
    raw = _MADE_UP.sub("made up", repr(response.raw))
    return repr((_text_of(response), thoughts, calls, raw, response.additional_kwargs))


def _text_of(response: ChatResponse) -> str:
    return "".join(block.text for block in response.message.blocks if isinstance(block, TextBlock))
