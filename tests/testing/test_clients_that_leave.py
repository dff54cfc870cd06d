"""What the offline server does when a client leaves."""

import asyncio
import json
import socket
import struct
import threading

import httpx
import pytest

from glm_openrouter.testing import OfflineServer

KEY = {"Authorization": "Bearer sk-or-test"}


def connect(server, text="Count to 5000.", **options):
    """Return a socket that has asked and waits for the answer."""
    url = httpx.URL(server.base_url)
    body = json.dumps({"messages": [{"role": "user", "content": text}], **options}).encode()
    head = (
        f"POST {url.path}/chat/completions HTTP/1.1\r\nHost: {url.host}\r\n"
        f"Authorization: {KEY['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection((url.host, url.port))
    connection.sendall(head.encode() + body)
    return connection


def reset(connection):
    """Close a connection at once, whatever is on its way."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_id(connection):
    """Return the id of the generation, which stands in the head of a response."""
    seen = b""
    while b"\r\n\r\n" not in seen:
        seen += connection.recv(1000)
    return seen.decode(errors="replace").partition("x-generation-id: ")[2].partition("\r\n")[0]


@pytest.mark.parametrize("leave", [socket.socket.close, reset], ids=["close", "reset"])
def test_a_stream_ends_when_its_client_leaves(server, capfd, caplog, leave):
    connection = connect(server, stream=True)
    wanted = {"id": read_id(connection)}
    leave(connection)

    with httpx.Client(base_url=server.base_url, headers=KEY) as client:
        while not client.get("/generation", params=wanted).json()["data"]["cancelled"]:
            pass
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_a_stream_that_was_read_is_not_cancelled(server):
    with httpx.Client(base_url=server.base_url, headers=KEY) as client:
        messages = [{"role": "user", "content": "Hello"}]
        response = client.post("/chat/completions", json={"messages": messages, "stream": True})
        wanted = {"id": response.headers["x-generation-id"]}

        assert client.get("/generation", params=wanted).json()["data"]["cancelled"] is False


class Slow:
    """A function that answers when it is told to."""

    def __init__(self):
        self.began, self.may_end = threading.Event(), threading.Event()
        self.ended_by = []
        self.ended = threading.Event()

    async def __call__(self, prompt):
        self.began.set()
        try:
            await asyncio.to_thread(self.may_end.wait, 60)
            self.ended_by.append("the answer")
        except asyncio.CancelledError:
            self.ended_by.append("the client")
            raise
        finally:
            self.ended.set()
        return "Well."


@pytest.mark.parametrize(
    ("streamed", "ended_by"), [(True, "the client"), (False, "the answer")], ids=["stream", "whole"]
)
def test_an_answer_that_nobody_waits_for_goes_on_only_if_whole(streamed, ended_by):
    slow = Slow()
    with OfflineServer(answer=slow) as server:
        connection = connect(server, stream=streamed)
        assert slow.began.wait(60)
        connection.close()
        if not streamed:
            slow.may_end.set()
        assert slow.ended.wait(60)
        slow.may_end.set()

    assert slow.ended_by == [ended_by]
