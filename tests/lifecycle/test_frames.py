"""No failure holds a secret: not in its text, not in the errors behind it, not in a variable of any frame."""

import asyncio
import base64
import socket
from pathlib import Path

import anyio
import httpx
import httpx2
import pytest

from glm_openrouter import (
    APIError,
    AsyncClient,
    GLMError,
    InvalidRequestError,
    ResponseTooLargeError,
)
from glm_openrouter.testing import Close, Event, Hold, Reset, Send, Status, json_reply
from support.at_once import at_once
from support.replies import OPEN
from support.samples import REQUEST
from support.wire import chunk

KEY = "gateway/Key+with=Chars.4711"
CREDENTIAL = "Hush-hush-4711"
PASSWORD = "of-the-proxy-4711"
SECRETS = (KEY[:14], CREDENTIAL, PASSWORD, base64.b64encode(f"me:{PASSWORD}".encode()).decode())
HEADERS = {"X-Api-Key": CREDENTIAL, "X-Unsuspicious": CREDENTIAL}
LIMIT = 0.2
TESTS = Path(__file__).parents[1]

REPLIES = {
    "closed": (Close(),),
    "reset": (Reset(),),
    "silence": (Hold(),),
    "bad headers": (Send(b"HTTP/1.1 200 OK\r\nno header at all\r\n\r\n"), Close()),
    "not HTTP": (Send(b"220 smtp ready\r\n"), Close()),
    "endless headers": (Send(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 50_000), Close()),
    "a key that is repeated": json_reply({"error": {"code": 401, "message": f"No {KEY}"}}, 401),
    "redirect": (Status(307, {"location": f"https://me:{KEY}@example.com/?key={KEY}"}),),
    "broken stream": (OPEN, Event(chunk({"content": "a"})), Close()),
    "reset stream": (OPEN, Event(chunk({"content": "a"})), Reset()),
    "silent stream": (OPEN, Event(chunk({"content": "a"})), Hold()),
    "not gzip": (Status(200, {"content-encoding": "gzip"}), Send(b"no gzip"), Close(clean=True)),
}


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def chain(error):
    """Yield an error and all behind it, shown or not."""
    seen, remaining = [], [error]
    while remaining:
        current = remaining.pop()
        if current is not None and current not in seen:
            seen.append(current)
            remaining += [current.__cause__, current.__context__]
            yield current


def views(error):
    """Yield all that a tool may show of an error: texts, attributes and the variables of all frames but the test's."""
    for current in chain(error):
        yield from (str(current), repr(current), repr(current.args), repr(vars(current)))
        trace = current.__traceback__
        while trace is not None:
            if TESTS not in Path(trace.tb_frame.f_code.co_filename).parents:
                where = trace.tb_frame.f_code.co_qualname
                yield from (f"{where}: {n}={v!r}" for n, v in trace.tb_frame.f_locals.items())
            trace = trace.tb_next


def assert_holds_nothing(error):
    shown = [text for text in views(error) if any(secret in text for secret in SECRETS)]
    assert not shown


def failures(model_class, model, kind=GLMError):
    """Return the failures of all ways to ask a model, each asked in a thread of its own."""

    def ask(way):
        with pytest.raises(kind) as caught:
            way()
        return caught.value

    ways = (
        lambda: model_class.call(model),
        lambda: list(model_class.stream(model)),
        lambda: asyncio.run(model_class.acall(model)),
        lambda: asyncio.run(model_class.adrain(model)),
    )
    return at_once(ask, ways).values()


def make(model_class, base_url, **options):
    return model_class.make(
        base_url, **{"api_key": KEY, "default_headers": HEADERS, "max_retries": 0, **options}
    )


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_a_failure_of_a_shared_client_holds_no_secret(model_class, scripted_openrouter, reply):
    server = scripted_openrouter(reply)
    for error in failures(model_class, make(model_class, server.base_url, timeout=LIMIT), APIError):
        assert_holds_nothing(error)


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_a_failure_of_an_own_client_holds_no_secret(
    model_class, scripted_openrouter, reply, library
):
    server = scripted_openrouter(reply)

    async def ask_async():
        async with library.AsyncClient(verify=False) as mine:  # certificates take long to load
            model = make(model_class, server.base_url, timeout=LIMIT, http_async_client=mine)
            with pytest.raises(APIError) as caught:
                await model_class.acall(model)
        return caught.value

    assert_holds_nothing(asyncio.run(ask_async()))
    with library.Client(verify=False) as mine:
        model = make(model_class, server.base_url, timeout=LIMIT, http_client=mine)
        with pytest.raises(APIError) as caught:
            model_class.call(model)
    assert_holds_nothing(caught.value)


def test_a_response_that_is_too_large_holds_no_secret(model_class, scripted_openrouter):
    server = scripted_openrouter((OPEN, *[Event(chunk({"content": "a" * 1000}))] * 50, Hold()))
    model = make(model_class, server.base_url, max_response_bytes=20_000)
    for error in failures(model_class, model, ResponseTooLargeError):
        assert_holds_nothing(error)


def test_a_refused_connection_holds_no_secret(model_class, closed_port):
    for error in failures(model_class, make(model_class, f"http://127.0.0.1:{closed_port}/api/v1")):
        assert_holds_nothing(error)


def test_a_failure_of_tls_holds_no_secret(model_class, scripted_openrouter):
    server = scripted_openrouter((Close(),))
    address = server.base_url.replace("http://", "https://")
    for error in failures(model_class, make(model_class, address), APIError):
        assert_holds_nothing(error)


@pytest.mark.parametrize("reply", ["silence", "silent stream"])
def test_a_call_that_the_user_cancels_holds_no_secret(model_class, scripted_openrouter, reply):
    server = scripted_openrouter(REPLIES[reply])
    model = make(model_class, server.base_url)

    async def ask():
        async with asyncio.timeout(LIMIT):
            await model_class.acall(model)

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(ask())
    assert_holds_nothing(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_holds_no_secret(model_class, closed_port, monkeypatch, scheme):
    monkeypatch.setenv("ALL_PROXY", f"http://me:{PASSWORD}@127.0.0.1:{closed_port}")
    model = make(model_class, f"{scheme}://harbour.invalid/v1", allow_http=True)
    for error in failures(model_class, model, APIError):
        assert_holds_nothing(error)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_refuses_holds_no_secret(
    model_class, scripted_openrouter, monkeypatch, scheme
):
    headers = {"proxy-authenticate": "Basic", "content-length": "0", "connection": "close"}
    server = scripted_openrouter((Status(407, headers), Close()))
    address = server.base_url.removeprefix("http://").removesuffix("/api/v1")
    monkeypatch.setenv("ALL_PROXY", f"http://me:{PASSWORD}@{address}")
    model = make(model_class, f"{scheme}://harbour.invalid/v1", allow_http=True)

    for error in failures(model_class, model, APIError):
        assert "407" in str(error)
        assert f"through the proxy http://{address}" in str(error) or scheme == "http"
        assert_holds_nothing(error)
    assert len(server.requests) == 4


def test_an_own_client_with_a_proxy_holds_no_secret(model_class, scripted_openrouter):
    refusal = Status(407, {"content-length": "0", "connection": "close"})
    server = scripted_openrouter((refusal, Close()))
    address = server.base_url.removeprefix("http://").removesuffix("/api/v1")
    proxy = f"http://me:{PASSWORD}@{address}"

    async def ask_async():
        async with httpx.AsyncClient(proxy=proxy) as mine:
            model = make(model_class, "https://harbour.invalid/v1", http_async_client=mine)
            with pytest.raises(APIError, match="407") as caught:
                await model_class.acall(model)
        return caught.value

    assert_holds_nothing(asyncio.run(ask_async()))
    with httpx.Client(proxy=proxy) as mine:
        model = make(model_class, "https://harbour.invalid/v1", http_client=mine)
        with pytest.raises(APIError, match="407") as caught:
            model_class.call(model)
    assert_holds_nothing(caught.value)


@pytest.mark.parametrize(
    "proxy",
    ["://", "http://", "ftp://me:{}@a", "http://me:{}@a:99999", "http://me:{}@a:b", "\x01{}"],
)
def test_a_proxy_that_is_none_is_refused_without_its_password(model_class, monkeypatch, proxy):
    monkeypatch.setenv("ALL_PROXY", proxy.format(PASSWORD))
    model = make(model_class, "https://harbour.invalid/v1")
    for error in failures(model_class, model, InvalidRequestError):
        assert "ALL_PROXY of the environment must be the URL" in str(error)
        assert_holds_nothing(error)


def odd_transport(_):
    raise ValueError("odd")


def test_an_unexpected_error_says_where_it_comes_from_without_values(model_class):
    with httpx.Client(transport=httpx.MockTransport(odd_transport)) as mine:
        model = make(model_class, "http://127.0.0.1:9/api/v1", http_client=mine)
        with pytest.raises(ValueError, match="odd") as caught:
            model_class.call(model)

    assert "in odd_transport" in "".join(caught.value.__notes__)
    assert_holds_nothing(caught.value)


async def replace_cancellation(_):
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise asyncio.CancelledError  # noqa: B904 -- as some libraries do


async def test_a_scope_of_anyio_recognises_its_cancellation():
    async with httpx.AsyncClient(transport=httpx.MockTransport(replace_cancellation)) as mine:
        client = AsyncClient(api_key=KEY, http_async_client=mine)
        with anyio.move_on_after(LIMIT) as scope:
            await client.complete(REQUEST)

    assert scope.cancelled_caught
