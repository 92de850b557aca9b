"""§5.3 test 48: for which registry a login is, by the keys of Docker's and Podman's files."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Final

import pytest

from regbrowse.credentials.chain import CredentialChain
from regbrowse.registry.errors import RegistryError
from tests.registry.reaching import USER


def docker(*keys: str) -> dict[str, str]:
    """A Docker config in which each login has its key as its password."""
    auths = {key: {"auth": base64.b64encode(f"{USER}:{key}".encode()).decode()} for key in keys}
    return {".docker/config.json": json.dumps({"auths": auths})}


def podman(*keys: str) -> dict[str, str]:
    return {".config/containers/auth.json": docker(*keys)[".docker/config.json"]}


def marked(*keys: str, **more: object) -> dict[str, str]:
    """A Docker config whose entries are the empty marks of a helper."""
    return {".docker/config.json": json.dumps({"auths": {key: {} for key in keys}, **more})}


HUB: Final = "https://index.docker.io/v1/"


@pytest.mark.parametrize(
    ("files", "host", "repository", "password"),
    [
        (docker(HUB), "docker.io", "library/nginx", HUB),
        (docker("docker.io"), "docker.io", "", "docker.io"),
        (docker("index.docker.io"), "docker.io", "", "index.docker.io"),
        (docker("docker.io", HUB), "docker.io", "", HUB),
        (docker("registry-1.docker.io"), "docker.io", "", None),
        (docker(f"{HUB}access-token", f"{HUB}refresh-token"), "docker.io", "", None),
        (docker("hub.docker.io", "https://docker.io.evil.test/v1/"), "docker.io", "", None),
        (docker("http://h:5000/v2/"), "h:5000", "", "http://h:5000/v2/"),
        (docker("https://h:5000/v1/"), "h:5000", "", "https://h:5000/v1/"),
        (docker("http://h:5000/v2/", "https://h:5000", "h:5000"), "h:5000", "", "h:5000"),
        (docker("http://h:5000/v2/", "https://h:5000"), "h:5000", "", "https://h:5000"),
        (docker("h:5000"), "h", "", None),
        (docker("h"), "h:5000", "", None),
        (docker("h.evil.test", "evil.test/h", "h:5000.evil.test"), "h:5000", "", None),
        (docker("https://h@evil.test", "https://h:5000@evil.test"), "h:5000", "", None),
        (docker("h:5000/team/app"), "h:5000", "team/app", "h:5000/team/app"),  # cut off after the host
        (podman("h/team/app", "h/team", "h"), "h", "team/app", "h/team/app"),
        (podman("h/team", "h"), "h", "team/app", "h/team"),
        (podman("h/team", "h"), "h", "teammate/app", "h"),
        (podman("h/team"), "h", "other", None),
        (podman("h/team"), "h", "", None),
        ({**docker("h"), **podman("h/team")}, "h", "team/app", "h/team"),
        (marked("h"), "h", "", None),
        ({**marked("h"), **podman("h")}, "h", "", "h"),
    ],
)
async def test_48_a_login_is_found_by_its_registry_and_for_no_other(
    tmp_path: Path, files: dict[str, str], host: str, repository: str, password: str | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    chain = CredentialChain.of({"XDG_RUNTIME_DIR": str(tmp_path / "run")}, tmp_path)
    found = await chain.lookup(host, repository)
    assert (found.password if found else None) == password


async def test_48_a_mark_is_no_login_but_its_helper_s(tmp_path: Path) -> None:
    """`{}` says that the helper has it: if that cannot be asked, the registry is not asked as nobody."""
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(marked("h", credsStore="absent")[".docker/config.json"])
    chain = CredentialChain.of({"PATH": str(tmp_path)}, tmp_path)
    with pytest.raises(RegistryError, match="docker-credential-absent"):
        await chain.lookup("h")
