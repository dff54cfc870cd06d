"""What is compared, as one function for each row: it takes a contender, and says in a few words what it saw it do."""

import asyncio
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _compared import QUESTION, Contender, LangChain, LlamaIndex
from _measure import memory

from glm_openrouter.testing import (
    Answer,
    Call,
    Comment,
    ErrorAnswer,
    OfflineServer,
    ScriptedServer,
    Wait,
    answer_reply,
    bytes_reply,
    error_reply,
    json_reply,
    stream_reply,
    text_reply,
)

STREAM, WHOLE = True, False
ONE_WAY: tuple[bool, ...] = ()
"""There are no two ways to ask for it."""


@dataclass(frozen=True)
class Claim:
    """One row.

    Attributes:
        label: What happens.
        find: Says what a contender does then. It takes the contender, and whether to stream if there are two ways.
        ways: Which ways it is tried in: in a stream, in a whole answer.
        is_quick: Whether it takes less than a second or so where nothing goes wrong.
        is_for: Which frameworks have it.
    """

    label: str
    find: Callable[..., str]
    ways: tuple[bool, ...] = (STREAM, WHOLE)
    is_quick: bool = True
    is_for: tuple[type[Contender], ...] = (LangChain, LlamaIndex)

    def look_at(self, contender: Contender) -> str:
        """Return the cell: what was seen, in streams and in whole answers if that differs; empty if it is not asked."""
        if not isinstance(contender, self.is_for):
            return ""
        ways = [(way,) for way in self.ways] or [()]
        seen = [self.find(contender, *way) for way in ways]
        return " / ".join(dict.fromkeys(seen))


def outcome(run: Callable[[], Any], limit: float = 10) -> Any:
    """Return what it returns, the error it raises, or `HANGS` if it does neither in so many seconds."""
    results: list[Any] = []

    def keep() -> None:
        try:
            results.append(run())
        except Exception as error:  # noqa: BLE001 -- what it is, is what is looked at
            results.append(error)

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    thread.join(limit)
    return results[0] if results else HANGS


HANGS = object()


def failed(result: Any) -> bool:
    return isinstance(result, Exception)


def tell(result: Any, *, error: str = "an error", value: str) -> str:
    """Say how it went."""
    if result is HANGS:
        return "hangs"
    return error if failed(result) else value


# Tools


def note_calls(into: list[tuple[str, str]]) -> Callable[..., str]:
    def send(to: str = "", text: str = "") -> str:
        """Send a letter."""
        into.append((to, text))
        return "Sent."

    return send


def run_agent_with(contender: Contender, stream: bool, raw: str, finish: str) -> str:
    """Let the model call a tool with these arguments; say what came of it."""
    calls: list[tuple[str, str]] = []
    call = answer_reply(Answer(tool_calls=[Call("send", raw_arguments=raw)]), finish_reason=finish)
    with ScriptedServer([call, text_reply("Done.")]) as server:
        result = outcome(
            lambda: contender.run_agent(server.base_url, note_calls(calls), stream=stream),
            limit=60,  # the first time it imports a lot
        )
        if calls:
            return "runs" if calls == [("Ada", "Hi")] else "runs, wrong"
        if failed(result) or result is HANGS:
            return tell(result, value="")
        return "model is told" if len(server.requests) > 1 else "lost"


def cut_call(contender: Contender, stream: bool) -> str:
    seen = run_agent_with(contender, stream, '{"to": "Ada", "text": "Hi, I a', "length")
    if seen.startswith("runs"):
        return "runs"
    return seen if seen == "hangs" else "never runs"


def trailing_comma(contender: Contender, stream: bool) -> str:
    return run_agent_with(contender, stream, '{"to": "Ada", "text": "Hi",}', "tool_calls")


def no_json(contender: Contender, stream: bool) -> str:
    return run_agent_with(contender, stream, "to Ada: Hi", "tool_calls")


LEAKED = """<tool_call>send
<arg_key>to</arg_key>
<arg_value>Ada</arg_value>
</tool_call>"""


def call_in_text(contender: Contender, stream: bool, text: str) -> str:
    with ScriptedServer([text_reply(text)]) as server:
        answer = contender.ask(server.base_url, note_calls([]), stream=stream)
    return "a call" if answer.calls else "text"


def leaked_call(contender: Contender, stream: bool) -> str:
    return call_in_text(contender, stream, f"I write to her.\n{LEAKED}")


def quoted_call(contender: Contender, stream: bool) -> str:
    return call_in_text(contender, stream, f"GLM calls tools so:\n```\n{LEAKED}\n```\nThat is all.")


def refused_tool_choice(contender: Contender) -> str:
    with ScriptedServer(refuse_forced_tools) as server:
        result = outcome(lambda: contender.force_tool(server.base_url, note_calls([])))
    return tell(result, value="asks in words")


def refuse_forced_tools(request: Any) -> Any:
    if request.body.get("tool_choice", "auto") != "auto":
        return error_reply(400, "Tool choice must be auto")
    return answer_reply(Answer(tool_calls=[Call("send", {"to": "Ada"})]))


# Errors and silence


def error_in_answer(contender: Contender, stream: bool) -> str:
    broken = ErrorAnswer(502, "The provider is gone", partial_text="Half an ans")

    def reply(request: Any) -> Any:
        if request.body.get("stream"):
            return answer_reply(broken)
        return json_reply({"error": {"code": 502, "message": "The provider is gone"}})

    with ScriptedServer(reply) as server:
        result = outcome(lambda: contender.ask(server.base_url, stream=stream, max_retries=0))
    return tell(result, error="raised", value="an answer")


def text_so_far(contender: Contender, stream: bool) -> str:
    broken = ErrorAnswer(502, "The provider is gone", partial_text="Half an ans")
    with ScriptedServer([answer_reply(broken)]) as server:
        error = outcome(lambda: contender.ask(server.base_url, stream=stream, max_retries=0))
    return (
        "yes" if "Half an ans" in repr(getattr(error, "__dict__", "")) and failed(error) else "no"
    )


def chunk(text: str, finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    delta = {"role": "assistant", "content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    facts = {"id": "gen-1", "created": 1, "model": "z-ai/glm-4.6", "provider": "Z.AI"}
    kind = {"object": "chat.completion.chunk", "system_fingerprint": None}
    return {**facts, **kind, "choices": [choice], **more}


def stream_that_ends(contender: Contender, stream: bool) -> str:
    with ScriptedServer([stream_reply([chunk("Half an ans")], done=False)]) as server:
        result = outcome(lambda: contender.ask(server.base_url, stream=stream, max_retries=0))
    return tell(result, error="raised", value="an answer")


def keep_alive_only(contender: Contender, stream: bool) -> str:
    silence = [step for _ in range(60) for step in (Comment(), Wait(0.05))]
    with ScriptedServer([stream_reply([chunk("Well"), *silence])]) as server:
        result = outcome(
            lambda: contender.ask(server.base_url, stream=stream, max_retries=0, timeout=0.3),
            limit=2,
        )
    return "given up" if failed(result) else "waits on"


def slow_answer(contender: Contender, stream: bool) -> str:
    """An answer takes longer than `timeout`, and never falls silent where it is streamed."""

    def reply(request: Any) -> Any:
        if request.body.get("stream"):
            parts = [step for _ in range(9) for step in (Wait(0.1), chunk("word "))]
            return stream_reply([*parts, chunk("end", "stop")])
        status, send = json_reply(whole("word end"))
        return (Wait(0.9), status, send)

    with ScriptedServer(reply) as server:
        result = outcome(
            lambda: contender.ask(server.base_url, stream=stream, max_retries=0, timeout=0.4)
        )
    return tell(result, value="arrives")


def whole(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    facts = {"id": "gen-1", "created": 1, "model": "z-ai/glm-4.6", "provider": "Z.AI"}
    return {**facts, "object": "chat.completion", "system_fingerprint": None, "choices": [choice]}


def cancelled(contender: Contender, stream: bool) -> str:
    """OpenRouter stops a provider only if the answer is streamed and the client leaves."""
    arrived = threading.Event()

    def reply(request: Any) -> Any:
        arrived.set()
        if request.body.get("stream"):
            return stream_reply([step for _ in range(40) for step in (chunk("word "), Wait(0.1))])
        status, send = json_reply(whole("word"))
        return (status, Wait(4), send)

    with ScriptedServer(reply) as server:

        async def cancel() -> None:
            task = asyncio.ensure_future(contender.ask_async(server.base_url, stream=stream))
            await asyncio.to_thread(arrived.wait, 10)
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.wait([task])
            await asyncio.to_thread(server.connections[-1].wait_closed, 1)

        asyncio.run(cancel())
        left = server.connections[-1].client_left_at is not None
        return "stops" if left and server.requests[-1].body.get("stream") else "works on"


def left_stream(contender: Contender) -> str:
    words = [step for _ in range(20) for step in (chunk("word "), Wait(0.05))]
    with ScriptedServer([stream_reply([*words, chunk("end", "stop")])]) as server:
        contender.take_one_chunk(server.base_url)
        connection = server.connections[-1]
        connection.wait_closed(1.5)
        has_left = connection.client_left_at is not None
        return "stops" if has_left and connection.events < 20 else "works on"


# Another try


def unavailable(contender: Contender, stream: bool) -> str:
    with ScriptedServer([error_reply(503, "No provider is available")]) as server:
        outcome(lambda: contender.ask(server.base_url, stream=stream, max_retries=2), limit=15)
        count = len(server.requests)
    return "1 request" if count == 1 else f"{count} requests"


def told_when(contender: Contender, stream: bool, after: float = 1.0) -> str:
    arrivals: list[float] = []

    def reply(_: Any) -> Any:
        arrivals.append(time.monotonic())
        if len(arrivals) == 1:
            return error_reply(429, "Too many requests", retry_after=after)
        return text_reply("Hello")

    with ScriptedServer(reply) as server:
        result = outcome(lambda: contender.ask(server.base_url, stream=stream, max_retries=2))
    if failed(result) or result is HANGS:
        return tell(result, error="fails", value="")
    return "waits" if arrivals[1] - arrivals[0] >= after else "too early"


def many_loops(contender: Contender) -> str:
    with ScriptedServer([text_reply("Hello")]) as server:
        result = outcome(lambda: contender.ask_in_loops(server.base_url, 5))
        count = len(server.requests)
    return tell(result, error="fails", value=f"{count} requests")


# Reasoning and memory


def reasoning_arrives(contender: Contender, stream: bool) -> str:
    with ScriptedServer([text_reply("42", reasoning="Six by seven.")]) as server:
        answer = contender.ask(server.base_url, stream=stream)
    return "yes" if "Six by seven." in answer.reasoning else "no"


def reasoning_returns(contender: Contender, stream: bool) -> str:
    call = Answer(
        reasoning="Ada, of course.", tool_calls=[Call("send", {"to": "Ada", "text": "Hi"})]
    )
    with ScriptedServer([answer_reply(call), text_reply("Done.")]) as server:
        outcome(lambda: contender.run_agent(server.base_url, note_calls([]), stream=stream))
        sent = [m for m in server.requests[-1].body["messages"] if m["role"] == "assistant"]
    details = sent[-1].get("reasoning_details") if sent else None
    if not details:
        return "no"
    is_same = "".join(part.get("text", "") for part in details) == "Ada, of course."
    forms = {(part.get("type"), part.get("format")) for part in details}
    return "unmodified" if is_same and forms == {reasoning_form()} else "changed"


def reasoning_form() -> tuple[str, str]:
    """Return the type and the format of what the server sends."""
    import httpx

    question = {"messages": [{"role": "user", "content": QUESTION}]}
    with ScriptedServer([text_reply("42", reasoning="Six by seven.")]) as server:
        body = httpx.post(f"{server.base_url}/chat/completions", json=question).json()
    (part,) = body["choices"][0]["message"]["reasoning_details"]
    return part["type"], part["format"]


def session_of_thread(contender: Contender, stream: bool) -> str:
    call = Answer(tool_calls=[Call("send", {"to": "Ada", "text": "Hi"})])
    with ScriptedServer([answer_reply(call), text_reply("Done.")]) as server:
        outcome(lambda: contender.run_agent(server.base_url, note_calls([]), stream=stream))
        sessions = [
            (request.body.get("session_id") or request.headers.get("x-session-id"))
            for request in server.requests
        ]
    return "yes" if sessions[0] and len(set(sessions)) == 1 else "no"


# Structured output


def asks_for_schema(contender: Contender) -> str:
    with ScriptedServer([text_reply('{"name": "Ada", "age": 36}')]) as server:
        outcome(lambda: contender.structured(server.base_url))
        body = server.requests[0].body
    return "a forced tool" if body.get("tool_choice", "auto") != "auto" else "no tool"


def structured_from(contender: Contender, script: Any) -> Any:
    with ScriptedServer(script) as server:
        return outcome(lambda: contender.structured(server.base_url))


def schema_ignored(contender: Contender) -> str:
    """The provider drops `response_format` and `tool_choice`, so the model knows what it is told in words."""

    def reply(request: Any) -> Any:
        told = str([message.get("content") for message in request.body["messages"]])
        is_told = re.search(r"['\"]age\b", told)
        return text_reply('{"name": "Ada", "age": 36}' if is_told else "It is Ada, who is 36.")

    return describe(structured_from(contender, reply), "works")


def schema_in_prose(contender: Contender) -> str:
    script = [text_reply("It is Ada, who is 36."), text_reply('{"name": "Ada", "age": 36}')]
    return describe(structured_from(contender, script), "asks again")


def schema_in_fence(contender: Contender) -> str:
    script = [text_reply('Here:\n```json\n{"name": "Ada", "age": 36}\n```')]
    return describe(structured_from(contender, script), "read")


def describe(result: Any, value: str) -> str:
    return tell(result, value="`None`" if result is None else value)


# Money


def cost_known(contender: Contender, stream: bool) -> str:
    with ScriptedServer([text_reply("Hello")]) as server:
        answer = contender.ask(server.base_url, stream=stream)
    return "yes" if re.search(r"cost\W+[\d.e-]*[1-9]", answer.everything) else "no"


def limited_run(contender: Contender, stream: bool) -> str:
    """Five calls of $0.0001 each or more, with a limit that the second passes."""
    if contender.limit is None:
        return "no"
    with ScriptedServer([text_reply("word " * 100)]) as server:

        def spend() -> None:
            with contender.limit(0.00015):
                for _ in range(5):
                    contender.ask(server.base_url, stream=stream)
                    time.sleep(0.01)

        error = outcome(spend)
        count = len(server.requests)
    return "stops" if failed(error) and count < 5 else "no"


# What is set


def misspelt_provider(contender: Contender, stream: bool) -> str:
    with ScriptedServer([text_reply("Hello")]) as server:
        result = outcome(
            lambda: contender.ask(server.base_url, stream=stream, provider={"ordr": ["z-ai"]})
        )
        if failed(result):
            return "an error" if not server.requests else "fails"
        return "sent" if "ordr" in json.dumps(server.requests[0].body) else "dropped"


def misspelt_argument(contender: Contender) -> str:
    result = outcome(lambda: contender.construct("http://localhost/api/v1", temprature=0.5))
    return tell(result, value="taken")


def typed_constructor(contender: Contender) -> str:
    """A text is a key, as all documentations say, and a misspelt name is an error."""
    right = "Model(model='z-ai/glm-4.6', api_key='sk-or-1')"
    wrong = "Model(model='z-ai/glm-4.6', temprature=0.5)"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "program.py")
        file.write_text(f"{contender.statement}\n{right}\n{wrong}\n")
        command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if "program.py:2:" in done.stdout:
        return "rejects right"
    return "yes" if "program.py:3:" in done.stdout else "accepts wrong"


def facts_of_variant(contender: Contender) -> str:
    window = contender.context_window("http://localhost/api/v1")
    return f"{window:,}" if window else "none"


# The network


def bomb(contender: Contender, stream: bool) -> str:
    """300 MB of text, in 1.4 MB."""
    if stream:
        event = f"data: {json.dumps(chunk('word ' * 200_000))}\n\n".encode()
        data, kind = pack(event for _ in range(300)), "text/event-stream"
    else:
        head, tail = json.dumps(whole("words")).encode().split(b"words")
        parts = [head, *[b"word " * 200_000] * 300, tail]
        data, kind = pack(parts), "application/json"
    headers = {"content-type": kind, "content-encoding": "gzip", "content-length": str(len(data))}
    before = memory("VmRSS")
    reset_peak()
    with ScriptedServer([bytes_reply(data, headers=headers)]) as server:
        result = outcome(
            lambda: contender.ask(server.base_url, stream=stream, max_retries=0), limit=120
        )
    grown = memory("VmHWM") - before
    return "refused" if failed(result) and grown < 500 else f"{grown / 1000:.1f} GB"


def pack(parts: Iterable[bytes]) -> bytes:
    """Return them as one gzip stream; it is never in memory as a whole."""
    packing = zlib.compressobj(1, wbits=31)
    return b"".join([*map(packing.compress, parts), packing.flush()])


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


# The rest


def vectors_and_order(contender: Contender) -> str:
    with OfflineServer() as server:
        found = [
            name
            for name, run in (("vectors", contender.embed), ("ranks", contender.rank))
            if run is not None and not failed(outcome(lambda run=run: run(server.base_url)))
        ]
    return "both" if len(found) == 2 else (found or ["no"])[0]


CLAIMS = [
    Claim("A tool call is cut by `max_tokens`", cut_call),
    Claim("A tool call has a comma too many", trailing_comma),
    Claim("A tool call is no JSON at all", no_json),
    Claim("GLM writes a tool call as text", leaked_call),
    Claim("GLM quotes one", quoted_call),
    Claim("The provider refuses a forced tool", refused_tool_choice, ONE_WAY),
    Claim("An error inside a 200", error_in_answer),
    Claim("... with the text so far", text_so_far, (STREAM,)),
    Claim("A stream just ends", stream_that_ends, (STREAM,)),
    Claim("`timeout`, and nothing but keep-alives", keep_alive_only, (STREAM,)),
    Claim("An answer takes longer than `timeout`", slow_answer),
    Claim("Cancelled: the provider", cancelled),
    Claim("`break` in a stream: the provider", left_stream, ONE_WAY),
    Claim("`max_retries=2`, and only 503s", unavailable, is_quick=False),
    Claim("429 with `Retry-After`", told_when),
    Claim("One model, five times `asyncio.run`", many_loops, ONE_WAY),
    Claim("Reasoning arrives", reasoning_arrives),
    Claim("Reasoning goes back in a tool loop", reasoning_returns),
    Claim("A LangGraph thread is a session", session_of_thread, is_for=(LangChain,)),
    Claim("Structured output asks with", asks_for_schema, ONE_WAY),
    Claim("... the provider ignores that", schema_ignored, ONE_WAY),
    Claim("... the answer is prose", schema_in_prose, ONE_WAY),
    Claim("... the answer is in a fence", schema_in_fence, ONE_WAY),
    Claim("What a call cost", cost_known),
    Claim("A limit for what a run costs", limited_run),
    Claim("A misspelt key in `provider`", misspelt_provider),
    Claim("A misspelt argument", misspelt_argument, ONE_WAY),
    Claim("Type checkers know the arguments", typed_constructor, ONE_WAY, is_quick=False),
    Claim("Context of `z-ai/glm-4.6:exacto`", facts_of_variant, ONE_WAY),
    Claim("Vectors and ranks, with the same key", vectors_and_order, ONE_WAY),
    Claim("300 MB out of a small response", bomb, (WHOLE,), is_quick=False),
]
