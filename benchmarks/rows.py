"""Details of forty tags over a slow connection, beside what a person types today."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from typing import Final

from benchmarks.figures import Figure, paired, ratio
from regbrowse.browser.browser import Browser
from regbrowse.browser.states import Phase, TagDetails
from regbrowse.browser.v2_source import V2Source
from regbrowse.registry.text import SafeText
from tests.registry.reaching import reaching
from tests.registry_server import Content, RegistryServer

LATENCY: Final = 0.05
ROWS: Final = 40
AT_ONCE: Final = 4
REGCTL_AT_ONCE: Final = 8
REGCTL_MEASURED: Final = 1_300.0
"""Milliseconds that eight `regctl` in parallel took when the bound was written."""


def measure(quick: bool) -> Iterator[Figure]:
    """Forty rows of single images, and forty of indexes with two platforms each."""
    rounds, latency = (1, 0.001) if quick else (5, LATENCY)
    for kind, content in (("single images", single_images()), ("indexes of 2 platforms", indexes())):
        with RegistryServer(content, latency=latency) as server:
            contenders: dict[str, Callable[[], float]] = {"ours": partial(load_rows, server)}
            if shutil.which("regctl"):
                contenders["regctl"] = partial(run_regctl, server)
            found = paired(rounds, contenders)
            note = f"{latency * 1000:g} ms before each answer, median of {rounds}"
            yield Figure(f"{ROWS} rows, {kind}", median(found["ours"]), "ms", REGCTL_MEASURED, note)
            if "regctl" in found:
                more = f"{median(found['regctl']):.0f} ms, {REGCTL_AT_ONCE} at once"
                yield Figure(f"{ROWS} rows, {kind}, over regctl", ratio(found["ours"], found["regctl"]), "×", 1.0, more)
            server.reset()
            load_rows(server)
            yield Figure(f"{ROWS} rows, {kind}: requests", len(server.requests), "requests")
            yield Figure(f"{ROWS} rows, {kind}: at once", server.most_at_once, "requests", AT_ONCE)


def single_images() -> Content:
    content = Content()
    for number in range(ROWS):
        content.add_image("team/app", f"tag-{number:02}", layers=[b"layer %d" % number])
    return content


def indexes() -> Content:
    content = Content()
    for number in range(ROWS):
        images = [
            content.add_image("team/app", None, layers=[b"layer %d" % number], platform=platform)
            for platform in ("linux/amd64", "linux/arm64")
        ]
        content.add_index("team/app", f"tag-{number:02}", *images)
    return content


def load_rows(server: RegistryServer) -> float:
    """Milliseconds until a new client knows what every row says, the connections included."""

    async def load() -> float:
        found: dict[SafeText, TagDetails] = {}
        async with reaching(server) as client:

            async def connect() -> V2Source:
                return V2Source(client)

            browser = Browser(client.address, connect)
            begun = time.perf_counter()
            rows = browser.rows("team/app", found.__setitem__)
            rows.show(SafeText(f"tag-{number:02}") for number in range(ROWS))
            await rows.settled()
            taken = time.perf_counter() - begun
            await rows.aclose()
        assert len(found) == ROWS
        assert {details.phase for details in found.values()} == {Phase.READY}
        return taken * 1000

    return asyncio.run(load())


def run_regctl(server: RegistryServer) -> float:
    """Milliseconds for `regctl` to inspect every tag, eight at a time."""

    def inspect(number: int) -> None:
        image = f"{server.address}/team/app:tag-{number:02}"
        command = ["regctl", "--host", f"reg={server.address},tls=disabled", "image", "config", image]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    begun = time.perf_counter()
    with ThreadPoolExecutor(REGCTL_AT_ONCE) as pool:
        list(pool.map(inspect, range(ROWS)))
    return (time.perf_counter() - begun) * 1000
