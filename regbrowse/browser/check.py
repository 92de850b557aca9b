"""How a registry is reached, step by step: for the connection screen and for `--check`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regbrowse.browser.wording import count
from regbrowse.registry.errors import DeniedError, RegistryError, UnsupportedError
from regbrowse.registry.reference import Target
from regbrowse.registry.text import SafeText, safe_text

if TYPE_CHECKING:
    from regbrowse.registry.client import RegistryClient
    from regbrowse.registry.transport import Exchange, Observer, Pause

_NOTHING: Final = SafeText("")


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One step: what was done, how it went, and what to do if it failed.

    Attributes:
        failed: The registry cannot be used so. A catalog that is not offered is no failure.
    """

    line: SafeText
    failed: bool = False
    next_step: SafeText = _NOTHING


async def check_steps(
    target: Target, connect: Callable[[Observer], Awaitable[RegistryClient]]
) -> AsyncIterator[CheckStep]:
    """Reach the registry of `target`, list its catalog, or the tags and the manifest that `target` names.

    Args:
        connect: Makes a client of the steps' own, which tells of each of its requests.
    """
    requests: list[CheckStep] = []
    try:
        client = await connect(lambda event: requests.append(_request(event)))
    except RegistryError as error:
        yield _failed(error)
        return
    try:
        for endpoint in client.transport.endpoints:
            tls = "plain HTTP" if endpoint.scheme == "http" else "TLS" if endpoint.verify else "TLS, any certificate"
            yield CheckStep(safe_text(f"address    {endpoint.base}/v2/  ({tls})"))
        async for step in _asked(client, target):
            while requests:
                yield requests.pop(0)
            yield step
    finally:
        await client.aclose()


async def _asked(client: RegistryClient, target: Target) -> AsyncIterator[CheckStep]:
    try:
        await client.ping()
        endpoint = client.transport.endpoint
        yield CheckStep(safe_text(f"reached    {endpoint.base if endpoint else target.registry}/v2/"))
        if target.repository:
            yield await _tags(client, target.repository)
        else:
            yield await _catalog(client)
        if target.reference:
            document = await client.manifest(target.repository, str(target.reference))
            yield CheckStep(safe_text(f"manifest   {document.digest}  {document.media_type}"))
    except RegistryError as error:
        yield _failed(error)
        return
    account = client.transport.authorizer.account
    who = f"{account.username}, from {account.origin}" if account else "anonymous"
    yield CheckStep(safe_text(f"account    {who}"))


async def _catalog(client: RegistryClient) -> CheckStep:
    try:
        page = await anext(client.catalog())
    except (DeniedError, UnsupportedError) as error:
        return CheckStep(safe_text(f"catalog    {error.user_message}"), next_step=error.next_step)
    more = "" if page.complete else " and more"
    return CheckStep(safe_text(f"catalog    {count(len(page.names))} repositories{more}"))


async def _tags(client: RegistryClient, repository: str) -> CheckStep:
    page = await anext(client.tags(repository))
    more = "" if page.complete else " and more"
    return CheckStep(safe_text(f"tags       {count(len(page.names))} of {repository}{more}"))


def _request(event: Exchange | Pause) -> CheckStep:
    """What became of a request: the status, or why no answer came."""
    from regbrowse.registry.transport import Pause

    if isinstance(event, Pause):
        return CheckStep(safe_text(f"pause      {event.seconds:.0f} s, as the registry asked"))
    outcome = event.note or (str(event.status) if event.status else "no answer")
    return CheckStep(safe_text(f"request    {event.method} {event.url}  {outcome}"))


def _failed(error: RegistryError) -> CheckStep:
    return CheckStep(safe_text(f"failed     {error.user_message}"), failed=True, next_step=error.next_step)
