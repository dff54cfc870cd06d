"""The facts about httpcore and aiohttp that the sockets build on, and that no documentation promises."""

import asyncio
import contextlib

import aiohttp
import httpx
import pytest

from glm_openrouter._http.aiohttp_client import _Request, _Upload
from glm_openrouter.testing import json_reply

URL = "/models"


@pytest.fixture
def url(scripted_openrouter):
    return scripted_openrouter(json_reply({"data": []})).base_url + URL


# httpcore


def test_httpcore_tells_of_each_new_socket(url):
    sockets = []

    def trace(event, info):
        if event == "connection.connect_tcp.complete":
            sockets.append(info["return_value"])

    with httpx.Client() as client:
        client.get(url, extensions={"trace": trace})

    assert len(sockets) == 1
    assert callable(sockets[0].read)
    assert callable(sockets[0].write)


def test_httpcore_reads_through_what_was_put_in_the_place_of_read(url):
    calls = []

    def trace(event, info):
        if event == "connection.connect_tcp.complete":
            stream = info["return_value"]
            read, write = stream.read, stream.write
            stream.read = lambda *limits, **named: calls.append("read") or read(*limits, **named)
            stream.write = lambda *data, **named: calls.append("write") or write(*data, **named)

    with httpx.Client() as client:
        client.get(url, extensions={"trace": trace})

    assert calls[0] == "write"
    assert "read" in calls


def test_a_response_names_the_socket_that_it_comes_from(url):
    sockets = []

    def trace(event, info):
        if event == "connection.connect_tcp.complete":
            sockets.append(info["return_value"])

    with httpx.Client() as client, client.stream("GET", url, extensions={"trace": trace}) as answer:
        assert answer.extensions["network_stream"].read == sockets[0].read


def test_a_pool_of_httpcore_connects_through_its_backend(url):
    hosts = []
    transport = httpx.HTTPTransport()
    backend = transport._pool._network_backend

    class Noting:
        def connect_tcp(self, host, port, *arguments, **named):
            hosts.append(host)
            return backend.connect_tcp(host, port, *arguments, **named)

    transport._pool._network_backend = Noting()
    with httpx.Client(transport=transport) as client:
        client.get(url)

    assert hosts == ["127.0.0.1"]


# aiohttp


async def test_a_request_of_aiohttp_is_told_its_connection(url):
    seen = []

    class Noting(_Request):
        async def send(self, conn):
            seen.append((conn.protocol, conn.transport.get_extra_info("socket")))
            return await super().send(conn)

    async with aiohttp.ClientSession(request_class=Noting) as session:
        for _ in range(2):
            async with session.get(url) as response:
                await response.read()

    (first, first_socket), (second, _) = seen
    assert first is second  # the protocol stands for the connection
    assert first_socket is not None


async def test_a_payload_of_aiohttp_is_told_its_transport(url):
    upload = _Upload(b"{}")
    async with aiohttp.ClientSession() as session, session.post(url, data=upload):
        pass

    assert isinstance(upload._transport, asyncio.Transport)


def test_a_connector_of_aiohttp_closes_without_its_loop():
    async def make():
        return aiohttp.TCPConnector()

    connector = asyncio.run(make())
    with contextlib.suppress(StopIteration):
        connector.close().__await__().send(None)
    assert connector.closed


async def test_the_body_of_aiohttp_reads_as_nothing_at_its_end(url):
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        content = [await response.content.read(1 << 14) for _ in range(3)]

    assert content[-2:] == [b"", b""]
