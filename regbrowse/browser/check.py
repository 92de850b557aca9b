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


async def check_steps(target: Target, connect: Callable[[], Awaitable[RegistryClient]]) -> AsyncIterator[CheckStep]:
    """Reach the registry of `target`, list its catalog, and the tags and the manifest that `target` names.

    Args:
        connect: Makes a client of the steps' own.
    """
    try:
        client = await connect()
    except RegistryError as error:
        yield _failed(error)
        return
    try:
        for endpoint in client.transport.endpoints:
            tls = "plain HTTP" if endpoint.scheme == "http" else "verified" if endpoint.verify else "not verified"
            yield CheckStep(safe_text(f"address    {endpoint.base}/v2/  ({tls})"))
        async for step in _reached(client, target):
            yield step
    finally:
        await client.aclose()


async def _reached(client: RegistryClient, target: Target) -> AsyncIterator[CheckStep]:
    try:
        if target.repository:
            yield await _tags(client, target.repository)
            if target.reference:
                document = await client.manifest(target.repository, str(target.reference))
                yield CheckStep(safe_text(f"manifest   {document.digest}  {document.media_type}"))
        else:
            yield await _catalog(client)
    except RegistryError as error:
        yield _failed(error)
        return
    endpoint, account = client.transport.endpoint, client.transport.authorizer.account
    if endpoint:
        yield CheckStep(safe_text(f"reached    {endpoint.base}/v2/"))
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


def _failed(error: RegistryError) -> CheckStep:
    return CheckStep(safe_text(f"failed     {error.user_message}"), failed=True, next_step=error.next_step)
