"""Both clients reach OpenRouter through the proxy that the environment names, by the rules of httpx."""

import base64

import httpx
import pytest

from glm_openrouter import APIConnectionError, AsyncClient, Client, InvalidRequestError
from glm_openrouter._http import aiohttp_client, sync_pool
from glm_openrouter._http import proxy as proxies
from glm_openrouter.testing import Close, Status, json_reply
from support.proxies import SocksProxy, SocksTLSProxy, TunnelProxy, serving, trusting_context
from support.samples import KEY, REQUEST
from support.wire import response_body

ANSWER = json_reply(response_body({"content": "Pier two."}))
ELSEWHERE = "http://harbour.invalid/v1"
NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
LOGIN = base64.b64encode(b"me:pass word").decode()


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in (*NAMES, *map(str.lower, NAMES)):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def proxy(scripted_openrouter):
    """A server that answers as if it were OpenRouter behind a proxy."""
    return scripted_openrouter(ANSWER)


def url_of(server, login="", scheme="http"):
    return server.base_url.removesuffix("/api/v1").replace("http://", f"{scheme}://{login}")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_request_goes_through_the_proxy_of_the_environment(run, proxy, monkeypatch, name):
    monkeypatch.setenv(name, url_of(proxy))
    run.complete(ELSEWHERE, api_key=KEY, allow_http=True)

    (request,) = proxy.requests
    assert request.path == f"{ELSEWHERE}/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_a_proxy_may_be_named_without_a_scheme(run, proxy, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", url_of(proxy).removeprefix("http://"))
    run.complete(ELSEWHERE, allow_http=True)

    assert len(proxy.requests) == 1


def test_the_lower_case_wins_over_the_upper(run, proxy, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("all_proxy", url_of(proxy))
    run.complete(ELSEWHERE, allow_http=True)

    assert len(proxy.requests) == 1


def test_a_proxy_is_told_who_one_is(run, proxy, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", url_of(proxy, "me:pass%20word@"))
    run.complete(ELSEWHERE, allow_http=True)

    (request,) = proxy.requests
    assert request.headers["proxy-authorization"] == f"Basic {LOGIN}"


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_tunnel_is_told_who_one_is_and_never_the_key(run, scripted_openrouter, monkeypatch, name):
    server = scripted_openrouter((Status(502, {"content-length": "0"}), Close()))
    monkeypatch.setenv(name, url_of(server, "me:pass%20word@"))
    with pytest.raises(APIConnectionError, match="502"):
        run.complete("https://harbour.invalid/v1", api_key=KEY, max_retries=0)

    (request,) = server.requests
    assert (request.method, request.path) == ("CONNECT", "harbour.invalid:443")
    assert request.headers["proxy-authorization"] == f"Basic {LOGIN}"
    assert KEY not in str(request.headers)


def test_a_host_of_no_proxy_is_reached_directly(run, scripted_openrouter, monkeypatch):
    server = scripted_openrouter(ANSWER)
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "example.com, 127.0.0.1")
    run.complete(server.base_url)

    assert len(server.requests) == 1


def test_a_client_keeps_to_the_proxy_of_its_first_request(run, scripted_openrouter, monkeypatch):
    server, other = scripted_openrouter(ANSWER), scripted_openrouter(ANSWER)
    direct = scripted_openrouter(ANSWER)

    async def ask(client):
        await client.complete(REQUEST)
        monkeypatch.setenv("ALL_PROXY", url_of(other))
        await client.complete(REQUEST)
        later = run.client(ELSEWHERE, allow_http=True)
        await later.complete(REQUEST)
        monkeypatch.delenv("ALL_PROXY")
        await run.client(direct.base_url).complete(REQUEST)
        await later.aclose()

    monkeypatch.setenv("ALL_PROXY", url_of(server))
    run.scenario(ELSEWHERE, ask, allow_http=True)
    assert [len(s.requests) for s in (server, other, direct)] == [2, 1, 1]


ENTRIES = [
    "*",
    "a.example",
    ".a.example",
    "A.example",
    "a.example:8443",
    "https://a.example",
    "http://a.example",
    "all://a.example",
    "example",
    "127.0.0.1",
    "10.0.0.0/8",
    "::1",
    "localhost",
    "b.example, ,a.example",
    " a.example ",
]
URLS = [
    "https://a.example/v1",
    "http://a.example/v1",
    "https://b.a.example/v1",
    "https://ba.example",
    "https://a.example:8443/v1",
    "https://127.0.0.1",
    "https://10.1.2.3",
    "https://10.0.0.0",
    "https://[::1]:8080",
    "https://localhost",
    "https://api.localhost",
]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("given", [("HTTPS_PROXY",), ("ALL_PROXY",), ("HTTP_PROXY", "ALL_PROXY")])
def test_no_proxy_means_what_it_means_to_httpx(monkeypatch, entry, given):
    for port, name in enumerate(given, start=1):
        monkeypatch.setenv(name, f"http://proxy.example:{port}")
    monkeypatch.setenv("NO_PROXY", entry)
    with httpx.Client(verify=False) as oracle:  # certificates take long to load
        for url in map(httpx.URL, URLS):
            transport = oracle._transport_for_url(url)
            expected = getattr(transport._pool, "_proxy_url", None)
            chosen = proxies.environment_proxy(url)
            assert (chosen and httpx.URL(chosen.url).port) == (expected and expected.port), url


@pytest.mark.parametrize("through", [False, True], ids=["direct", "through a proxy"])
@pytest.mark.parametrize("machine", ["default", "machine 127.0.0.1", "machine harbour.invalid"])
def test_a_netrc_changes_nothing(run, proxy, monkeypatch, tmp_path, machine, through):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"{machine} login me password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    if through:
        monkeypatch.setenv("ALL_PROXY", url_of(proxy))
    address = ELSEWHERE if through else proxy.base_url
    run.complete(address, api_key=KEY, allow_http=True)

    (request,) = proxy.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert "proxy-authorization" not in request.headers


LOGINS = {"": [], "me:p%40ss%20word@": ["me:p@ss word"]}


@pytest.fixture
def anonymous_tls(monkeypatch):
    """Both clients trust whoever has no certificate."""
    monkeypatch.setattr(sync_pool, "ssl_context", trusting_context)
    monkeypatch.setattr(aiohttp_client, "ssl_context", trusting_context)


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.usefixtures("anonymous_tls")
def test_a_call_goes_through_a_tunnel(run, scripted_openrouter, monkeypatch, login, streamed):
    server = scripted_openrouter((*ANSWER, Close()))
    with serving(TunnelProxy, server) as tunnel:
        monkeypatch.setenv("https_proxy", tunnel.url(login))
        completion = run.either(streamed, "https://harbour.invalid/v1", api_key=KEY)

    assert completion.text == "Pier two."
    assert (tunnel.hosts, tunnel.logins) == (["harbour.invalid:443"], LOGINS[login])
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert "proxy-authorization" not in request.headers


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize("name", ["ALL_PROXY", "http_proxy"])
def test_a_socks_proxy_is_used(run, scripted_openrouter, monkeypatch, login, scheme, name):
    server = scripted_openrouter((*ANSWER, Close()))
    with serving(SocksProxy, server) as socks:
        monkeypatch.setenv(name, socks.url(login, scheme))
        completion = run.complete(ELSEWHERE, allow_http=True)

    assert completion.text == "Pier two."
    assert (socks.hosts, socks.logins) == (["harbour.invalid"], LOGINS[login])


@pytest.mark.usefixtures("anonymous_tls")
def test_tls_goes_through_a_socks_proxy(run, scripted_openrouter, monkeypatch):
    server = scripted_openrouter((*ANSWER, Close()))
    with serving(SocksTLSProxy, server) as socks:
        monkeypatch.setenv("ALL_PROXY", socks.url("me:word@"))
        completion = run.complete("https://harbour.invalid/v1")

    assert completion.text == "Pier two."
    assert (socks.hosts, socks.logins) == (["harbour.invalid"], ["me:word"])


def test_a_socks_proxy_without_its_package_is_refused(run, monkeypatch):
    monkeypatch.setattr(proxies, "find_spec", lambda _: None)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(
        InvalidRequestError, match=r"pip install 'glm-openrouter\[socks\]'.*http_client"
    ):
        run.complete(ELSEWHERE, allow_http=True)


async def test_an_own_client_goes_its_own_way(scripted_openrouter, monkeypatch):
    server = scripted_openrouter(ANSWER)
    async with httpx.AsyncClient(trust_env=False) as mine_async:
        with httpx.Client(trust_env=False) as mine:
            monkeypatch.setenv("ALL_PROXY", "nonsense://")
            client = Client(base_url=server.base_url, api_key=KEY, http_client=mine)
            other = AsyncClient(base_url=server.base_url, api_key=KEY, http_async_client=mine_async)
            client.complete(REQUEST)
            await other.complete(REQUEST)

    assert len(server.requests) == 2
