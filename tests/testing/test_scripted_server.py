"""The scripted server sends what it is told, and notices what the client does."""

import json
import socket
import time

import httpx
import pytest

from glm_openrouter.testing import (
    Close,
    Comment,
    Event,
    Hold,
    Reset,
    ScriptedServer,
    Send,
    Status,
    Wait,
    bytes_reply,
    json_reply,
    stream_reply,
)

STREAM = {"content-type": "text/event-stream"}


def post(server, client=httpx, **body):
    return client.post(f"{server.base_url}/chat/completions", json=body)


def test_replies_come_in_order_and_the_last_repeats(scripted_openrouter):
    server = scripted_openrouter(json_reply({"at": 1}, status=503), json_reply({"at": 2}))

    assert [post(server).json()["at"] for _ in range(3)] == [1, 2, 2]


def test_a_script_that_is_over_says_so(scripted_openrouter):
    server = scripted_openrouter(json_reply({}), repeat_last=False)

    post(server)
    response = post(server)

    assert response.status_code == 400
    assert "no reply for request 2" in response.json()["error"]["message"]


def test_a_script_needs_a_reply():
    with pytest.raises(ValueError, match="at least one"):
        ScriptedServer([])


def test_a_reply_that_is_taken_for_a_script_is_an_error():
    with pytest.raises(TypeError, match="list of replies"):
        ScriptedServer(stream_reply([]))


def test_status_and_headers_arrive(scripted_openrouter):
    server = scripted_openrouter(json_reply({}, status=429, headers={"retry-after": "7"}))

    response = post(server)

    assert (response.status_code, response.headers["retry-after"]) == (429, "7")


def test_a_stream_reply_is_events_comments_and_done(scripted_openrouter):
    server = scripted_openrouter(stream_reply([Comment(), {"a": 1}, "raw"]))

    text = post(server).text

    assert text == ': OPENROUTER PROCESSING\n\ndata: {"a": 1}\n\ndata: raw\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_pieces_join_to_the_same_bytes(scripted_openrouter, size):
    data = 'data: {"a": "ä"}\n\n'.encode()
    server = scripted_openrouter(bytes_reply(data, pieces=size))

    assert post(server).content == data


def test_pieces_are_sent_one_by_one(scripted_openrouter):
    server = scripted_openrouter(bytes_reply(b"abcdef", pieces=2))
    address = httpx.URL(server.base_url)
    with socket.create_connection((address.host, address.port)) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        received = b""
        while b"0\r\n\r\n" not in received:
            received += raw.recv(1024)

    assert received.endswith(b"2\r\nab\r\n2\r\ncd\r\n2\r\nef\r\n0\r\n\r\n")


def test_a_connection_serves_several_requests(scripted_openrouter):
    server = scripted_openrouter(json_reply({}), stream_reply([{"a": 1}]), json_reply({}))

    with httpx.Client() as client:
        for _ in range(3):
            post(server, client)

    assert len(server.connections) == 1
    assert len(server.connections[0].requests) == 3


def test_a_close_truncates_the_body_unless_it_is_clean(scripted_openrouter):
    opening = (Status(200, STREAM), Event({"a": 1}))
    server = scripted_openrouter((*opening, Close()), (*opening, Close(clean=True)))

    with pytest.raises(httpx.RemoteProtocolError):
        post(server)
    assert post(server).text == 'data: {"a": 1}\n\n'


def test_a_reset_is_an_error_and_no_end_of_file(scripted_openrouter):
    server = scripted_openrouter((Status(200, STREAM), Event({"a": 1}), Reset()))

    with pytest.raises(httpx.ReadError):
        post(server)


def test_a_reset_before_the_response_is_an_error(scripted_openrouter):
    server = scripted_openrouter((Reset(),))

    with pytest.raises(httpx.ReadError):
        post(server)


def test_a_body_shorter_than_announced_is_possible(scripted_openrouter):
    headers = {"content-type": "application/json", "content-length": "99"}
    server = scripted_openrouter((Status(200, headers), Send(b"{"), Close()))

    with pytest.raises(httpx.RemoteProtocolError):
        post(server)


def test_a_held_connection_is_silent_until_the_client_leaves(scripted_openrouter):
    server = scripted_openrouter((Status(200, STREAM), Event({"a": 1}), Hold(), Event({"b": 2})))

    with pytest.raises(httpx.ReadTimeout):
        httpx.post(server.base_url, timeout=0.05)

    (log,) = server.connections
    assert log.wait_closed()
    assert log.client_left_at is not None
    assert log.events == 1


def test_writing_stops_when_the_client_leaves(scripted_openrouter):
    server = scripted_openrouter(stream_reply([{"at": at} for at in range(1000)], interval=0.002))

    with httpx.stream("POST", server.base_url) as response:
        next(response.iter_lines())

    (log,) = server.connections
    assert log.wait_closed()
    assert log.events < 20
    assert time.monotonic() - log.client_left_at < 1


def test_a_wait_passes_before_the_next_step(scripted_openrouter):
    server = scripted_openrouter((Status(200, STREAM), Wait(0.03), Event({"a": 1})))
    begun = time.monotonic()

    post(server)

    assert time.monotonic() - begun >= 0.03


def test_requests_are_recorded(scripted_openrouter):
    server = scripted_openrouter(json_reply({}))

    post(server, model="x")

    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/api/v1/chat/completions")
    assert request.body == {"model": "x"}
    assert request is server.connections[0].requests[0]


def test_steps_bytes_and_events_are_counted(scripted_openrouter):
    server = scripted_openrouter((*stream_reply([{"a": 1}]), Close(clean=True)))

    body = post(server).content

    (log,) = server.connections
    assert log.wait_closed()
    assert (log.steps, log.events) == (4, 2)
    assert log.bytes_written > len(body)
    assert log.client_left_at is None


def test_stopping_cuts_a_held_connection():
    server = ScriptedServer([(Status(200, STREAM), Hold())]).start()
    with httpx.stream("POST", server.base_url) as response:
        server.stop()
        with pytest.raises(httpx.TransportError):
            response.read()


def test_a_text_goes_out_as_it_is(scripted_openrouter):
    server = scripted_openrouter(json_reply("<html>", status=502))

    response = post(server)

    with pytest.raises(json.JSONDecodeError):
        response.json()
    assert response.text == "<html>"


async def test_many_connections_are_served_at_once(scripted_openrouter):
    import asyncio

    server = scripted_openrouter(stream_reply([{"a": 1}, Wait(0.02), {"b": 2}]))
    async with httpx.AsyncClient() as client:
        responses = await asyncio.gather(*(client.post(server.base_url) for _ in range(50)))

    assert {response.text.count("data:") for response in responses} == {3}
