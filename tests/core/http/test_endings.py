"""Everything ends: what brings nothing is no progress, and nothing waits for longer than it may."""

import json
import socket
import threading
import time

import httpx
import pytest

from glm_openrouter import APITimeoutError, Client
from glm_openrouter.testing import Event, Status, Wait, json_reply, stream_reply
from support.at_once import at_once, waiting
from support.raw_server import HEAD, JSON_HEAD, STREAM_HEAD, drip, raw_server
from support.samples import REQUEST
from support.wire import chunk, event_stream, finishes, response_body, says, thinks, uses

LIMIT = 0.2
"""Seconds of silence."""
TOGETHER = 0.8
"""The same for those that wait at once, and have to begin in it."""
SLACK = 5.0
"""Seconds that a busy machine may take longer. What is tested against would go on for ever."""
OPEN = Status(200, {"content-type": "text/event-stream"})


def endless(head, piece):
    def play():
        yield head
        yield from drip(piece)

    return play


def event(text):
    return b"data: %s\n\n" % text.encode()


EMPTY_DETAIL = {"type": "reasoning.text", "text": "", "format": "unknown", "index": 0}
NOTHING = {
    "empty objects": event("{}"),
    "empty increments": event_stream(says(""), done=False),
    "empty reasoning": event_stream(thinks(""), done=False),
    "empty details": event_stream(chunk({"reasoning_details": [EMPTY_DETAIL, {}]}), done=False),
    "empty fragments of calls": event_stream(chunk({"tool_calls": [{"index": 0}, {}]}), done=False),
    "the same usage": event_stream({**says(""), "usage": {"total_tokens": 7}}, done=False),
    "no choices": event_stream({"id": "gen-1", "choices": []}, done=False),
    "other choices": event_stream(
        {"choices": [{"index": 1, "delta": {"content": "Not this one."}}]}, done=False
    ),
    "comments": b": OPENROUTER PROCESSING\n\n",
    "unknown fields": b"retry: 5\n\n",
}


@waiting(*NOTHING)
def test_events_that_bring_nothing_are_no_sign_of_life(run, name):
    with raw_server(endless(STREAM_HEAD, NOTHING[name])) as server:
        with pytest.raises(APITimeoutError, match="timeout"):
            run.stream(server.base_url, timeout=TOGETHER)
        assert server.left.wait(SLACK)


@waiting(*NOTHING)
def test_events_that_bring_nothing_end_a_stream_that_has_begun(run, name):
    begun = STREAM_HEAD + event_stream(says("Pier "), done=False)
    with raw_server(endless(begun, NOTHING[name])) as server:
        with pytest.raises(APITimeoutError) as caught:
            run.stream(server.base_url, timeout=TOGETHER)
        assert server.left.wait(SLACK)
    assert caught.value.partial_text == "Pier "


SOMETHING = {
    "text": says("a"),
    "blank text": says(" "),
    "reasoning": thinks("a"),
    "encrypted reasoning": chunk(
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "a", "index": 0}]}
    ),
    "arguments": chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"arguments": "{"}}]}),
    "text that is held back": says("<tool_call>" + "a" * 20),
}


@waiting(*SOMETHING)
def test_what_brings_something_is_a_sign_of_life(run, scripted_openrouter, name):
    pause = Wait(0.2)
    server = scripted_openrouter(
        (OPEN, *[pause, Event(SOMETHING[name])] * 6, pause, Event(finishes()), Event("[DONE]"))
    )

    assert run.stream(server.base_url, timeout=0.8)[1].finish_reason


@waiting()
def test_the_usage_is_a_sign_of_life(run, scripted_openrouter):
    pause = Wait(0.3)
    server = scripted_openrouter(
        (OPEN, Event(says("a")), pause, Event(finishes()), pause, Event(uses("B")), pause)
    )

    assert run.stream(server.base_url, timeout=0.5)[1].usage.total_tokens == 48


def test_a_loop_over_a_stream_that_brings_nothing_is_left(scripted_openrouter):
    server = scripted_openrouter((OPEN, Event(says("Pier ")), *[Event("{}"), Wait(0.01)] * 1000))
    got = []
    with (
        Client(base_url=server.base_url, api_key="key-of-a-test", timeout=LIMIT) as client,
        pytest.raises(APITimeoutError),
        client.stream(REQUEST) as stream,
    ):
        got.extend(delta.text for delta in stream)
    assert got == ["Pier "]


BLANKS = {
    f"{kind} {where}": (begun, blank)
    for where, begun in {"after the brace": JSON_HEAD + b"{", "before anything": JSON_HEAD}.items()
    for kind, blank in {"spaces": b" ", "newlines": b"\n", "all blanks": b"\t\r\n"}.items()
}


@waiting(*BLANKS)
def test_blanks_are_no_sign_of_life(run, place):
    begun, blank = BLANKS[place]
    with raw_server(endless(begun, blank)) as server, pytest.raises(APITimeoutError):
        run.complete(server.base_url, timeout=TOGETHER)


@waiting()
def test_a_body_that_comes_slowly_is_read(run, scripted_openrouter):
    whole = json_reply(response_body({"content": "Pier two."}))
    data = whole[1].data
    pieces = [type(whole[1])(data[at : at + 80]) for at in range(0, len(data), 80)]
    steps = [step for piece in pieces for step in (Wait(0.1), piece)]
    server = scripted_openrouter((whole[0], *steps))

    assert run.complete(server.base_url, timeout=0.6).text == "Pier two."


HEADS = {
    "102 for ever": endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "103 for ever": endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "a dripping header": endless(HEAD + b"A: ", b"x"),
    "a dripping status line": endless(b"HTTP/1.1 200 O", b"K"),
}


@waiting(*HEADS)
def test_headers_that_do_not_end_are_not_waited_for(run, name):
    with raw_server(HEADS[name]) as server:
        with pytest.raises(APITimeoutError, match="the request itself"):
            run.complete(server.base_url, timeout=TOGETHER)
        assert server.left.wait(SLACK)


def test_a_client_of_the_users_own_waits_no_longer():
    def ask(name):
        with (
            raw_server(HEADS[name]) as server,
            httpx.Client() as own,
            Client(base_url=server.base_url, api_key="key", timeout=LIMIT, http_client=own) as mine,
            pytest.raises(APITimeoutError),
        ):
            mine.complete(REQUEST)

    at_once(ask, HEADS)


@waiting()
def test_headers_without_end_are_left_on_a_connection_that_is_reused(run):
    answer = json.dumps(response_body({"content": "Pier two."})).encode()
    first = HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer)
    with raw_server(lambda: [first], HEADS["102 for ever"], keep_alive=True) as server:

        async def ask_twice(client):
            await client.complete(REQUEST)
            with pytest.raises(APITimeoutError):
                await client.complete(REQUEST)

        run.scenario(server.base_url, ask_twice, timeout=TOGETHER, max_retries=0)
        assert server.connections == 1


def test_looking_up_a_host_takes_no_longer_than_connecting(monkeypatch):
    hangs = threading.Event()

    def look_up(host, *_args, **_options):
        hangs.wait(60)
        raise OSError("left behind")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    begun = time.monotonic()
    with (
        Client(base_url="https://nowhere.example/api", api_key="key", timeout=LIMIT) as client,
        pytest.raises(APITimeoutError, match="could not be reached in time"),
    ):
        client.complete(REQUEST)
    hangs.set()
    assert time.monotonic() - begun < 30


def test_a_host_is_tried_at_all_its_addresses(scripted_openrouter, monkeypatch):
    server = scripted_openrouter(stream_reply([says("Pier two."), finishes()]))
    found = socket.getaddrinfo

    def look_up(host, port, *args, **options):
        if host != "harbour.example":
            return found(host, port, *args, **options)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("127.0.0.3", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    url = server.base_url.replace("127.0.0.1", "harbour.example")
    with Client(base_url=url, api_key="key", allow_http=True) as client:
        assert client.complete(REQUEST).text == "Pier two."
