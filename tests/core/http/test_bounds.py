"""Whatever comes, it is bounded: bytes, memory, error pages, headers, lines, compressed bodies."""

import asyncio
import json
import tracemalloc
import zlib
from contextlib import suppress
from functools import cache

import httpx
import pytest

from glm_openrouter import (
    APIConnectionError,
    APIResponseError,
    AsyncClient,
    InternalServerError,
    InvalidRequestError,
    ResponseTooLargeError,
    StreamInterruptedError,
)
from glm_openrouter.testing import Close, Event, Send, Status, bytes_reply, json_reply, stream_reply
from support.raw_server import HEAD, JSON_HEAD, STREAM_HEAD, raw_server
from support.samples import REQUEST
from support.wire import event_stream, finishes, response_body, says, thinks, uses

LIMIT = 1 << 20
"""Bytes."""
FEW = 1 << 18
"""Bytes, where the limit is reached in small pieces, which take time."""
MUCH = 1 << 26
"""Bytes that are sent at most where something endless is meant."""
ANSWER = json.dumps(response_body({"content": "Pier two."})).encode()
BROKEN = b"HTTP/1.1 500 Internal Server Error\r\n"

both = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])


def repeated(head, piece):
    """Return a play that sends a head, and then the same piece for very long."""
    return lambda: (head, *[piece] * (MUCH // len(piece)))


def ask(run, server, **options):
    given = {"max_response_bytes": LIMIT, "max_retries": 0, **options}
    return run.complete(server.base_url, **given)


# The size of a response

FLOODS = {
    "a line without end": repeated(STREAM_HEAD + b"data: ", b"a" * 65536),
    "blanks in a body": repeated(JSON_HEAD + b"{", b" " * 65536),
    "a body without end": repeated(JSON_HEAD + b'{"a": "', b"a" * 65536),
    "comments": repeated(STREAM_HEAD, b": OPENROUTER PROCESSING\n\n" * 4000),
    "empty events": repeated(STREAM_HEAD, b"data: {}\n\n" * 8000),
    "one event of many lines": repeated(STREAM_HEAD, b"data: {\n" * 8000),
    "reasoning": repeated(STREAM_HEAD, event_stream(thinks("Hm. "), done=False) * 100),
    "lines of no event stream": repeated(STREAM_HEAD, b"what is this\n" * 5000),
    "chunks of two bytes": repeated(
        HEAD + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        b"2\r\naa\r\n" * 8000,
    ),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_ends_at_the_limit(run, flood):
    with raw_server(flood) as server:
        with pytest.raises(ResponseTooLargeError, match="max_response_bytes"):
            ask(run, server, max_response_bytes=FEW)

        assert server.left.wait(10)
    assert server.sent < MUCH / 2


def test_too_large_a_response_holds_what_came(run, scripted_openrouter):
    flood = [Send(b": OPENROUTER PROCESSING\n\n" * 4000)] * 20
    server = scripted_openrouter(
        stream_reply([thinks("Hm."), says("Pier "), uses("B"), *flood, says("two.")])
    )

    with pytest.raises(ResponseTooLargeError) as caught:
        run.stream(server.base_url, max_response_bytes=LIMIT)
    assert (caught.value.partial_text, caught.value.partial_reasoning) == ("Pier ", "Hm.")
    assert caught.value.usage.total_tokens == 48
    assert caught.value.may_be_billed


def test_too_large_a_response_is_not_asked_for_again(run, scripted_openrouter):
    server = scripted_openrouter(bytes_reply(b":\n\n" * LIMIT))

    with pytest.raises(ResponseTooLargeError):
        run.complete(server.base_url, max_response_bytes=LIMIT)
    assert len(server.requests) == 1


@both
def test_an_answer_of_the_limit_is_read(run, scripted_openrouter, streamed):
    reply = stream_reply([says("Pier two."), finishes()]) if streamed else bytes_reply(ANSWER)
    size = sum(len(event_stream(*[e.data])) for e in reply if isinstance(e, Event)) + 14
    server = scripted_openrouter(reply)

    limit = size if streamed else len(ANSWER)
    assert run.either(streamed, server.base_url, max_response_bytes=limit).text == "Pier two."


@pytest.mark.parametrize(
    "answer",
    [JSON_HEAD + ANSWER, STREAM_HEAD + event_stream(says("Pier two."), finishes(), done=False)],
    ids=["body", "stream"],
)
def test_what_follows_a_whole_answer_does_not_count_against_it(run, answer):
    with raw_server(repeated(answer, b"\n" * 65536)) as server:
        assert ask(run, server).text == "Pier two."


CATALOGUES = {
    "endless": repeated(JSON_HEAD + b'{"data": "', b"a" * 65536),
    "many small values": lambda: [JSON_HEAD, b'{"data": [%s[]]}' % (b"[]," * (LIMIT // 4))],
}


@pytest.mark.parametrize("flood", CATALOGUES.values(), ids=CATALOGUES)
def test_the_limit_holds_for_the_catalogue(run, flood):
    async def look_up(client):
        models = client.inner.models()
        return models if run.mode == "sync" else await models

    with raw_server(flood) as server, pytest.raises(ResponseTooLargeError):
        run.scenario(server.base_url, look_up, max_response_bytes=LIMIT, max_retries=0)


@pytest.mark.parametrize("limit", [0, -1, 1.5, "1", True, None])
def test_a_limit_that_is_no_number_of_bytes_is_refused(run, limit):
    with pytest.raises(InvalidRequestError, match="max_response_bytes"):
        run.client("http://127.0.0.1:1", max_response_bytes=limit)


# Memory

MANY = LIMIT // 50
UNITS = {
    "entries of reasoning": ("reasoning_details", b'{"type":"reasoning.text","text":"a"},'),
    "empty entries": ("reasoning_details", b"{},"),
    "annotations": ("annotations", b'{"a":[]},'),
    "parts of content": ("content", b"[],"),
    "tool calls": ("tool_calls", b'{"id":"a","function":{"name":"b","arguments":"{}"}},'),
    "unknown": ("unknown", b"[],"),
}


def in_a_message(key, value):
    return b'{"id":"a","choices":[{"message":{"%s":%s},"finish_reason":"stop"}]}' % (
        key.encode(),
        value,
    )


def filled(unit, size):
    return b"[" + unit * (size // len(unit)) + unit.rstrip(b",") + b"]"


HUGE = {
    **{name: in_a_message(key, filled(unit, LIMIT - 500)) for name, (key, unit) in UNITS.items()},
    **{
        f"few {name}": in_a_message(key, filled(unit, LIMIT // 50))
        for name, (key, unit) in UNITS.items()
    },
    "a text": in_a_message("content", b'"%s"' % (b"a" * (LIMIT - 500))),
    "a wide text": in_a_message("content", b'"%s\xf0\x9f\x98\x80"' % (b"a" * (LIMIT - 500))),
    "a third of a wide text": in_a_message(
        "content", b'"%s\xf0\x9f\x98\x80"' % (b"a" * (LIMIT // 3))
    ),
    "depth": in_a_message("annotations", b"[" * (LIMIT - 500)),
    "arguments": event_stream(
        json.loads(
            '{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"b","arguments":"%s"}}]}}]}'
            % ("[" + "[]," * (LIMIT // 8) + "[]]")
        )
    ),
    "streamed entries": b"".join(
        b'data:{"choices":[{"delta":{"reasoning_details":[{"index":%d,"text":"a"}]}}]}\n\n' % index
        for index in range(LIMIT // 90)
    ),
    "streamed letters": b'data:{"choices":[{"delta":{"content":"a"}}]}\n\n' * (LIMIT // 47),
    "a widened stream": b'data:{"choices":[{"delta":{"content":"%s"}}]}\n\n'
    % (b"a" * 9000)
    * (LIMIT // 9100)
    + 'data:{"choices":[{"delta":{"content":"\U0001f600"}}]}\n\n'.encode(),
    "lines of one event": b"data:a\n" * (LIMIT // 7),
    "calls without ids": b"".join(
        b'data:{"choices":[{"delta":{"tool_calls":[%s]}}]}\n\n'
        % b",".join(
            b'{"index":%d,"function":{"arguments":"x"}}' % (event * 20 + call) for call in range(20)
        )
        for event in range(LIMIT // 900)
    ),
    "a text beside a number that is none": in_a_message(
        "content", b'"%s"' % (b"a" * (LIMIT - 500))
    )[:-1]
    + b',"usage":NaN}',
    "arguments with an escape": event_stream(
        json.loads(
            '{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"b","arguments":"%s"}}]}}]}'
            % ('{\\"a\\": \\"' + "a" * (LIMIT - 500) + '\\"}')
        )
    ),
    "a line": b"data: " + b"a" * (LIMIT - 100),
}


@pytest.mark.parametrize("sent", HUGE.values(), ids=HUGE)
def test_memory_stays_within_three_times_the_limit(run, sent):
    head = STREAM_HEAD if sent.startswith(b"data") else JSON_HEAD

    async def read(client):
        # Nothing is returned, because asyncio makes a text of the result of its main task.
        with suppress(ResponseTooLargeError, APIResponseError, StreamInterruptedError):
            await client.complete(REQUEST)

    with raw_server(lambda: [JSON_HEAD + ANSWER], lambda: [head, sent]) as server:
        ask(run, server)  # imports what is needed
        tracemalloc.start()
        run.scenario(server.base_url, read, max_response_bytes=LIMIT, max_retries=0)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 3 * LIMIT + 400_000  # the second for what any call takes, and the server


# Compressed bodies

FORMS = {
    "gzip": (b"gzip", 31),
    "deflate": (b"deflate", 15),
    "bare deflate": (b"deflate", -15),
}


@cache
def bomb(form):
    return compressed(b"data: " + b"a" * MUCH, form)


def compressed(data, form):
    maker = zlib.compressobj(9, zlib.DEFLATED, form)
    return maker.compress(data) + maker.flush()


@pytest.mark.parametrize(("encoding", "form"), FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("head", [HEAD, BROKEN], ids=["200", "500"])
def test_a_bomb_does_not_go_off(run, encoding, form, head):
    answer = head + b"Content-Encoding: %s\r\n\r\n%s" % (encoding, bomb(form))
    with raw_server(lambda: [JSON_HEAD + ANSWER], lambda: [answer]) as server:
        ask(run, server)
        tracemalloc.start()
        kind = ResponseTooLargeError if head is HEAD else InternalServerError
        with pytest.raises(kind):
            ask(run, server)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 3 * LIMIT


@pytest.mark.parametrize(("encoding", "form"), FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("pieces", [1, 7, None])
def test_every_form_of_compression_is_read(run, scripted_openrouter, encoding, form, pieces):
    text = "Pier two. " * 30_000
    data = compressed(event_stream(says(text), finishes()), form)
    headers = {"content-encoding": encoding.decode()}
    if pieces:
        data, text = compressed(event_stream(says("Pier two."), finishes()), form), "Pier two."
    server = scripted_openrouter(bytes_reply(data, pieces=pieces, headers=headers))

    assert run.complete(server.base_url).text == text


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "snappy"])
def test_compression_that_was_not_asked_for_is_an_error(run, scripted_openrouter, encoding):
    reply = bytes_reply(b"\x28\xb5\x2f\xfd" * 100, headers={"content-encoding": encoding})
    server = scripted_openrouter(reply)

    with pytest.raises(APIResponseError, match=f"{encoding}.*gzip, deflate"):
        run.complete(server.base_url, max_retries=0)
    assert server.connections[0].wait_closed()


def test_only_what_can_be_bounded_is_asked_for(run, scripted_openrouter):
    server = scripted_openrouter(json_reply(response_body({"content": "Pier two."})))
    run.complete(server.base_url)

    assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


def test_what_is_not_compressed_as_it_says_is_an_error(run, scripted_openrouter):
    server = scripted_openrouter(bytes_reply(ANSWER, headers={"content-encoding": "gzip"}))

    with pytest.raises(APIResponseError, match="decompressed"):
        run.complete(server.base_url, max_retries=0)


def test_an_event_of_a_compressed_stream_is_not_held_back(run, scripted_openrouter):
    maker = zlib.compressobj(wbits=31)
    first = maker.compress(event_stream(says("Pier two."))) + maker.flush(zlib.Z_SYNC_FLUSH)
    headers = {"content-encoding": "gzip"}
    server = scripted_openrouter((Status(200, headers), Send(first), Close()))

    async def read(client):
        async with client.stream(REQUEST) as stream:
            return await anext(aiter(stream))

    assert run.scenario(server.base_url, read).text == "Pier two."


# Error pages and headers


def test_of_an_error_page_the_beginning_is_read(run):
    with raw_server(repeated(BROKEN + b"\r\n", b"<p>Sunk</p>\n" * 5000)) as server:
        with pytest.raises(InternalServerError, match="Sunk") as caught:
            ask(run, server, max_response_bytes=MUCH)

        assert server.left.wait(10)
    assert caught.value.status_code == 500
    assert server.sent < MUCH / 2


def test_an_error_body_of_usual_size_is_read_whole(run, scripted_openrouter):
    said = {"error": {"code": 500, "message": "Sunk", "metadata": {"raw": "x" * 60_000}}}
    server = scripted_openrouter(json_reply(said, 500))

    with pytest.raises(InternalServerError) as caught:
        run.complete(server.base_url, max_retries=0)
    assert caught.value.raw.startswith("xxx")


HEADS = {
    "one header without end": repeated(HEAD + b"A: ", b"x" * 65536),
    "headers without end": repeated(HEAD, b"A: x\r\n" * 10_000),
    "a status line without end": repeated(b"HTTP/1.1 200 ", b"x" * 65536),
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_flood_of_headers_ends(run, head):
    with raw_server(head) as server:
        with pytest.raises(APIConnectionError):
            ask(run, server)

        assert server.left.wait(10)
    assert server.sent < MUCH / 2


# Turns


def test_a_client_that_reads_much_at_once_does_not_hold_up_others():
    flood = b": OPENROUTER PROCESSING\n\n" * 40_000
    data = flood + event_stream(says("Pier two."), finishes())
    turns = []

    async def take_turns():
        while True:
            turns.append(len(turns))
            await asyncio.sleep(0)

    async def ask_aside():
        answers = httpx.MockTransport(lambda _: httpx.Response(200, stream=_AtOnce(data)))
        async with httpx.AsyncClient(transport=answers) as own:
            client = AsyncClient(
                base_url="http://127.0.0.1:1", api_key="key", http_async_client=own
            )
            others = asyncio.create_task(take_turns())
            answer = await client.complete(REQUEST)
            others.cancel()
            return answer.text

    assert asyncio.run(ask_aside()) == "Pier two."
    assert len(turns) > len(data) // 65_536


class _AtOnce(httpx.AsyncByteStream):
    def __init__(self, data):
        self._data = data

    async def __aiter__(self):
        yield self._data
