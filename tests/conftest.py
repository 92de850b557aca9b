"""What holds for all tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

_PROXIES = [f"{kind}_proxy" for kind in ("http", "https", "all", "no")]

# A busy machine is no fault: no test is about the time of one example.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of tests are reached directly, whatever the machine has."""
    for name in _PROXIES + [name.upper() for name in _PROXIES]:
        monkeypatch.delenv(name, raising=False)
