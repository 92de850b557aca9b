"""Where a v1 registry or index is, how it is found out, and whether it is one (seed-registry-package.md §8)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from regbrowse.registry.asking import ANSWER_WITHIN
from regbrowse.registry.constants import CERTS_DIR, INDEX_SERVER
from regbrowse.registry.docker_http import MakeTransport, docker_headers, http_client, new_transport
from regbrowse.registry.errors import ConfigError, ConnectionFailedError, RedirectRefusedError, TLSFailureError
from regbrowse.registry.service.auth_config import get_auth_config_key
from regbrowse.registry.service.config import IndexInfo
from regbrowse.registry.text import safe_text
from regbrowse.registry.tls import TLSConfig, read_certs_directory
from regbrowse.registry.v1.calls import check_address, get
from regbrowse.registry.v1.models import PingResult, parse_ping


class V1Endpoint:
    """A v1 registry at one address. As a text it is the base of all its calls: `url` and `/v1/`.

    Made by itself it is exactly what it was given: nothing is sent, trimmed or checked. It is to be closed.

    Args:
        url: Scheme, host, perhaps a path; `/v1/` follows it.
        tls_config: With `insecure_skip_verify` the endpoint is an insecure one.
        user_agent: Sent with every request; empty for our own.
        meta_headers: Sent with every request, each value on a line of its own.
        make_transport: Makes what carries the requests.

    Attributes:
        url: As given.
        tls_config: As given.
        is_secure: Whether a certificate that is not accepted is an error, and plain HTTP never tried.
        client: Sends the requests; a session is made on it.

    Raises:
        ConfigError: A header may not have such a value.
    """

    def __init__(
        self,
        url: str,
        tls_config: TLSConfig,
        user_agent: str = "",
        meta_headers: Mapping[str, Sequence[str]] | None = None,
        *,
        make_transport: MakeTransport = new_transport,
    ) -> None:
        self.url = url
        self.tls_config = tls_config
        self.is_secure = not tls_config.insecure_skip_verify
        self.client = http_client(make_transport(tls_config, docker_headers(user_agent, meta_headers)))

    @classmethod
    async def new(
        cls,
        index: IndexInfo,
        user_agent: str = "",
        meta_headers: Mapping[str, Sequence[str]] | None = None,
        *,
        certs_dir: Path | None = CERTS_DIR,
        make_transport: MakeTransport = new_transport,
    ) -> Self:
        """The endpoint of `index`, after it has answered a ping. Docker Hub's is not asked.

        https is tried first, even if the name says http. Plain HTTP is tried next, and only if `index` is insecure.

        Args:
            index: Its name may be a URL. One slash at its end and then a `v1` are left out.
            user_agent: As for the class.
            meta_headers: As for the class.
            certs_dir: The certificates directory, read for a secure index; None reads none.
            make_transport: As for the class.

        Raises:
            ConfigError: The name is no address, or ends in `/v2`, or its folder of certificates cannot be used.
            ConnectionFailedError, TLSFailureError: No ping was answered.
        """
        url = _normalized(get_auth_config_key(index))
        tls_config = TLSConfig(insecure_skip_verify=not index.secure)
        if index.secure and certs_dir is not None:
            folder = Path(f"{certs_dir}/{index.name}")
            tls_config = await asyncio.to_thread(read_certs_directory, tls_config, folder)
        endpoint = cls(url, tls_config, user_agent, meta_headers, make_transport=make_transport)
        try:
            await endpoint._find_scheme(certs_dir or CERTS_DIR)
        except BaseException:
            await endpoint.aclose()
            raise
        return endpoint

    def __str__(self) -> str:
        return f"{self.url}/v1/"

    def path(self, path: str) -> str:
        """The address of `path` below the endpoint; both are put together as they are."""
        return f"{self}{path}"

    async def ping(self) -> PingResult:
        """Ask whether somebody is there. Any answer will do, whatever its status; Docker Hub's index is not asked.

        Raises:
            ConnectionFailedError, RedirectRefusedError: No answer came.
            ConfigError: The address or a certificate cannot be used.
        """
        if str(self) == INDEX_SERVER:
            return PingResult(standalone=False)
        answer = await get(self.client, self.path("_ping"), within=ANSWER_WITHIN)
        return parse_ping(
            answer.body,
            status=answer.status,
            version=answer.header("X-Docker-Registry-Version"),
            standalone=answer.header("X-Docker-Registry-Standalone"),
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self.client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _find_scheme(self, certs_dir: Path) -> None:
        place = self.url.partition("://")[2]
        host = safe_text(place.partition("/")[0])
        self.url = f"https://{place}"
        try:
            await self.ping()
            return
        except (ConnectionFailedError, RedirectRefusedError) as error:
            if self.is_secure:
                kind = TLSFailureError if isinstance(error, TLSFailureError) else ConnectionFailedError
                raise kind(
                    f"invalid registry endpoint {safe_text(str(self))}: {error}",
                    f"If it speaks only HTTP, or HTTPS with an unknown CA, please add `--insecure-registry {host}`. If "
                    f"you have the CA certificate, place it at {certs_dir}/{host}/ca.crt instead.",
                ) from error
            over_https = error
        self.url = f"http://{place}"
        try:
            await self.ping()
        except (ConnectionFailedError, RedirectRefusedError) as error:
            raise ConnectionFailedError(
                f"invalid registry endpoint {safe_text(str(self))}. HTTPS attempt: {over_https} HTTP attempt: {error}",
                error.next_step,
            ) from error


def _normalized(address: str) -> str:
    """The address of an index, with a scheme and without the version at its end."""
    if not address.startswith(("http://", "https://")):
        address = f"https://{address}"
    scheme, _, place = address.removesuffix("/").partition("://")
    before, slash, last = place.rpartition("/")
    if slash and last == "v2":
        raise ConfigError(
            f"unsupported V1 version path v2: {safe_text(before)} is asked by the protocol v1 here.",
            "Leave /v2 out of the address.",
        )
    url = f"{scheme}://{before if slash and last == 'v1' else place}"
    check_address(url)
    return url
