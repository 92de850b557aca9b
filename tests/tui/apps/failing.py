"""The real program on a registry whose model fails with a secret in a local variable: `failing PLACE`.

PLACE is where: `start`, `repositories`, `tags`, `rows` or `image`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

from regbrowse.tui.environment import prepare_environment

if __name__ == "__main__":
    prepare_environment(os.environ)

from regbrowse.browser.browser import Browser
from regbrowse.browser.journal import Journal
from regbrowse.browser.registries import KnownRegistry, Registries
from regbrowse.browser.states import Listing, Phase
from regbrowse.credentials.chain import CredentialChain
from regbrowse.demo.transport import DemoTransport
from regbrowse.registry.reference import RegistryAddress, Target
from regbrowse.registry.service.default import DefaultService
from regbrowse.registry.text import SafeText
from regbrowse.settings.visited import Visited
from regbrowse.tui.app import RegbrowseApp
from regbrowse.tui.guards import run_app
from tests.tui.apps.guarded import CANARY


def fail() -> None:
    password = CANARY
    if password:
        raise RuntimeError("crash on request")


class FailingBrowser(Browser):
    """Lists one repository and one tag, and fails in one place."""

    place = ""

    async def repositories(self, *, fresh: bool = False) -> AsyncIterator[Listing]:
        password = CANARY
        if self.place == "repositories" and password:
            fail()
        yield Listing((SafeText("team/app"),), Phase.READY)

    async def tags(self, repository: str, *, fresh: bool = False) -> AsyncIterator[Listing]:
        password = CANARY
        if self.place == "tags" and password:
            fail()
        yield Listing((SafeText("1.0"),), Phase.READY)

    def rows(self, repository: str, found: Callable[..., None]) -> Any:
        password = CANARY
        if self.place == "rows" and password:
            fail()
        return super().rows(repository, found)

    async def image(self, target: Target, **options: Any) -> AsyncIterator[Any]:
        password = CANARY
        if self.place == "image" and password:
            fail()
        async for state in super().image(target, **options):
            yield state


class FailingRegistries(Registries):
    """Gives that browser; fails itself at the start."""

    place = ""

    def browser(self, address: RegistryAddress) -> Browser:
        found = super().browser(address)
        found.__class__ = FailingBrowser
        return found

    def known(self) -> tuple[KnownRegistry, ...]:
        password = CANARY
        if self.place == "start" and password:
            fail()
        return super().known()


def main(place: str) -> int:
    FailingBrowser.place = FailingRegistries.place = place
    registries = FailingRegistries(
        CredentialChain(()),
        DefaultService(certs_dir=None),
        Visited.load(None),
        Journal(),
        demo=lambda: DemoTransport(pace=0),
    )
    return run_app(RegbrowseApp(registries, Target(RegistryAddress("registry.demo"))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
