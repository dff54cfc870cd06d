"""A client of the user's own sends the requests, of httpx or of httpx2, and its errors are ours."""

import asyncio
import gzip
import json
import subprocess
import sys
from itertools import product

import httpx
import httpx2
import pytest

from glm_openrouter import (
    APIConnectionError,
    APIResponseError,
    APITimeoutError,
    AsyncClient,
    Client,
    RateLimitError,
    StreamInterruptedError,
)
from glm_openrouter.testing import (
    Close,
    Comment,
    Event,
    Hold,
    Status,
    Wait,
    bytes_reply,
    error_reply,
)
from support.at_once import at_once
from support.models import ModelClass
from support.replies import ANSWER, OPEN
from support.samples import KEY, REQUEST
from support.wire import response_body, says

LIMIT = 0.1
ZIPPED = bytes_reply(
    gzip.compress(json.dumps(response_body({"content": "Pier two."})).encode()),
    headers={"content-type": "application/json", "content-encoding": "gzip"},
)


class Own:
    """Calls over an own client, synchronous or not."""

    def __init__(self, library, mode):
        self.library, self.mode = library, mode

    def ask(self, base_url, *, streamed=False, transport=None, **options):
        """Return the text of the answer; the client of the user's own stays open."""
        settings = {"base_url": base_url, "api_key": KEY, **options}
        own = {"headers": {"x-own": "1"}, "transport": transport}
        if self.mode == "async":
            return asyncio.run(self._aask(streamed, settings, own))
        with self.library.Client(**own) as mine:
            with Client(http_client=mine, **settings) as client:
                if streamed:
                    with client.stream(REQUEST) as stream:
                        text = "".join(delta.text for delta in stream)
                else:
                    text = client.complete(REQUEST).text
            assert not mine.is_closed
        return text

    async def _aask(self, streamed, settings, own):
        async with self.library.AsyncClient(**own) as mine:
            async with AsyncClient(http_async_client=mine, **settings) as client:
                if streamed:
                    async with client.stream(REQUEST) as stream:
                        text = "".join([delta.text async for delta in stream])
                else:
                    text = (await client.complete(REQUEST)).text
            assert not mine.is_closed
        return text


@pytest.fixture(params=["sync", "async"])
def mode(request):
    return request.param


@pytest.fixture(params=[httpx, httpx2], ids=["httpx", "httpx2"])
def own(request, mode):
    return Own(request.param, mode)


@pytest.mark.parametrize("streamed", [False, True])
def test_an_own_client_is_used_and_left_open(own, scripted_openrouter, streamed):
    server = scripted_openrouter(ANSWER)
    assert own.ask(server.base_url, streamed=streamed) == "Pier two."
    headers = server.requests[0].headers
    assert (headers["x-own"], headers["authorization"]) == ("1", f"Bearer {KEY}")


def test_a_compressed_answer_of_an_own_client_is_read(own, scripted_openrouter):
    assert own.ask(scripted_openrouter(ZIPPED).base_url) == "Pier two."


def test_a_status_from_an_own_client_has_its_type(own, scripted_openrouter):
    server = scripted_openrouter(error_reply(429, "Too many"))
    with pytest.raises(RateLimitError):
        own.ask(server.base_url, max_retries=0)


SILENT = {
    "before the response": (Hold(),),
    "before the first event": (OPEN, Hold()),
    "but for comments": (OPEN, *((Comment(), Wait(0.02)) * 50)),
    "after an event": (OPEN, Event(says("Half")), Hold()),
}


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_silence_on_an_own_client_ends(library, scripted_openrouter):
    def ask(case):
        mode, where = case
        own, server = Own(library, mode), scripted_openrouter(SILENT[where])
        with pytest.raises(APITimeoutError, match=r"for 0.1 s \(timeout\)"):
            own.ask(server.base_url, streamed=True, timeout=LIMIT)

    at_once(ask, product(["sync", "async"], SILENT))


def test_a_connection_that_an_own_client_cannot_make_costs_nothing(own):
    with pytest.raises(APIConnectionError, match="No answer came") as caught:
        own.ask("http://127.0.0.1:9/api/v1", max_retries=0)
    assert not caught.value.may_be_billed


def test_an_answer_that_breaks_on_an_own_client_is_interrupted(own, scripted_openrouter):
    broken = (Status(200, {"content-length": "9999"}), Event(says("Half a")), Close())
    server = scripted_openrouter(broken)
    with pytest.raises(StreamInterruptedError) as caught:
        own.ask(server.base_url, streamed=True, max_retries=0)
    assert caught.value.partial_text == "Half a"


def test_an_answer_that_cannot_be_decompressed_is_named(own, scripted_openrouter):
    odd = bytes_reply(b"nonsense", headers={"content-encoding": "gzip"})
    with pytest.raises(APIResponseError, match="decompressed"):
        own.ask(scripted_openrouter(odd).base_url, max_retries=0)


@pytest.mark.parametrize("error", ["ConnectTimeout", "PoolTimeout"])
def test_a_host_out_of_reach_is_named(own, error):
    def fail(request):
        raise getattr(own.library, error)("no", request=request)

    with pytest.raises(APITimeoutError, match="could not be reached in time") as caught:
        own.ask("https://pier.example/v1", transport=own.library.MockTransport(fail))
    assert not caught.value.may_be_billed


@pytest.mark.parametrize("name", ["langchain-chat", "langchain-text", "llamaindex"])
def test_models_take_clients_of_httpx2(scripted_openrouter, name):
    server = scripted_openrouter(ANSWER)
    model_class = ModelClass(name)
    headers = {"x-own": "2"}

    async def ask(mine):
        async with httpx2.AsyncClient(headers=headers) as mine_async:
            model = model_class.make(
                server.base_url, http_client=mine, http_async_client=mine_async
            )
            await model_class.ask_all_ways(model)

    with httpx2.Client(headers=headers) as mine:
        asyncio.run(ask(mine))
    assert [request.headers["x-own"] for request in server.requests] == ["2"] * 4


@pytest.mark.parametrize("limits", [httpx2.Timeout(5, read=LIMIT), httpx.Timeout(5, read=LIMIT)])
def test_a_timeout_may_be_one_of_httpx2(run, scripted_openrouter, limits):
    with pytest.raises(APITimeoutError, match=r"for 0.1 s \(timeout\)"):
        run.complete(scripted_openrouter((Hold(),)).base_url, timeout=limits)


def test_httpx2_is_not_imported_and_not_needed():
    code = (
        "import sys; sys.modules['httpx2'] = None\n"
        "import glm_openrouter\n"
        "client = glm_openrouter.Client(api_key='x', base_url='http://127.0.0.1:9', max_retries=0)\n"
        "try: client.models()\n"
        "except glm_openrouter.APIConnectionError: print('done')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "done\n"
