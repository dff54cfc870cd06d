"""A loopback server that answers in OpenRouter's shapes: `python benchmarks/server.py` prints its URL.

Raw asyncio, so that it costs little. It runs in a process of its own, so that it is not counted with the client.
A path that begins with `/paced` gives a chunk every 20 ms, or the whole answer once all would have come. So does
`/timed`, where the text of a chunk is the time at which it was sent. `/bulk` thinks for 50 ms, a fifth more or less,
and then says it all. All others give chunks as fast as they are taken. `/count` is how many questions have come.
"""

import asyncio
import base64
import functools
import itertools
import json
import math
import random
import time
from array import array
from collections.abc import Callable, Iterator
from typing import Any

DEFAULT_CHUNKS = 2000
DIMENSIONS = 1000
PACE = 0.02
_EVENTS_PER_DRAIN = 50

JSONObject = dict[str, Any]

_FACTS = {"id": "gen-1", "created": 1, "model": "z-ai/glm-4.6", "provider": "Z.AI"}
_USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 20,
    "total_tokens": 30,
    "cost": 0.001,
    "is_byok": False,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "cost_details": {"upstream_inference_cost": None},
    "completion_tokens_details": {"reasoning_tokens": 0, "image_tokens": 0},
}


def frame(event: bytes) -> bytes:
    """Return one event as one HTTP chunk, as OpenRouter's gateways send it."""
    return b"%x\r\n%s\r\n" % (len(event), event)


def event(delta: JSONObject, finish_reason: str | None = None, **more: Any) -> bytes:
    choice = {
        "index": 0,
        "delta": {"role": "assistant", "content": None, **delta},
        "finish_reason": finish_reason,
        "native_finish_reason": finish_reason,
        "logprobs": None,
    }
    payload = {**_FACTS, "object": "chat.completion.chunk", "choices": [choice], **more}
    return frame(b"data: %s\n\n" % json.dumps(payload, separators=(",", ":")).encode())


def call_fragment(arguments: str, **more: Any) -> bytes:
    name = {"name": "look_up"} if more else {}
    call = {"index": 0, **more, "type": "function", "function": {**name, "arguments": arguments}}
    return event({"tool_calls": [call]})


_TEXT = event({"content": "tok "})
_TEXT_END = event({"content": ""}, "stop", usage=_USAGE)
_CALL_BEGIN = call_fragment('{"query":"', id="call_1")
_CALL = call_fragment("abc ")
_CALL_END = call_fragment('"}') + event({"content": ""}, "tool_calls", usage=_USAGE)
_DONE = frame(b"data: [DONE]\n\n") + b"0\r\n\r\n"


def text_events(count: int) -> Iterator[bytes]:
    yield from itertools.repeat(_TEXT, count)
    yield _TEXT_END + _DONE


def call_events(count: int) -> Iterator[bytes]:
    yield _CALL_BEGIN
    yield from itertools.repeat(_CALL, count - 1)
    yield _CALL_END + _DONE


def completion(content: str = "Hello there.") -> bytes:
    message = {"role": "assistant", "content": content, "refusal": None, "reasoning": None}
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "stop",
        "native_finish_reason": "stop",
        "logprobs": None,
    }
    payload = {**_FACTS, "object": "chat.completion", "system_fingerprint": None}
    return json.dumps({**payload, "choices": [choice], "usage": _USAGE}).encode()


def whole(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


@functools.cache
def embeddings(count: int, encoding: str) -> bytes:
    """Return vectors of 1,000 dimensions, as bytes in base64 or as decimal numbers."""
    numbers = array("f", (math.sin(at) / 31.6 for at in range(DIMENSIONS)))
    is_packed = encoding == "base64"
    vector = base64.b64encode(numbers.tobytes()).decode() if is_packed else numbers.tolist()
    rows = [{"object": "embedding", "index": at, "embedding": vector} for at in range(count)]
    usage = {"prompt_tokens": 8 * count, "total_tokens": 8 * count, "cost": 0.001}
    body = {"object": "list", "data": rows, "model": "baai/bge-m3", "usage": usage}
    return whole(json.dumps(body).encode())


_WHOLE = whole(completion())
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)


COUNTED = {"questions": 0}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection until the client closes it."""
    try:
        while True:
            path, body = await read_request(reader)
            if path == "/count":
                writer.write(whole(b"%d" % COUNTED["questions"]))
                continue
            COUNTED["questions"] += 1
            if path.startswith("/bulk"):
                await asyncio.sleep(0.05 * random.uniform(0.8, 1.2))
                writer.write(
                    _STREAM_HEAD + _TEXT + _TEXT_END + _DONE if body.get("stream") else _WHOLE
                )
            elif path.endswith("/embeddings"):
                writer.write(embeddings(len(body["input"]), body.get("encoding_format", "float")))
                await writer.drain()
            elif body.get("stream") and path.startswith(("/paced", "/timed")):
                await TICKERS[path[1:6]].stream(writer, body)
            elif body.get("stream"):
                await stream(writer, body)
            elif path.startswith("/paced"):
                await asyncio.sleep(PACE * count_of(body))
                writer.write(whole(completion("tok " * count_of(body))))
                await writer.drain()
            else:
                writer.write(_WHOLE)
                await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def read_request(reader: asyncio.StreamReader) -> tuple[str, JSONObject]:
    """Return the path, and the body."""
    head = await reader.readuntil(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    sizes = [h.split(b":")[1] for h in headers if h.lower().startswith(b"content-length:")]
    body = await reader.readexactly(int(sizes[0])) if sizes else b"{}"
    return line.split(b" ")[1].decode(), json.loads(body)


def count_of(body: JSONObject) -> int:
    return body.get("max_tokens") or body.get("max_completion_tokens") or DEFAULT_CHUNKS


async def stream(writer: asyncio.StreamWriter, body: JSONObject) -> None:
    count = count_of(body)
    events = call_events(count) if body.get("tools") else text_events(count)
    writer.write(_STREAM_HEAD)
    for number, data in enumerate(events):
        writer.write(data)
        if number % _EVENTS_PER_DRAIN == 0:
            await writer.drain()
    await writer.drain()


class Ticker:
    """Gives all its streams a chunk in each period; one timer for many streams costs less than one for each."""

    _TICKS = 20
    """In a period, so that the streams do not all get their chunk at once."""

    def __init__(self, text: Callable[[], bytes]) -> None:
        self._text = text
        self._places = itertools.cycle(range(self._TICKS))
        self._streams: list[dict[asyncio.StreamWriter, tuple[itertools.repeat, asyncio.Future]]] = [
            {} for _ in range(self._TICKS)
        ]
        self._task: asyncio.Task[None] | None = None

    async def stream(self, writer: asyncio.StreamWriter, body: JSONObject) -> None:
        self._task = self._task or asyncio.create_task(self._run())
        writer.write(_STREAM_HEAD)
        ended = asyncio.get_running_loop().create_future()
        left = itertools.repeat(None, count_of(body))
        self._streams[next(self._places)][writer] = left, ended
        await ended
        writer.write(_TEXT_END + _DONE)
        await writer.drain()

    async def _run(self) -> None:
        due = time.monotonic()
        for streams in itertools.cycle(self._streams):
            due += PACE / self._TICKS
            await asyncio.sleep(due - time.monotonic())
            data = self._text()
            for writer, (left, ended) in [*streams.items()]:
                if writer.is_closing() or next(left, 0) == 0:
                    del streams[writer]
                    ended.set_result(None)
                else:
                    writer.write(data)


def time_event() -> bytes:
    return event({"content": f"{time.monotonic():.4f} "})


TICKERS = {"paced": Ticker(lambda: _TEXT), "timed": Ticker(time_event)}


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
