"""Which proxy a request goes through, and by which rule: Go's, as of every registry tool (registry-client.md §2.1).

No HTTP library is needed for that, so that a wrong variable is told before the first paint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urlsplit

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.no_proxy import NoProxy, ascii_name, host_address
from regbrowse.registry.text import SafeText, safe_text

if TYPE_CHECKING:
    from regbrowse.registry.wire import httpx

DEFAULT_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
"""By the schemes that a proxy may have, the port of one that names none, as in Go."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=://)")
_HOST: Final = re.compile(r"[A-Za-z0-9._~-]+|[0-9A-Fa-f:.]+")
_LONGEST_SOCKS_LOGIN: Final = 255
"""Bytes of a user name or password (RFC 1929 §2)."""

_LOOPBACK: Final = SafeText("loopback is always direct")
_NO_PROXY: Final = SafeText("NO_PROXY")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and who named it.

    Attributes:
        scheme: `http`, `https`, `socks5` or `socks5h`. As in Go, the proxy finds the addresses in either of the last.
        host: A name in ASCII, or an address without brackets.
        source: The variable, or the setting, that names it.
        username: Told to the proxy alone, like the password.
    """

    scheme: str
    host: str
    port: int
    source: SafeText
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, value: str, source: str) -> Proxy:
        """The proxy that `source` names as `value`: an address, `http://` before it if it has no scheme.

        Raises:
            ConfigError: That is no address of a proxy. It names `source`, and nothing of `value` but its scheme.
        """
        named = _SCHEME.match(value)
        scheme = named[0].lower() if named else "http"
        if scheme not in DEFAULT_PORTS:
            raise _wrong(source, f"proxies of the kind {scheme}:// are not known")
        try:
            parts = urlsplit(value if named else f"http://{value}")
            port = parts.port
            host = ascii_name(parts.hostname or "")
        except ValueError:  # which has a part of the address in its words, and so perhaps of a password
            raise _wrong(source, "it has no host and port that could be read") from None
        _check(value, parts, host, source)
        username, password = unquote(parts.username or ""), unquote(parts.password or "")
        longest = max(len(username.encode()), len(password.encode()))
        if scheme.startswith("socks") and longest > _LONGEST_SOCKS_LOGIN:
            raise _wrong(source, f"SOCKS knows no login of more than {_LONGEST_SOCKS_LOGIN} bytes")
        return cls(scheme, host, DEFAULT_PORTS[scheme] if port is None else port, safe_text(source), username, password)

    @property
    def address(self) -> SafeText:
        """`host:port`."""
        return safe_text(f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}")

    @property
    def url(self) -> SafeText:
        """The address with its scheme, without the login."""
        return safe_text(f"{self.scheme}://{self.address}")

    @property
    def is_socks(self) -> bool:
        return self.scheme.startswith("socks")

    @property
    def has_login(self) -> bool:
        return bool(self.username or self.password)

    def __str__(self) -> str:
        return f"{self.address} ({self.source})"


def _check(value: str, parts: SplitResult, host: str, source: str) -> None:
    """Raises:
    ConfigError: `value` is not what it was taken apart to.
    """
    if re.search(r"[\x00-\x20\x7f]", value):
        raise _wrong(source, "it has a blank or a control character in it")
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        raise _wrong(source, "a / ? or # in a password is to be written as %2F, %3F or %23")
    if not _HOST.fullmatch(host) or parts.port == 0:
        raise _wrong(source, "it has no host and port that could be read")


def _wrong(source: str, why: str) -> ConfigError:
    return ConfigError(
        f"{source} is no address of a proxy: {why}.",
        "Write it as http://proxy.corp:3128, https://… or socks5://…, with USER:PASSWORD@ before the name if need be.",
    )


@dataclass(frozen=True, slots=True)
class ProxyChoice:
    """How a request goes.

    Attributes:
        proxy: Through which proxy; None for directly.
        rule: Why, in words: what named the proxy, or what spares it.
    """

    proxy: Proxy | None
    rule: SafeText

    def __str__(self) -> str:
        return str(self.proxy) if self.proxy else f"none: {self.rule}"


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies of one registry, or of all: by default none.

    Attributes:
        http: For what is asked over plain HTTP.
        https: For what is asked over TLS.
        no_proxy: The hosts that are reached directly, beside loopback.
        spared_by: What names those hosts.
    """

    http: Proxy | None = None
    https: Proxy | None = None
    no_proxy: NoProxy = field(default_factory=NoProxy)
    spared_by: SafeText = _NO_PROXY

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Proxies:
        """The proxies that an environment names.

        `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are Go's, but that the spelling in lower case comes first, as
        for curl and Python, where Go has it last. Go does not know `ALL_PROXY`; it is read as curl reads it, for a
        scheme that has no variable of its own, since that is where SOCKS proxies are named. A `HTTP_PROXY` in capitals
        is not read under CGI (`REQUEST_METHOD` is set), where it is a header that whoever asks has chosen.

        Raises:
            ConfigError: A variable that is read is no address of a proxy. No value is told.
        """
        whose = "http_proxy" if environ.get("REQUEST_METHOD") else "http_proxy HTTP_PROXY"
        spared_by, spared = _first(environ, "no_proxy NO_PROXY") or (_NO_PROXY, "")
        return cls(
            _named(environ, f"{whose} all_proxy ALL_PROXY"),
            _named(environ, "https_proxy HTTPS_PROXY all_proxy ALL_PROXY"),
            NoProxy.parse(spared),
            SafeText(spared_by),
        )

    def for_url(self, url: httpx.URL | str) -> ProxyChoice:
        """How `url` is reached. Its host is judged as it is spelled: nothing is looked up."""
        parts = urlsplit(str(url))
        proxy = {"http": self.http, "https": self.https}.get(parts.scheme)
        if proxy is None:
            other = self.http or self.https
            return ProxyChoice(None, safe_text(f"no proxy is set{f' for {parts.scheme}' if other else ''}"))
        host = ascii_name(parts.hostname or "")
        address = host_address(host)
        if host == "localhost" or (address is not None and address.is_loopback):
            return ProxyChoice(None, _LOOPBACK)
        if entry := self.no_proxy.entry_for(host, parts.port or DEFAULT_PORTS[parts.scheme]):
            return ProxyChoice(None, safe_text(f"{self.spared_by} has {entry}"))
        return ProxyChoice(proxy, proxy.source)


DIRECTLY: Final = Proxies()
"""No proxy at all."""


def _first(environ: Mapping[str, str], names: str) -> tuple[str, str] | None:
    return next(((name, environ[name]) for name in names.split() if environ.get(name)), None)


def _named(environ: Mapping[str, str], names: str) -> Proxy | None:
    found = _first(environ, names)
    return Proxy.parse(found[1], found[0]) if found else None
