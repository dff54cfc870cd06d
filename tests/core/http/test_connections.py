"""What happens on the socket: silence, ends of every kind, stopping early, and using connections again."""

import asyncio
import contextlib
import copy
import gc
import gzip
import json
import socket
import time
import zlib
from dataclasses import replace
from typing import Any, NamedTuple

import httpx
import pytest

from glm_openrouter import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AsyncClient,
    AuthenticationError,
    ChatRequest,
    Client,
    InternalServerError,
    InvalidRequestError,
    StreamInterruptedError,
)
from glm_openrouter.testing import (
    Close,
    Comment,
    Done,
    Event,
    Hold,
    Reset,
    ScriptedServer,
    Send,
    Status,
    Step,
    Wait,
    bytes_reply,
    json_reply,
    stream_reply,
)
from support.at_once import waiting
from support.parsing import facts
from support.samples import KEY, REQUEST
from support.wire import (
    call,
    calls,
    error,
    event_stream,
    finishes,
    response_body,
    says,
    thinks,
    uses,
)

STREAM = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}
OPEN = Status(200, STREAM)
FINISHED = (says("Pier "), says("two."), finishes(), uses("B"))
ANSWER = json_reply(response_body({"content": "Pier two."}))
STREAMED_ANSWER = stream_reply(FINISHED)
LIMIT = 0.15
TOGETHER = 0.8
"""The limit of those that wait at once: all of them have to begin in it."""
SLACK = 2.0
"""Seconds that a busy machine may take longer. What is tested against would hang, or go on for much longer."""

both = pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])


@contextlib.contextmanager
def taking(at_most, at_least=0.0):
    begun = time.monotonic()
    yield
    taken = time.monotonic() - begun
    assert at_least <= taken <= at_most, taken


# Silence


COMMENTS = (Comment(), Wait(0.02)) * 500
SPACES = (Send(b" \n"), Wait(0.02)) * 500
HALF = (OPEN, Event(thinks("Hm.")), Event(says("Half a")))
PACKED = gzip.compress(event_stream(*FINISHED))[:40]


class Silence(NamedTuple):
    reply: tuple[Step, ...]
    last: str
    """What came last, as the error says it."""
    streamed: bool = True
    timeout: Any = TOGETHER


SILENCES = {
    "before the response": Silence((Hold(),), "the request itself"),
    "before the response to a plain request": Silence((Hold(),), "the request itself", False),
    "before the first event": Silence((OPEN, Hold()), "the start of the response"),
    "before the body": Silence((Status(200, JSON), Hold()), "the start of the response", False),
    "comments": Silence((OPEN, *COMMENTS), "the start of the response"),
    "white space before the body": Silence(
        (Status(200, JSON), *SPACES), "the start of the response", False
    ),
    "between events": Silence((*HALF, Hold()), "event 2"),
    "comments between events": Silence((*HALF, *COMMENTS), "event 2"),
    "in a compressed stream": Silence(
        (Status(200, {**STREAM, "content-encoding": "gzip"}), Send(PACKED), Hold()),
        "the start of the response",
    ),
    "a limit as httpx has it": Silence((*HALF, Hold()), "event 2", timeout=httpx.Timeout(TOGETHER)),
    "a limit in parts": Silence(
        (*HALF, Hold()), "event 2", timeout=httpx.Timeout(10 * SLACK, read=TOGETHER)
    ),
}


@waiting(*SILENCES)
def test_silence_ends_wherever_it_begins(run, scripted_openrouter, name):
    silence = SILENCES[name]
    server = scripted_openrouter(silence.reply)
    begun = silence.reply[: len(HALF)] == HALF

    with (
        taking(TOGETHER + SLACK, TOGETHER),
        pytest.raises(APITimeoutError, match=silence.last) as caught,
    ):
        run.either(silence.streamed, server.base_url, timeout=silence.timeout)
    error = caught.value
    assert (error.partial_text, error.partial_reasoning) == (
        ("Half a", "Hm.") if begun else ("", "")
    )
    assert error.provider_name == ("Novita" if begun else None)


@waiting()
def test_silence_in_an_error_page_ends(run, scripted_openrouter):
    server = scripted_openrouter((Status(502, JSON), Send(b'{"error":'), Hold()))

    with taking(TOGETHER + SLACK, TOGETHER), pytest.raises(APIError):
        run.complete(server.base_url, timeout=TOGETHER, max_retries=0)


BEGUN = {"before the first event": (OPEN,), "between events": HALF}


@waiting(*BEGUN)
def test_a_comment_just_before_the_limit_does_not_double_it(run, scripted_openrouter, where):
    limit = 1.0
    server = scripted_openrouter((*BEGUN[where], Wait(0.9 * limit), Comment(), Hold()))

    with taking(1.6 * limit, limit), pytest.raises(APITimeoutError):
        run.stream(server.base_url, timeout=limit)


@waiting()
def test_a_slow_stream_is_no_silence(run, scripted_openrouter):
    server = scripted_openrouter(
        stream_reply([says("a") for _ in range(12)] + [finishes()], interval=0.1)
    )

    assert run.stream(server.base_url, timeout=1.0)[1].text == "a" * 12


def test_no_timeout_may_be_wanted(run, scripted_openrouter):
    server = scripted_openrouter(stream_reply([*FINISHED[:2], Wait(0.05), *FINISHED[2:]]))

    assert run.stream(server.base_url, timeout=httpx.Timeout(None))[1].text == "Pier two."


def test_the_default_timeout_is_finite(run):
    assert 0 < run.client("http://127.0.0.1:1").inner._transport.timeout.read < 3600


def test_done_ends_a_stream_whatever_the_socket_does(run, scripted_openrouter):
    server = scripted_openrouter((*STREAMED_ANSWER, Hold()))

    with taking(SLACK):
        _, completion = run.stream(server.base_url)
    assert (completion.text, completion.usage.total_tokens) == ("Pier two.", 48)


def test_done_without_a_line_end_ends_a_stream(run, scripted_openrouter):
    server = scripted_openrouter(
        (OPEN, Send(event_stream(*FINISHED).removesuffix(b"\n\n")), Hold())
    )

    with taking(SLACK):
        assert run.stream(server.base_url)[1].text == "Pier two."


def test_comments_after_done_do_not_go_on(run, scripted_openrouter):
    server = scripted_openrouter((*STREAMED_ANSWER, *((Comment(), Wait(0.01)) * 1000)))

    with taking(SLACK):
        assert run.stream(server.base_url)[1].text == "Pier two."


def test_an_error_ends_a_stream_whatever_the_socket_does(run, scripted_openrouter):
    server = scripted_openrouter((OPEN, Event(says("a")), Event(error(502, "Gone")), Hold()))

    with taking(SLACK), pytest.raises(InternalServerError):
        run.stream(server.base_url)


# Ends

ENDS = {
    "clean end": (Close(clean=True),),
    "cut body": (Close(),),
    "RST": (Reset(),),
}
ends = pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)


@ends
def test_a_stream_that_ends_without_finish_reason_is_interrupted(run, scripted_openrouter, end):
    server = scripted_openrouter(
        (OPEN, Event(thinks("Hm.")), Event(says("Half a")), Event(uses("B")), Wait(0.02), *end)
    )

    with pytest.raises(StreamInterruptedError) as caught:
        run.stream(server.base_url)
    assert caught.value.partial_text == "Half a"
    assert caught.value.partial_reasoning == "Hm."
    assert caught.value.usage.total_tokens == 48
    assert caught.value.request_id == "gen-1760000000-Harbour"


@ends
def test_a_call_of_an_interrupted_stream_does_not_come_out(run, scripted_openrouter, end):
    whole = calls(call("tide", '{"at": "noon"}', 0, "a"))
    server = scripted_openrouter((OPEN, Event(whole), Wait(0.02), *end))

    with pytest.raises(StreamInterruptedError):
        run.stream(server.base_url)


@ends
def test_a_stream_that_breaks_after_its_finish_reason_is_complete(run, scripted_openrouter, end):
    server = scripted_openrouter((OPEN, *map(Event, FINISHED), Wait(0.02), *end))
    _, completion = run.stream(server.base_url)

    assert (completion.text, completion.finish_reason) == ("Pier two.", "stop")
    assert completion.usage.total_tokens == 48


@ends
def test_a_stream_that_breaks_after_done_is_complete(run, scripted_openrouter, end):
    server = scripted_openrouter((*STREAMED_ANSWER, *end))

    assert run.stream(server.base_url)[1].text == "Pier two."


@ends
def test_a_stream_that_breaks_in_its_usage_is_complete(run, scripted_openrouter, end):
    cut = Send(event_stream(*FINISHED)[:-60])
    server = scripted_openrouter((OPEN, cut, Wait(0.02), *end))

    assert run.stream(server.base_url)[1].finish_reason == "stop"


@waiting()
def test_silence_after_the_finish_reason_costs_nothing(run, scripted_openrouter):
    server = scripted_openrouter((OPEN, *map(Event, FINISHED), Hold()))

    with taking(TOGETHER + SLACK):
        assert run.stream(server.base_url, timeout=TOGETHER)[1].text == "Pier two."


def test_a_missing_done_costs_nothing(run, scripted_openrouter):
    server = scripted_openrouter(stream_reply(FINISHED, done=False))

    assert run.stream(server.base_url)[1].text == "Pier two."


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    return f"http://127.0.0.1:{port}/api/v1"


@both
def test_a_refused_connection_is_named(run, closed_port, streamed):
    with pytest.raises(
        APIConnectionError, match=r"refused|[Cc]annot connect|All connection"
    ) as caught:
        run.either(streamed, closed_port, max_retries=1)

    assert type(caught.value) is APIConnectionError
    assert caught.value.retryable
    assert len(run.slept) == 1


@both
def test_an_unknown_host_is_named(run, streamed):
    with pytest.raises(APIConnectionError) as caught:
        run.either(streamed, "https://no-such-host.invalid/v1", max_retries=0)

    assert type(caught.value) is APIConnectionError


def test_a_connection_that_is_not_made_in_time_is_named(run, deaf_port):
    limit = httpx.Timeout(5, connect=LIMIT)

    with (
        taking(LIMIT + SLACK, LIMIT),
        pytest.raises(APITimeoutError, match="in time"),
    ):
        run.complete(deaf_port, timeout=limit, max_retries=0)


def test_a_connection_that_is_not_made_in_time_is_not_tried_again(run, deaf_port):
    with pytest.raises(APITimeoutError):
        run.complete(deaf_port, timeout=httpx.Timeout(5, connect=0.05), max_retries=1)
    assert not run.slept


def asking(size):
    return ChatRequest(messages=[{"role": "user", "content": "a" * size}])


class FullPort:
    """A port that takes connections and reads nothing until it is asked to."""

    def __init__(self, listening):
        self._listening = listening
        self.base_url = f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1"

    def take_all(self):
        """Read what the one connection still brings, and return the number of bytes."""
        taken = 0
        with self._listening.accept()[0] as connection, contextlib.suppress(ConnectionError):
            while data := connection.recv(1_000_000):
                taken += len(data)
        return taken


@pytest.fixture
def full_port():
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.settimeout(2)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield FullPort(listening)
    gc.collect()  # so that a connection that was left open is this test's, not the next one's


def test_a_request_that_is_not_taken_in_time_is_named(run, full_port):
    async def ask(client):
        async with asyncio.timeout(SLACK):
            await client.complete(asking(20_000_000))

    with taking(LIMIT + SLACK, LIMIT), pytest.raises(APITimeoutError):
        run.scenario(full_port.base_url, ask, timeout=LIMIT, max_retries=0)


def test_a_request_that_is_not_taken_in_time_is_not_sent_on(run, full_port):
    async def ask(client):
        with pytest.raises(APITimeoutError):
            await client.complete(asking(20_000_000))
        assert await asyncio.to_thread(full_port.take_all) < 20_000_000

    run.scenario(full_port.base_url, ask, timeout=LIMIT, max_retries=0)


@pytest.mark.parametrize("run", ["sync"], indirect=True)
def test_a_request_that_is_not_taken_in_time_names_no_idle_limit(run, full_port):
    limits = httpx.Timeout(5, write=LIMIT, read=None)

    with pytest.raises(APITimeoutError):
        run.complete(full_port.base_url, asking(20_000_000), timeout=limits, max_retries=0)


def test_a_long_request_goes_out_without_a_warning(run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    run.complete(server.base_url, asking(2_000_000))

    assert len(server.requests) == 1


# Bodies


@both
@pytest.mark.parametrize(
    ("encoding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_body_may_be_compressed(run, scripted_openrouter, streamed, encoding, encode):
    data = (
        event_stream(*FINISHED)
        if streamed
        else json.dumps(response_body({"content": "Pier two."})).encode()
    )
    headers = {**(STREAM if streamed else JSON), "content-encoding": encoding}
    server = scripted_openrouter(bytes_reply(encode(data), pieces=7, headers=headers))

    assert run.either(streamed, server.base_url).text == "Pier two."


def test_a_compressed_error_is_read(run, scripted_openrouter):
    headers = {**JSON, "content-encoding": "gzip"}
    data = gzip.compress(json.dumps(error(500, "Sunk")).encode())
    server = scripted_openrouter(bytes_reply(data, status=500, headers=headers))

    with pytest.raises(InternalServerError, match="Sunk"):
        run.complete(server.base_url, max_retries=0)


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"]
)
def test_a_json_body_may_answer_a_streaming_request(run, scripted_openrouter, content_type):
    data = json.dumps(response_body({"content": "Pier two."}), indent=1).encode()
    server = scripted_openrouter(bytes_reply(data, headers={"content-type": content_type}))
    deltas, completion = run.stream(server.base_url)

    assert "".join(delta.text for delta in deltas) == completion.text == "Pier two."


def test_a_json_body_may_pass_itself_off_as_a_stream(run, scripted_openrouter):
    data = json.dumps(response_body({"content": "Pier two."}), indent=1).encode()
    server = scripted_openrouter(bytes_reply(data))

    assert run.stream(server.base_url)[1].text == "Pier two."


def test_a_stream_may_answer_a_plain_request(run, scripted_openrouter):
    server = scripted_openrouter(STREAMED_ANSWER)

    assert run.complete(server.base_url).text == "Pier two."


def test_a_body_may_come_without_a_content_type(run, scripted_openrouter):
    server = scripted_openrouter(bytes_reply(event_stream(*FINISHED), headers={"x-none": "1"}))

    assert run.stream(server.base_url)[1].text == "Pier two."


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_a_stream_may_come_in_any_pieces(run, scripted_openrouter, size):
    sent = (thinks("Für "), says("\n"), says("⚓ Überfahrt"), finishes(), uses("C"))
    server = scripted_openrouter(bytes_reply(event_stream(*sent), pieces=size), stream_reply(sent))
    pieces, plain = (run.stream(server.base_url)[1] for _ in range(2))

    assert facts(pieces) == facts(plain)


@pytest.mark.parametrize("run", ["async"], indirect=True)
def test_both_clients_and_both_ways_give_the_same(run, scripted_openrouter):
    server = scripted_openrouter(stream_reply([thinks("Hm."), *FINISHED]), repeat_last=True)
    found = [
        facts(replace(run, mode=mode).either(streamed, server.base_url))
        for mode in ("sync", "async")
        for streamed in (True, False)
    ]

    assert found[0] == found[1] == found[2] == found[3]


# Stopping early

LONG = stream_reply([says("word ") for _ in range(200)] + [finishes()], interval=0.01)


async def stopped(server):
    """Assert that the server notices at once that it need not go on; the loop of the client runs meanwhile."""
    (log,) = server.connections
    assert await asyncio.to_thread(log.wait_closed, 0.5)
    assert log.client_left_at is not None
    assert log.events <= 10


def test_leaving_a_stream_unread_stops_the_server(run, scripted_openrouter):
    server = scripted_openrouter(LONG)

    async def read_nothing(client):
        async with client.stream(run.request):
            pass
        await stopped(server)

    run.scenario(server.base_url, read_nothing)


def test_closing_a_stream_stops_the_server(run, scripted_openrouter):
    server = scripted_openrouter(LONG)

    async def close(client):
        async with client.stream(run.request) as stream:
            async for _ in stream:
                break
            await stream.aclose()
            await stopped(server)

    run.scenario(server.base_url, close)


def test_a_closed_stream_is_over(run, scripted_openrouter):
    server = scripted_openrouter(LONG)

    async def go_on(client):
        async with client.stream(run.request) as stream:
            async for _ in stream:
                break
            await stream.aclose()
            with pytest.raises(RuntimeError, match="not been read to its end"):
                stream.completion  # noqa: B018

    run.scenario(server.base_url, go_on)


async def read_in_two_goes(client, request):
    seen = []
    async with client.stream(request) as stream:
        async for delta in stream:
            seen.append(delta.text)
            break
        seen += [delta.text async for delta in stream]
        return "".join(seen), stream.completion.text


def test_a_reader_may_stop_and_go_on(run, scripted_openrouter):
    sent = [says("a"), says("b"), says("c"), finishes()]
    server = scripted_openrouter(stream_reply(sent, interval=0.02))

    found = run.scenario(server.base_url, lambda client: read_in_two_goes(client, run.request))
    assert found == ("abc", "abc")


def test_a_reader_may_stop_and_go_on_between_increments_of_one_read(run, scripted_openrouter):
    server = scripted_openrouter(
        bytes_reply(event_stream(says("a"), says("b"), says("c"), finishes()))
    )

    found = run.scenario(server.base_url, lambda client: read_in_two_goes(client, run.request))
    assert found == ("abc", "abc")


def test_a_stream_that_was_read_to_its_end_is_over(run, scripted_openrouter):
    server = scripted_openrouter(STREAMED_ANSWER)

    async def twice(client):
        async with client.stream(run.request) as stream:
            return [[delta.text async for delta in stream] for _ in range(2)]

    first, second = run.scenario(server.base_url, twice)
    assert ("".join(first), second) == ("Pier two.", [])


@waiting()
def test_a_silence_closes_the_connection(run, scripted_openrouter):
    server = scripted_openrouter((OPEN, Event(says("a")), Hold()))

    async def wait(client):
        with pytest.raises(APITimeoutError):
            await read(client, run.request)
        await stopped(server)

    run.scenario(server.base_url, wait, timeout=TOGETHER)


async def read(client, request, stream=True):
    if not stream:
        return await client.complete(request)
    async with client.stream(request) as stream:
        async for _ in stream:
            pass
        return stream.completion


# Using connections again


@pytest.mark.parametrize(
    "reply",
    [ANSWER, STREAMED_ANSWER, stream_reply(FINISHED, done=False)],
    ids=["body", "stream", "no done"],
)
@both
def test_twenty_calls_need_one_connection(run, scripted_openrouter, reply, streamed):
    server = scripted_openrouter(reply)

    async def ask(client):
        for _ in range(20):
            await read(client, run.request, streamed)

    run.scenario(server.base_url, ask)
    assert len(server.requests) == 20
    assert len(server.connections) == 1


def test_a_connection_that_the_server_has_closed_costs_nothing(run, scripted_openrouter):
    server = scripted_openrouter((*ANSWER, Close()))

    async def ask(client):
        for _ in range(200):
            await client.complete(run.request)
            assert server.connections[-1].wait_closed()  # while the event loop notices nothing

    run.scenario(server.base_url, ask, max_retries=0)
    assert len(server.requests) == len(server.connections) == 200


def test_a_request_that_the_server_may_have_read_is_not_sent_again(run, scripted_openrouter):
    server = scripted_openrouter(ANSWER, (Close(),), ANSWER)

    async def ask(client):
        await client.complete(run.request)
        with pytest.raises(APIConnectionError):
            await client.complete(run.request)
        assert len(server.requests) == 2

    run.scenario(server.base_url, ask, max_retries=0)
    assert len(server.connections) == 1


@pytest.mark.parametrize("phrase", [b"Gesch\xe4ft", b"\x9c\xff", "Geschäft".encode(), b""])
def test_a_reason_phrase_may_be_any_bytes(run, scripted_openrouter, phrase):
    head = b"HTTP/1.1 503 %s\r\ncontent-length: 2\r\n\r\n{}" % phrase
    server = scripted_openrouter((Send(head),))

    with pytest.raises(InternalServerError, match="503"):
        run.complete(server.base_url, max_retries=0)


def test_errors_keep_the_connection(run, scripted_openrouter):
    server = scripted_openrouter(json_reply(error(400, "No"), 400))

    async def ask(client):
        for _ in range(5):
            with pytest.raises(APIError):
                await client.complete(run.request)

    run.scenario(server.base_url, ask)
    assert len(server.connections) == 1


# What a client is made with


@pytest.mark.parametrize(
    "url",
    [
        "http://openrouter.ai/api/v1",
        "http://10.0.0.7/v1",
        "http://127.0.0.1.example.com/v1",
        "http://localhost.example.com/v1",
        "http://example.com#127.0.0.1",
        "HTTP://example.com/v1",
    ],
)
def test_a_key_is_not_sent_in_the_clear(run, url):
    with pytest.raises(InvalidRequestError, match="unencrypted"):
        run.client(url)


@pytest.mark.parametrize(
    "url",
    ["openrouter.ai/api/v1", "ftp://openrouter.ai", "https://", "//x", "https://a:b", "https://[a"],
)
def test_a_base_url_that_is_none_is_refused(run, url):
    with pytest.raises(InvalidRequestError, match="base_url"):
        run.client(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1@example.com/v1", "https://h/s/x@1/api"])
def test_a_base_url_with_an_at_sign_is_refused_with_the_right_hint(run, url):
    with pytest.raises(InvalidRequestError, match="is written as %40") as caught:
        run.client(url)
    assert url.rpartition("@")[2] not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://a\n.example/v1", "https://a.example/v1\x00", "https://a\x1b.example"]
)
def test_a_base_url_with_a_control_character_is_refused(run, url):
    with pytest.raises(InvalidRequestError, match="control character"):
        run.client(url)


def test_white_space_around_a_base_url_is_not_sent(run, scripted_openrouter, monkeypatch):
    server = scripted_openrouter(ANSWER)
    monkeypatch.setenv("OPENROUTER_API_BASE", f"{server.base_url}/\r\n")
    run.complete(None)
    run.complete(f" {server.base_url}\n")

    assert [request.path for request in server.requests] == ["/api/v1/chat/completions"] * 2


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v1",
        "http://127.8.8.8/v1",
        "http://localhost/v1",
        "http://api.localhost:80/v1",
        "http://[::1]:8000/v1",
        "https://eu.openrouter.ai/api/v1",
    ],
)
def test_a_loopback_or_encrypted_base_url_is_fine(run, url):
    assert run.client(url).inner.base_url == url


def test_sending_in_the_clear_may_be_allowed(run):
    assert run.client("http://10.0.0.7/v1/", allow_http=True).inner.base_url == "http://10.0.0.7/v1"


def test_a_slash_at_the_end_of_the_base_url_changes_nothing(run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    run.complete(server.base_url + "/")

    assert server.requests[0].path == "/api/v1/chat/completions"


@pytest.mark.parametrize("key", [None, "", "  \n"])
@pytest.mark.parametrize("made", [Client, AsyncClient])
def test_a_missing_key_is_named(made, key):
    with pytest.raises(AuthenticationError, match="OPENROUTER_API_KEY"):
        made(api_key=key)


@pytest.mark.parametrize("made", [Client, AsyncClient])
def test_the_key_and_the_address_may_come_from_the_environment(made, monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    monkeypatch.setenv("OPENROUTER_API_BASE", "https://eu.openrouter.ai/api/v1")

    assert made().base_url == "https://eu.openrouter.ai/api/v1"


@pytest.mark.parametrize("made", [Client, AsyncClient])
def test_nothing_named_after_another_service_is_read(made, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://example.com")
    with pytest.raises(AuthenticationError):
        made()

    assert made(api_key=KEY).base_url == "https://openrouter.ai/api/v1"


def test_an_unknown_repair_is_refused(run):
    with pytest.raises(InvalidRequestError, match="thinktags"):
        run.client("http://127.0.0.1:1", repairs=["thinktags"])


@both
def test_what_goes_out_is_the_request_and_the_key(run, scripted_openrouter, streamed):
    server = scripted_openrouter(STREAMED_ANSWER if streamed else ANSWER)
    run.either(streamed, server.base_url, api_key=KEY)
    (sent,) = server.requests

    assert sent.body == {**run.request.to_wire(), "stream": True}
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert not {"http-referer", "x-title", "x-openrouter-title"} & {k.lower() for k in sent.headers}


def test_a_call_changes_neither_request_nor_options(run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    options = {"default_headers": {"X-Own": "1"}, "app_categories": ["cli-agent"]}
    before = copy.deepcopy((options, run.request))
    run.complete(server.base_url, **options)

    assert (options, run.request) == before


def test_own_headers_win(run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    run.complete(server.base_url, default_headers={"user-agent": "Harbour/1"}, app_title="Harbour")
    headers = {name.lower(): value for name, value in server.requests[0].headers.items()}

    assert (headers["user-agent"], headers["x-openrouter-title"]) == ("Harbour/1", "Harbour")


def test_an_own_title_wins_under_its_old_name_too(run, scripted_openrouter):
    server = scripted_openrouter(ANSWER)
    run.complete(server.base_url, default_headers={"X-Title": "Own"}, app_title="Harbour")
    headers = {name.lower(): value for name, value in server.requests[0].headers.items()}

    assert headers["x-title"] == "Own"
    assert "x-openrouter-title" not in headers


def list_of(client, request):
    with client.stream(request) as stream:
        return list(stream)


class Flood(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Comments without a pause, for far longer than the limit."""

    def __iter__(self):
        end = time.monotonic() + 10 * LIMIT
        while time.monotonic() < end:
            yield b": OPENROUTER PROCESSING\n\n"

    async def __aiter__(self):
        for comment in self:
            yield comment


FLOODED = httpx.MockTransport(lambda _: httpx.Response(200, headers=STREAM, stream=Flood()))


def test_a_flood_of_comments_is_a_silence():
    with httpx.Client(transport=FLOODED) as mine:
        client = Client(api_key=KEY, http_client=mine, timeout=LIMIT)
        with taking(LIMIT + SLACK, LIMIT), pytest.raises(APITimeoutError):
            list_of(client, REQUEST)


async def test_a_flood_of_comments_is_a_silence_on_a_loop_too():
    async with httpx.AsyncClient(transport=FLOODED) as mine:
        client = AsyncClient(api_key=KEY, http_async_client=mine, timeout=LIMIT)
        with taking(LIMIT + SLACK, LIMIT), pytest.raises(APITimeoutError):
            await read(client, REQUEST)


def test_a_server_that_is_gone_is_an_interruption(run):
    server = ScriptedServer([(OPEN, Event(says("Half a")), Hold())]).start()

    async def wait(client):
        async with client.stream(run.request) as stream:
            async for _ in stream:
                server.stop()

    with pytest.raises(StreamInterruptedError):
        run.scenario(server.base_url, wait)


def test_done_alone_is_no_answer(run, scripted_openrouter):
    server = scripted_openrouter((OPEN, Done()))

    with pytest.raises(APIError):
        run.stream(server.base_url, max_retries=0)
