"""Requests that are wrong, huge or meant for somebody else: both servers answer them, and go on."""

import json
import socket
import threading
from contextlib import ExitStack

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glm_openrouter.testing import Event, OfflineServer, ScriptedServer, json_reply, stream_reply
from glm_openrouter.testing._openrouter.http_check import HostCheck
from glm_openrouter.testing._servers.request_reader import LARGEST_REQUEST

KEY = {"authorization": "Bearer sk-or-test"}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}, "name": {"type": "string"}}}


@pytest.fixture(scope="module")
def offline():
    with OfflineServer() as server:
        yield server


def send(server, raw, headers=()):
    url = f"{server.base_url}/chat/completions"
    return httpx.post(url, content=raw, headers={**KEY, **dict(headers)}, timeout=120)


def ask(server, text, **more):
    return send(server, json.dumps({"messages": [{"role": "user", "content": text}], **more}))


def exchange(server, data):
    """Send bytes, and return all that comes until the server closes."""
    address = httpx.URL(server.base_url)
    with socket.create_connection((address.host, address.port), timeout=30) as connection:
        connection.sendall(data)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


BODIES = {
    "no JSON": b"{",
    "deep": b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "half a pair": b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
    "half a pair in a name": b'{"messages": [{"role": "user", "content": "a"}], "\\udfff": 1}',
    "NaN": b'{"messages": [{"role": "user", "content": "a"}], "temperature": NaN}',
    "not UTF-8": b'{"messages": [{"role": "user", "content": "\xff"}]}',
    "a long number": b'{"seed": ' + b"9" * 5000 + b"}",
    "a list": b"[]",
}


@pytest.mark.parametrize("raw", BODIES.values(), ids=BODIES)
def test_a_body_that_cannot_be_read_is_a_400_in_openrouters_form(offline, raw):
    response = send(offline, raw)

    assert response.status_code == 400
    assert response.json()["error"]["code"] == 400


@pytest.mark.parametrize("levels", [100, 400, 900, 930])
def test_a_deep_schema_is_answered_or_refused(offline, levels):
    schema = {}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    response = ask(
        offline, "?", response_format={"type": "json_schema", "json_schema": _named(schema)}
    )

    assert response.status_code in (200, 400)
    assert "error" in response.json() or "choices" in response.json()


COMPRESSED = {"plugins": [{"id": "context-compression"}]}
"""Lets a prompt through that is longer than the context of the model."""

PROMPTS = {
    "digits": "9" * 50_000,
    "numbers": "1 " * 50_000,
    "braces": "{" * 100_000,
    "brackets": "[" * 100_000,
    "a sum": "What is 2" + " + 2" * 20_000 + "?",
    "a product": "What is 9999999999" + " * 9999999999" * 2000 + "?",
    "a power": "What is 9 ^ 9 ^ 9 ^ 9?",
    "letters": "a" * 2_000_000,
    "words": "What is it? " * 200_000,
}


@pytest.mark.parametrize("text", PROMPTS.values(), ids=PROMPTS)
def test_a_prompt_of_any_shape_is_answered(offline, text):
    for more in ({}, {"response_format": {"type": "json_schema", "json_schema": _named(SCHEMA)}}):
        assert ask(offline, text, **COMPRESSED, **more).status_code == 200


def _named(schema):
    return {"name": "answer", "schema": schema}


def test_an_answer_is_at_most_as_long_as_its_endpoint_allows(offline):
    usage = ask(offline, "Repeat: " + "a " * 2_000_000, **COMPRESSED).json()["usage"]

    assert usage["completion_tokens"] <= 131_072


def test_a_body_that_is_too_large_is_a_413(offline):
    response = ask(offline, "a" * 16_000_000)

    assert response.status_code == 413
    assert response.json()["error"]["code"] == 413
    assert ask(offline, "What is 2 + 2?").status_code == 200


def test_a_large_prompt_does_not_stop_others(offline, monkeypatch):
    from glm_openrouter.testing._openrouter import chat_completions as app

    working, others_are_done = threading.Event(), threading.Event()
    generate = app.generate

    def slow(body, *rest):
        if len(body["messages"][0]["content"]) > 1_000_000:
            working.set()
            assert others_are_done.wait(60)
        return generate(body, *rest)

    monkeypatch.setattr(app, "generate", slow)
    answers = []
    large = threading.Thread(
        target=lambda: answers.append(ask(offline, "a " * 1_000_000, **COMPRESSED))
    )
    large.start()
    assert working.wait(60)
    assert ask(offline, "What is 2 + 2?").status_code == 200
    others_are_done.set()
    large.join()
    assert answers[0].status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:80", "127.0.0.2:1", "[::1]:8765"])
def test_this_machine_is_answered_by_any_of_its_names(offline, host):
    assert send(offline, b"[]", {"host": host}).status_code == 400


@pytest.mark.parametrize(
    "host", ["attacker.example", "127.0.0.1.attacker.example:80", "192.168.1.7", "[::2]", "a@b", ""]
)
def test_a_request_for_another_host_is_refused(offline, host):
    before = len(offline.requests)
    response = send(offline, b"[]", {"host": host})

    assert response.status_code == 403
    assert response.json()["error"]["code"] == 403
    assert len(offline.requests) == before


@pytest.mark.parametrize(
    ("bound", "names", "host", "is_answered"),
    [
        ("0.0.0.0", (), "192.168.1.7:8765", True),
        ("::", (), "[fd00::7]", True),
        ("0.0.0.0", (), "attacker.example", False),
        ("0.0.0.0", ("mock",), "MOCK:8765", True),
        ("192.168.1.7", (), "192.168.1.7", True),
        ("192.168.1.7", (), "192.168.1.8", False),
        ("mock", (), "mock", True),
    ],
)
def test_the_host_follows_the_address_that_is_served(bound, names, host, is_answered):
    from starlette.requests import Request

    from glm_openrouter.testing._openrouter.refusal import RefusalError

    request = Request({"type": "http", "headers": [(b"host", host.encode())]})
    with ExitStack() as stack:
        if not is_answered:
            stack.enter_context(pytest.raises(RefusalError))
        HostCheck(bound, names).check(request)


MALFORMED = {
    "no HTTP": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a header without a colon": b"GET / HTTP/1.1\r\nhost\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    "a chunk without a size": b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
    "an endless line": b"GET /" + b"a" * 200_000,
    "an answer": b"HTTP/1.1 200 OK\r\n\r\n",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_a_400_without_a_traceback(data, caplog):
    with ScriptedServer([json_reply({"ok": True})]) as server:
        answer = exchange(server, data)

        assert answer.startswith(b"HTTP/1.1 400 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == 400
        assert httpx.post(server.base_url, json={}).json() == {"ok": True}
        assert len(server.requests) == 1
    assert caplog.records == []


@given(st.binary(max_size=60) | st.sampled_from(list(MALFORMED.values())), st.booleans())
@settings(max_examples=30)
def test_any_bytes_leave_the_scripted_server_able_to_answer(data, is_first):
    good = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}"
    with ScriptedServer([json_reply({"ok": True})]) as server:
        address = httpx.URL(server.base_url)
        with socket.create_connection((address.host, address.port)) as connection:
            connection.sendall(data + good if is_first else good + data)
        assert httpx.post(server.base_url, json={}).json() == {"ok": True}


def test_half_a_request_does_not_stop_others():
    with ScriptedServer([json_reply({"ok": True})]) as server:
        address = httpx.URL(server.base_url)
        with socket.create_connection((address.host, address.port)) as waiting:
            waiting.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{")
            assert httpx.post(server.base_url, json={}).json() == {"ok": True}


def test_a_request_without_an_end_is_a_413():
    head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % (2 * LARGEST_REQUEST)
    with ScriptedServer([json_reply({"ok": True})]) as server:
        address = httpx.URL(server.base_url)
        with socket.create_connection((address.host, address.port), timeout=30) as connection:
            connection.sendall(head)
            for _ in range(LARGEST_REQUEST // 1_000_000 + 1):
                connection.sendall(bytes(1_000_000))
            assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
        assert httpx.post(server.base_url, json={}).json() == {"ok": True}


def test_a_deep_body_is_no_json_to_the_scripted_server():
    with ScriptedServer([json_reply({"ok": True})]) as server:
        assert httpx.post(server.base_url, content=b"[" * 100_000).json() == {"ok": True}
        assert server.requests[0].body is None


def test_half_a_pair_in_an_event_goes_out_as_json_escapes_it():
    with ScriptedServer([stream_reply([{"a": "\ud800é"}])]) as server:
        assert '"\\ud800é"' in httpx.post(server.base_url, json={}).text


def test_a_step_that_cannot_be_carried_out_ends_the_connection(caplog):
    script = [stream_reply([Event({"a": object()})])]
    with ScriptedServer(script) as server, pytest.raises(httpx.TransportError):
        httpx.post(server.base_url, json={}, timeout=30)
    assert "cannot be carried out" in caplog.text
