"""How a registry is reached, step by step: for the connection screen and for `--check`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regbrowse.browser.details import HERE
from regbrowse.browser.source import NOT_KNOWN, Source
from regbrowse.browser.v2_source import V2Source
from regbrowse.browser.wording import count
from regbrowse.registry.errors import (
    DeniedError,
    HTTPStatusError,
    LoginNeededError,
    RegistryError,
    UnsupportedError,
)
from regbrowse.registry.reference import Target
from regbrowse.registry.text import SafeText, safe_text
from regbrowse.registry.throttle import Priority

if TYPE_CHECKING:
    from regbrowse.registry.endpoint import APIEndpoint
    from regbrowse.registry.exchange import Exchange, Observer, Pause
    from regbrowse.registry.proxies import Proxies

    Legacy = Callable[[Source, HTTPStatusError, Observer], Awaitable[Source]]

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
    target: Target,
    connect: Callable[[Observer], Awaitable[V2Source]],
    legacy: Legacy,
) -> AsyncIterator[CheckStep]:
    """Reach the registry of `target`, list its catalog, or the tags and the manifest that `target` names.

    Args:
        connect: Finds the way by v2; the steps' own, which tells of each of its requests.
        legacy: Finds the way by v1 after a failure of the other, or raises why not; likewise.
    """
    requests: list[CheckStep] = []

    def observe(event: Exchange | Pause) -> None:
        requests.append(_request(event))

    async with AsyncExitStack() as stack:
        try:
            v2 = await connect(observe)
            stack.push_async_callback(v2.aclose)
            transport = v2.client.transport
            for endpoint in transport.endpoints:
                yield _address(endpoint)
            for way in ways(transport.endpoints, transport.proxies):
                yield CheckStep(safe_text(f"proxy      {way}"))
            source = await _reached(v2, target, legacy, observe)
            if source is not v2:
                stack.push_async_callback(source.aclose)
            async for step in _asked(source, target):
                while requests:
                    yield requests.pop(0)
                yield step
        except RegistryError as error:
            while requests:
                yield requests.pop(0)
            yield CheckStep(safe_text(f"failed     {error.user_message}"), failed=True, next_step=error.next_step)


async def _reached(v2: V2Source, target: Target, legacy: Legacy, observe: Observer) -> Source:
    try:
        await v2.client.ping()
    except LoginNeededError:
        if not target.repository:  # which may have a login of its own
            raise
    except HTTPStatusError as error:
        if v2.is_confirmed or error.status not in NOT_KNOWN:
            raise
        return await legacy(v2, error, observe)
    return v2


def _address(endpoint: APIEndpoint) -> CheckStep:
    tls = "TLS" if endpoint.verify else "TLS, any certificate"
    how = "plain HTTP" if endpoint.scheme == "http" else tls
    mirror = ", a mirror" if endpoint.mirror else ""
    return CheckStep(safe_text(f"address    {endpoint.base}/v2/  ({how}{mirror})"))


def ways(endpoints: Sequence[APIEndpoint], proxies: Proxies) -> list[str]:
    """Through which proxy, or why through none, requests go: once for all `endpoints`, or for each if they differ."""
    chosen = [(endpoint.origin, str(proxies.for_url(endpoint.base))) for endpoint in endpoints]
    different = list(dict.fromkeys(way for _, way in chosen))
    return different if len(different) == 1 else [f"{way}  for {origin}" for origin, way in chosen]


async def _asked(source: Source, target: Target) -> AsyncIterator[CheckStep]:
    if source.reach:
        via = f"  (the mirror {source.reach.via})" if source.reach.via else ""
        yield CheckStep(safe_text(f"reached    {source.reach.url}{via}"))
    if target.repository:
        yield await _tags(source, target.repository)
    else:
        yield await _catalog(source)
    if target.reference:
        yield await _image(source, target.repository, str(target.reference))
    if source.reach:
        yield CheckStep(safe_text(f"account    {source.reach.account}"))


async def _image(source: Source, repository: str, reference: str) -> CheckStep:
    if isinstance(source, V2Source):
        document = await source.client.manifest(repository, reference)
        return CheckStep(safe_text(f"manifest   {document.digest}  {document.media_type}"))
    details = await source.tag_details(repository, reference, wish=HERE, priority=Priority.INTERACTIVE)
    return CheckStep(safe_text(f"image      {details.image_id}  (a v1 id, not verifiable by digest)"))


async def _catalog(source: Source) -> CheckStep:
    try:
        page = await anext(source.catalog())
    except (DeniedError, UnsupportedError) as error:
        return CheckStep(safe_text(f"catalog    {error.user_message}"), next_step=error.next_step)
    more = "" if page.complete else " and more"
    return CheckStep(safe_text(f"catalog    {count(len(page.names))} repositories{more}"), next_step=page.notice)


async def _tags(source: Source, repository: str) -> CheckStep:
    page = await anext(source.tags(repository))
    more = "" if page.complete else " and more"
    return CheckStep(safe_text(f"tags       {count(len(page.names))} of {repository}{more}"))


def _request(event: Exchange | Pause) -> CheckStep:
    """What became of a request: the status, or why no answer came."""
    from regbrowse.registry.exchange import Pause

    if isinstance(event, Pause):
        return CheckStep(safe_text(f"pause      {event.seconds:.0f} s, as the registry asked"))
    outcome = event.note or (str(event.status) if event.status else "no answer")
    return CheckStep(safe_text(f"request    {event.method} {event.url}  {outcome}"))
