"""Whether a registry speaks v2, and what it asks for (seed-registry-package.md §10)."""

from __future__ import annotations

from collections.abc import Sequence

from regbrowse.registry.asking import ANSWER_WITHIN, asking, web_url
from regbrowse.registry.challenges import ChallengeManager
from regbrowse.registry.constants import DEFAULT_REGISTRY_VERSION_HEADER
from regbrowse.registry.docker_http import http_client
from regbrowse.registry.endpoint import APIEndpoint
from regbrowse.registry.errors import PingResponseError
from regbrowse.registry.wire import httpx


async def ping_v2_registry(
    endpoint: APIEndpoint | str, transport: httpx.AsyncBaseTransport, *, within: float = ANSWER_WITHIN
) -> tuple[ChallengeManager, bool]:
    """Ask at `/v2/`, without any login, for what is needed there.

    Args:
        endpoint: The registry, or its URL; slashes at its end do not matter.
        transport: Carries the request; it stays open.
        within: Seconds for the answer.

    Returns:
        The challenges, and whether the answer says by its header that it is a v2 registry's: `registry/2.0`, by itself
        or among other words. No status is a failure here.

    Raises:
        ConnectionFailedError: No answer came.
        RedirectRefusedError: The answer leads to where nobody may follow.
        PingResponseError: The answer came from what is no address. No client of ours lets that happen.
        ConfigError: The URL is none of the web.
    """
    client = http_client(transport)  # never closed, for that would close the caller's transport
    request = client.build_request("GET", v2_entrance(endpoint))
    challenges = ChallengeManager()
    async with asking(client, request, within=within) as response:
        try:
            challenges.add(str(response.url), response.status_code, response.headers.get_list("WWW-Authenticate"))
        except ValueError as error:
            raise PingResponseError(error) from error
        return challenges, _says_v2(response.headers.get_list(DEFAULT_REGISTRY_VERSION_HEADER))


def v2_entrance(endpoint: APIEndpoint | str) -> httpx.URL:
    """The URL `/v2/` of a registry.

    Raises:
        ConfigError: The registry's own URL is none of the web.
    """
    url = endpoint if isinstance(endpoint, str) else endpoint.url
    return web_url(f"{url.rstrip('/')}/v2/")


def _says_v2(lines: Sequence[str]) -> bool:
    entries = (entry.partition("/") for line in lines for entry in line.split())
    return any((kind.lower(), version) == ("registry", "2.0") for kind, _, version in entries)
