"""How a client reaches its server: address, key, proxy, certificates. Checked once, before anything is sent.

No sockets here; both clients open theirs with ``Connection.http_options``.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
import socket
import ssl
import urllib.request
from dataclasses import dataclass, field
from typing import Any

import httpx

from reward_client.errors import ConfigurationError

MAX_CONNECTIONS = 100
"""Requests under way of one client. The others wait before they reach httpx: a call that is cancelled while
it waits in httpx's own pool leaves its place taken for ever (httpcore 1.0)."""

LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=15.0)
"""Idle connections are dropped before the server drops them (30 s): a request sent into a closing
connection is lost."""

MAX_PORT = 65_535
_PROXY_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})


@dataclass(frozen=True)
class Connection:
    """An address that can be asked, and how.

    Attributes:
        url: the server's address.
        api_key: the key without white space around it; None for none.
        auth: user name and password that stood in the address; None for none.
        proxy: address of the proxy that the environment names for this server; None for none.
        proxy_variable: the environment's variable that names it.
    """

    url: httpx.URL
    api_key: str | None = field(repr=False)
    auth: tuple[str, str] | None = field(repr=False)
    proxy: httpx.URL | None = field(repr=False)
    proxy_variable: str | None

    @classmethod
    def checked(cls, base_url: str, api_key: str | None, *, direct: bool = False) -> Connection:
        """Checks what a client was given, and what the environment says.

        Args:
            base_url: the server's address.
            api_key: the key, if any.
            direct: whether the environment's proxies are left aside.

        Raises:
            ConfigurationError: the address, the key, the proxy or the certificates cannot be used.
        """
        url = _checked_url(base_url)
        proxy, variable = (None, None) if direct else _proxy_of(url)
        key, auth = _checked_key(api_key), (url.username, url.password) if url.userinfo else None
        if key and auth:
            raise ConfigurationError(
                "the address holds a user name or password, and there is an API key; use one",
                param="base_url",
            )
        url = without_password(url)
        connection = cls(url, key, auth, proxy, variable)
        connection.http_options()
        return connection

    @property
    def shown(self) -> str:
        """The address for messages: without a password."""
        through = f" (through the proxy that {self.proxy_variable} names)" if self.proxy_variable else ""
        return f"{self.url}{through}"

    def http_options(self) -> dict[str, Any]:
        """What ``httpx.Client`` and ``httpx.AsyncClient`` are made with.

        Raises:
            ConfigurationError: the certificates cannot be loaded.
        """
        return {
            "base_url": self.url,
            "headers": {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {},
            "auth": self.auth,
            "limits": LIMITS,
            "proxy": self.proxy,
            "trust_env": False,  # read here, so that what cannot be used is named
            "verify": _certificates() if self._needs_tls() else False,
        }

    def _needs_tls(self) -> bool:
        """No TLS is spoken to an http:// address, and redirects are not followed."""
        return "https" in {self.url.scheme, self.proxy.scheme if self.proxy else ""}


def without_password(url: httpx.URL) -> httpx.URL:
    """The address as it may be shown."""
    return url.copy_with(userinfo=b"")


def _checked_url(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host:
        shown = "the address, which holds a password," if "@" in str(base_url) else repr(base_url)
        raise ConfigurationError(f"{shown} is not an http:// or https:// address", param="base_url")
    if url.port is not None and not 1 <= url.port <= MAX_PORT:
        raise ConfigurationError(
            f"{url.port} in the address is no port; ports are 1 to {MAX_PORT}", param="base_url"
        )
    return url


def _checked_key(api_key: str | None) -> str | None:
    """The key without white space around it (a mounted file ends with a newline), as the server reads it."""
    if not api_key:
        return None
    if not isinstance(api_key, str):
        raise ConfigurationError(
            f"the API key is of type {type(api_key).__name__}; pass text", param="api_key"
        )
    key = api_key.strip()
    if not key:
        raise ConfigurationError("the API key holds nothing but white space", param="api_key")
    if odd := re.search(r"[^\x21-\x7e]", key):
        what = "white space" if odd[0].isspace() else "a character that is not ASCII or not printable"
        raise ConfigurationError(
            f"the API key holds {what} at place {odd.start() + 1}; a header cannot carry it", param="api_key"
        )
    return key


def _proxy_of(url: httpx.URL) -> tuple[httpx.URL | None, str | None]:
    """The proxy that the environment names for an address, and the variable. This machine needs none."""
    if _is_loopback(url.host):
        return None, None
    proxies = urllib.request.getproxies()
    scheme = next((name for name in (url.scheme, "all") if proxies.get(name)), None)
    if scheme is None or _is_excepted(url.host, url.port, proxies.get("no", "")):
        return None, None
    variable = next(
        (name for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY") if name in os.environ), "a proxy"
    )
    text = proxies[scheme] if "://" in proxies[scheme] else f"http://{proxies[scheme]}"
    try:
        proxy = httpx.URL(text)
    except httpx.InvalidURL:
        proxy = httpx.URL()
    if proxy.scheme not in _PROXY_SCHEMES or not proxy.host:
        raise ConfigurationError(
            f"{variable} is not the address of a proxy, such as http://proxy:3128; {url.host} is asked "
            "without one where NO_PROXY names it"
        )
    if proxy.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise ConfigurationError(f"{variable} names a SOCKS proxy, which needs: pip install 'httpx[socks]'")
    return proxy, variable


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine, by any spelling: 0.0.0.0 is what servers say that listen everywhere."""
    host = host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host if ":" in host else socket.inet_ntoa(socket.inet_aton(host)))
    except (ValueError, OSError):
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _is_excepted(host: str, port: int | None, exceptions: str) -> bool:
    """Whether NO_PROXY names a host: by name, by the end of its name, by address or by network."""
    if urllib.request.proxy_bypass(f"{host}:{port}" if port else host):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for entry in exceptions.split(","):
        try:
            if address in ipaddress.ip_network(entry.strip().strip("[]"), strict=False):
                return True
        except ValueError:
            continue
    return False


def _certificates() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context()
    except (OSError, ssl.SSLError) as error:
        names = " or ".join(name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name))
        raise ConfigurationError(
            f"certificates cannot be loaded from what {names or 'this machine'} names: {type(error).__name__}"
        ) from error
