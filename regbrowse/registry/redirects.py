"""Where a `Location` leads, and whether a login may go there: the one rule for every redirect."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urljoin

from regbrowse.registry.errors import RedirectRefusedError
from regbrowse.registry.reference import RegistryAddress
from regbrowse.registry.wire import httpx

REDIRECT_STATUSES: Final = frozenset({301, 302, 303, 307, 308})

LED_BY: Final = "regbrowse.led_by"
"""The extension of a request that a server led to another host: the host that was asked first."""

KEEPS_LOGIN: Final = "regbrowse.keeps_login"
"""The extension of a request that follows a redirect: whether what belongs to the first request's login may go along.

It comes from our own client alone; a request that follows nothing has none.
"""

_WEB_HOST: Final = re.compile(r"(?:[\w-]+(?:\.[\w-]+)*\.?|\[[0-9a-f:.]+\])(?::[0-9]+)?", re.ASCII | re.IGNORECASE)
_TRUSTED_HOST: Final = re.compile(r"(?:.*\.)?docker\.(?:com|io)", re.DOTALL)


def redirect_target(url: httpx.URL, location: str, *, may_leave_tls: bool = False) -> httpx.URL:
    """Where the `Location` of an answer to `url` leads, if one may go there.

    Args:
        may_leave_tls: Whether https may lead to http.

    Raises:
        RedirectRefusedError: It is no address of the web, has a login in it, or leaves TLS and may not.
    """
    shown = host_of(url)
    try:
        target = httpx.URL(urljoin(str(url.copy_with(userinfo=b"")), location.strip()))
    except (httpx.InvalidURL, ValueError) as error:
        raise RedirectRefusedError(f"{shown} redirects to no address.") from error
    is_web = target.scheme in ("http", "https") and _WEB_HOST.fullmatch(host_of(target))
    if not is_web or target.userinfo or not 0 < (target.port or 1) <= 65535 or "\\" in location:
        raise RedirectRefusedError(f"{shown} redirects to what is no web address.")
    if leaves_tls(url, target) and not may_leave_tls:
        raise RedirectRefusedError(f"{shown} redirects to plain HTTP at {host_of(target)}.")
    return target


def may_carry_login(first: httpx.URL, target: httpx.URL) -> bool:
    """Whether a redirect from `first` to `target` may take the login along.

    It may within one origin, and between trusted locations: what `seed-registry-package.md` §9 intends.
    """
    return origin_of(first) == origin_of(target) or (is_trusted_location(first) and is_trusted_location(target))


def is_trusted_location(url: httpx.URL) -> bool:
    """Whether `url` is https at Docker's own domains (`seed-registry-package.md` §9).

    The port does not matter. A dot at the end makes it another host; case cannot, as a URL has its host in lower case.
    """
    return url.scheme == "https" and _TRUSTED_HOST.fullmatch(host_of(url).partition(":")[0]) is not None


def leaves_tls(url: httpx.URL, target: httpx.URL) -> bool:
    return url.scheme == "https" and target.scheme != "https"


def is_same_host(url: httpx.URL, other: httpx.URL) -> bool:
    """Whether both are at the same name or address, on whatever ports."""
    return RegistryAddress(host_of(url)).hostname == RegistryAddress(host_of(other)).hostname


def origin_of(url: httpx.URL) -> str:
    """Scheme, host, and the port unless it is the scheme's own."""
    return f"{url.scheme}://{host_of(url)}"


def host_of(url: httpx.URL) -> str:
    """The host and port as they go over the wire: `URL.host` would decode international names, and may fail."""
    return url.netloc.decode("ascii")
