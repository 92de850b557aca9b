"""The examples of the library run as they are written, but for the address of the registry."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.registry_server import Content, RegistryServer
from tests.v1_server import V1Server

ROOT: Final = Path(__file__).parents[1]
WRITTEN: Final = "127.0.0.1:5000"


def run_example(page: str, address: str) -> list[str]:
    """The lines that the example on a page prints."""
    found = re.search(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"{page} has no example"
    assert WRITTEN in found[1]
    code = found[1].replace(WRITTEN, address)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_the_readmes_example_lists_tags_and_reads_a_history() -> None:
    content = Content()
    content.add_image("team/app", "1.0", layers=[b"rootfs", b"app"])
    with RegistryServer(content) as server:
        tags, *steps = run_example("README.md", server.address)
    assert tags == "1.0"
    assert steps == ["6 COPY layer 1 /", "3 COPY layer 2 /", '0 CMD ["/bin/app"]']


def test_the_example_of_the_package_asks_a_v1_registry_for_everything() -> None:
    with V1Server() as server:
        lines = run_example("docs/registry.md", server.address)
    ways = [f"{version} {scheme}://{server.address}" for version in ("v2", "v1") for scheme in ("https", "http")]
    assert lines[:4] == ways
    assert lines[4:6] == ["('Login Succeeded', '')", "['team/app']"]
    assert lines[6].startswith("{'1.0': ")
