"""Everything that the sample registry has to show can be opened, and is shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import groupby
from typing import Final

import pytest

from regbrowse.browser.journal import Journal
from regbrowse.browser.registries import Registries
from regbrowse.browser.states import Phase
from regbrowse.credentials.chain import CredentialChain
from regbrowse.demo.samples import STATES, State
from regbrowse.demo.transport import DemoTransport
from regbrowse.registry import transport
from regbrowse.registry.reference import RegistryAddress, Target, parse_target
from regbrowse.registry.service.default import DefaultService
from regbrowse.settings.visited import Visited
from regbrowse.tui.actions import Pane
from regbrowse.tui.widgets.image_pane import TABS
from tests.tui.screens import Session, browsing

WIDE_AND_LOW: Final = (120, 24)
"""All panes, and few rows to paint."""

ENDS: Final = {
    "forbidden.registry.demo": Phase.FAILED,
    "missing.registry.demo": Phase.FAILED,
    "empty.registry.demo": Phase.EMPTY,
    "states/empty": Phase.EMPTY,
    "states/deleted": Phase.FAILED,
    "states/forbidden": Phase.FAILED,
    "states/unauthorized": Phase.FAILED,
    "states/half-listed": Phase.FAILED,
    "demo/hostile-labels:half-a-pair": Phase.FAILED,
    "states/broken:altered-config": Phase.FAILED,
    "states/broken:no-config": Phase.FAILED,
    "states/broken:not-json": Phase.FAILED,
    "states/broken:not-a-manifest": Phase.FAILED,
    "states/broken:html": Phase.FAILED,
    "states/broken:gone": Phase.FAILED,
    "states/broken:error-500": Phase.FAILED,
    "states/broken:error-503-html": Phase.FAILED,
    "states/broken:rate-limited": Phase.FAILED,
}
"""How what can be seen ends, where that is not READY."""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is tried again without a pause."""
    monkeypatch.setattr(transport, "_back_off", lambda attempt: 0.0)


@pytest.fixture
async def registries() -> AsyncIterator[Registries]:
    registries = Registries(
        CredentialChain(()),
        DefaultService(certs_dir=None),
        Visited.load(None),
        Journal(),
        demo=lambda: DemoTransport(pace=0),
    )
    yield registries
    await registries.aclose()


def _name(state: State) -> str:
    """As one would type it, without the host where that is the demo's own."""
    image = f"{state.repository}:{state.tag}" if state.tag else state.repository
    return image or state.host


def _target(state: State) -> Target:
    registry = RegistryAddress(state.host)
    return parse_target(_name(state), registry) if state.repository else Target(registry)


@pytest.mark.parametrize("state", STATES, ids=_name)
async def test_state_ends_as_it_should(state: State, registries: Registries) -> None:
    target = _target(state)
    browser = registries.browser(target.registry)
    if target.reference:
        phases = [found.phase async for found in browser.image(target)]
    elif target.repository:
        phases = [found.phase async for found in browser.tags(target.repository)]
    else:
        phases = [found.phase async for found in browser.repositories()]
    assert phases[-1] is ENDS.get(_name(state), Phase.READY)
    assert set(phases[:-1]) == {Phase.LOADING}


def test_every_unusual_end_is_that_of_a_state() -> None:
    assert ENDS.keys() <= {_name(state) for state in STATES}


def _says_something(session: Session, pane: Pane) -> bool:
    frame = next((frame for frame in session.frames if frame.PANE is pane), None)
    if frame is None:
        return False
    inside = [line[1:-1] for line in session.text(frame).splitlines()[1:-1]]
    return any(line.strip("▌▁▂▃▄▅▆▇ ") for line in inside)


def _is_shown(session: Session, target: Target) -> bool:
    """Whether `target` has come to its end, in the pane where it belongs, which says something."""
    screen = session.screen
    if screen.browser.address != target.registry:
        return False
    if target.reference:
        image = screen.image.state
        told = image is not None and image.target == target and image.phase is not Phase.LOADING
        return told and session.pane is Pane.IMAGE and _says_something(session, Pane.IMAGE)
    pane = screen.tags if target.repository else screen.repositories
    told = pane.listing.phase is not Phase.LOADING and screen.tags.repository == target.repository
    return told and session.pane is pane.PANE and _says_something(session, pane.PANE)


@pytest.mark.parametrize(
    "states",
    [
        pytest.param(list(states), id=repository or "catalogs")
        for repository, states in groupby(STATES, key=lambda state: state.repository)
    ],
)
async def test_states_are_shown_and_no_pane_is_blank(states: list[State]) -> None:
    async with browsing(size=WIDE_AND_LOW) as session:
        for state in states:
            target = _target(state)
            session.app.open_target(target)
            await session.until(lambda target=target: _is_shown(session, target), _name(state))  # type: ignore[misc]
            for _ in TABS if target.reference and _name(state) not in ENDS else ():
                await session.press("right_square_bracket")
                await session.until(lambda: _says_something(session, Pane.IMAGE), f"{session.tab} of {_name(state)}")
            blank = [frame.PANE for frame in session.frames if not _says_something(session, frame.PANE)]
            assert not blank, _name(state)
