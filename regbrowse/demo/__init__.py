"""A registry of sample images inside the process: no network, no port, the core's usual way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regbrowse.demo.hosts import DEMO_HOST, DEMO_HOSTS

if TYPE_CHECKING:
    from regbrowse.demo.transport import DemoTransport

__all__ = ["DEMO_HOST", "DEMO_HOSTS", "demo_transport"]


def demo_transport() -> DemoTransport:
    """The transport to give to the core in place of the network. httpx is imported only now."""
    from regbrowse.demo.transport import DemoTransport

    return DemoTransport()
