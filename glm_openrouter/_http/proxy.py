"""Which proxy a request goes through: what the environment says, by the rules of httpx, for both clients alike."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from importlib.util import find_spec
from urllib.parse import unquote
from urllib.request import getproxies

import httpx
from pydantic import SecretStr

from glm_openrouter._secrets import Concealed
from glm_openrouter.errors import InvalidRequestError

from .options import is_address

__all__ = ["Proxy", "environment_proxy"]

_SCHEMES = ("http", "https", "socks5", "socks5h")
_INSTEAD = (
    "or pass clients of your own, which go wherever you say: an httpx.Client as http_client, "
    "an httpx.AsyncClient as http_async_client."
)


@dataclass(frozen=True)
class Proxy:
    """A proxy; who one is there is never shown."""

    url: str
    """Without user and password."""
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    """User and password."""

    def __str__(self) -> str:
        return f"the proxy {self.url}"

    @property
    def is_socks(self) -> bool:
        """Whether it is a SOCKS proxy."""
        return self.url.startswith("socks")

    @property
    def headers(self) -> dict[str, str]:
        """What an HTTP proxy is told about who one is."""
        if self.credentials is None:
            return Concealed()
        token = b64encode(":".join(self.credentials).encode()).decode()
        return Concealed({"Proxy-Authorization": f"Basic {token}"})

    def for_httpx(self) -> httpx.Proxy:
        """Return it in httpx's form."""
        return httpx.Proxy(self.url, auth=self.credentials)


def environment_proxy(url: httpx.URL) -> Proxy | None:
    """Return the proxy that the environment names for a URL.

    `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` count, the lower case before the upper, as httpx reads them
    (https://www.python-httpx.org/environment_variables/); on macOS and Windows also the settings of the system.

    Raises:
        InvalidRequestError: It is not a proxy that can be used; the message does not show user and password.
    """
    proxies = Concealed(getproxies())
    scheme = url.scheme if proxies.get(url.scheme) else "all"
    exempt = proxies.get("no", "").split(",")
    if not proxies.get(scheme) or any(_is_exempt(url, entry.strip()) for entry in exempt):
        return None
    return _read(SecretStr(proxies[scheme]), f"{scheme.upper()}_PROXY")


def _is_exempt(url: httpx.URL, entry: str) -> bool:
    """Return whether an entry of `NO_PROXY` means a URL.

    `example.com` means the host and all below it, `.example.com` all below it, `https://example.com` the host alone.
    """
    if entry in ("", "*"):
        return entry == "*"
    scheme, _, rest = entry.rpartition("://")
    try:
        exempt = httpx.URL(f"//{_bracketed(rest)}")
    except httpx.InvalidURL:
        return False
    if scheme not in ("", "all", url.scheme) or exempt.port not in (None, url.port):
        return False
    host = exempt.host
    if host.startswith("."):
        return url.host.endswith(host)
    is_exact = bool(scheme) or host == "localhost" or is_address(host)
    return url.host == host or (not is_exact and url.host.endswith(f".{host}"))


def _bracketed(host: str) -> str:
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host


def _read(text: SecretStr, name: str) -> Proxy:
    """Return the proxy that a variable of the environment names."""
    url = _parse(text)
    if url is None:
        raise InvalidRequestError(
            f"{name} of the environment must be the URL of a proxy, such as http://proxy.example:3128."
        )
    if url.scheme.startswith("socks") and not find_spec("socksio"):
        raise InvalidRequestError(
            f"{name} of the environment names a SOCKS proxy: pip install 'glm-openrouter[socks]', {_INSTEAD}"
        )
    credentials = (unquote(url.username), unquote(url.password)) if url.userinfo else None
    return Proxy(str(url.copy_with(userinfo=b"")), credentials)


def _parse(text: SecretStr) -> httpx.URL | None:
    try:
        url = httpx.URL(re.sub(r"^(?!\w+://)", "http://", text.get_secret_value().strip()))
    except httpx.InvalidURL:
        return None
    is_proxy = url.scheme in _SCHEMES and url.host and (url.port is None or 0 < url.port < 1 << 16)
    return url if is_proxy else None
