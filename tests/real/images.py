"""The images of the real registry: built by umoci, pushed by skopeo, a few kilobytes each and the same on every run."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BASE_CREATED: Final = "2026-10-01T06:30:00Z"
APP_CREATED: Final = {
    "1.4.0": "2026-10-31T09:15:00Z",
    "1.4.1": "2026-11-12T16:40:00Z",
    "1.4.2": "2026-11-21T14:02:00Z",
    "1.10.0": "2026-11-22T08:00:00Z",
}
"""The versions of `team/app`, and when each was built."""

LONG_RUN: Final = (
    "RUN /bin/sh -c apt-get update && apt-get install -y --no-install-recommends ca-certificates curl"
    " libpq5 postgresql-client tzdata && rm -rf /var/lib/apt/lists/* # buildkit"
)
LATEST: Final = "1.4.2"
"""The version that is also `team/app:latest`."""

MULTI_PLATFORMS: Final = ("linux/amd64", "linux/arm64/v8")
"""The platforms of `team/multi:2.0`."""

OTHER_REPOSITORIES: Final = ("library/base", "platform/service-mesh", "team/service", "team/service-api")
"""Repositories that have one tag, 1.0, so that lists are lists."""

REPOSITORIES: Final = tuple(sorted((*OTHER_REPOSITORIES, "legacy/docker", "team/app", "team/multi")))

_OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
_REF_NAME: Final = "org.opencontainers.image.ref.name"


def run(*command: str | Path) -> bytes:
    """Run a program and give its standard output.

    Raises:
        RuntimeError: It failed, with its own words.
    """
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"{command[0]} ended with status {done.returncode}: {words}")
    return done.stdout


def push_images(address: str, scratch: Path) -> None:
    """Build all images in the folder `scratch` and push them to the plain registry at `address`."""
    layout = _build(scratch)
    for version in APP_CREATED:
        _push(layout, f"app-{version}", f"{address}/team/app:{version}")
    _push(layout, f"app-{LATEST}", f"{address}/team/app:latest")
    _push(layout, "multi", f"{address}/team/multi:2.0", "--all")
    _push(layout, "base", f"{address}/legacy/docker:1.0", "--format", "v2s2")
    for repository in OTHER_REPOSITORIES:
        _push(layout, "base", f"{address}/{repository}:1.0")


def _push(layout: Path, name: str, destination: str, *options: str) -> None:
    source, target = f"oci:{layout}:{name}", f"docker://{destination}"
    anonymously = ("--dest-tls-verify=false", "--dest-no-creds")
    run("skopeo", "--insecure-policy", "copy", "-q", *anonymously, *options, source, target)


def _build(scratch: Path) -> Path:
    layout = scratch / "layout"
    run("umoci", "init", "--layout", layout)
    for architecture, name in (("amd64", "base"), ("arm64", "base-arm64")):
        _build_base(_Image(layout, name, BASE_CREATED), architecture)
    for version, created in APP_CREATED.items():
        run("umoci", "tag", "--image", f"{layout}:base", f"app-{version}")
        _build_app(_Image(layout, f"app-{version}", created), version)
    _build_multi(layout)
    return layout


@dataclass(frozen=True, slots=True)
class _Image:
    """An image in a layout, to which steps of history are added."""

    layout: Path
    name: str
    created: str

    def configure(self, *options: str, step: str) -> None:
        """Change the configuration, as a step without a layer."""
        self._umoci(("config",), *options, "--created", self.created, step=step)

    def add_layer(self, files: dict[str, bytes], *, step: str) -> None:
        """Add a layer that holds `files`, by path."""
        layer = self.layout.parent / "layer.tar"
        with tarfile.open(layer, "w") as archive:
            for path, data in files.items():
                member = tarfile.TarInfo(path)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        self._umoci(("raw", "add-layer"), str(layer), step=step)

    def _umoci(self, command: tuple[str, ...], *arguments: str, step: str) -> None:
        history = ("--history.created_by", step, "--history.created", self.created)
        run("umoci", *command, "--image", f"{self.layout}:{self.name}", *history, *arguments)


def _build_base(image: _Image, architecture: str) -> None:
    name = f"{image.layout}:{image.name}"
    run("umoci", "new", "--image", name)
    run("umoci", "config", "--image", name, "--no-history", "--architecture", architecture, "--os", "linux")
    image.add_layer({"etc/os-release": b'PRETTY_NAME="Demo GNU/Linux"\n'}, step="ADD rootfs.tar.xz / # buildkit")
    image.configure("--config.cmd", "bash", step='CMD ["bash"]')


def _build_app(image: _Image, version: str) -> None:
    image.configure("--config.env", "APP=demo", step="ENV APP=demo")
    image.configure("--config.env", f"APP_VERSION={version}", step=f"ENV APP_VERSION={version}")
    image.add_layer({"usr/bin/psql": b"\x7fELF" + bytes(range(256)) * 8}, step=LONG_RUN)
    image.configure("--config.workingdir", "/srv/app", step="WORKDIR /srv/app")
    image.add_layer({"srv/app/version": version.encode()}, step="COPY --chown=app:app . /srv/app # buildkit")
    for key, value in ("version", version), ("source", "https://git.example/team/app"):
        label = f"org.opencontainers.image.{key}={value}"
        image.configure("--config.label", label, step=f"LABEL {label}")
    image.configure("--config.volume", "/var/lib/app", step="VOLUME [/var/lib/app]")
    image.configure("--config.exposedports", "8080/tcp", step="EXPOSE map[8080/tcp:{}]")
    image.configure("--config.user", "app:app", step="USER app:app")
    image.configure("--config.entrypoint", "/srv/app/run", step='ENTRYPOINT ["/srv/app/run"]')
    image.configure("--config.cmd", "serve", "--config.cmd", "--port=8080", step='CMD ["serve" "--port=8080"]')


def _build_multi(layout: Path) -> None:
    """Join both bases into an index, which umoci cannot make, and name it in the layout."""
    names = json.loads((layout / "index.json").read_bytes())
    by_name = {entry["annotations"][_REF_NAME]: entry for entry in names["manifests"]}
    children = []
    for name, platform in zip(("base", "base-arm64"), MULTI_PLATFORMS, strict=True):
        parts = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
        children.append({key: by_name[name][key] for key in ("mediaType", "digest", "size")} | {"platform": parts})
    data = json.dumps({"schemaVersion": 2, "mediaType": _OCI_INDEX, "manifests": children}).encode()
    encoded = hashlib.sha256(data).hexdigest()
    (layout / "blobs" / "sha256" / encoded).write_bytes(data)
    descriptor = {"mediaType": _OCI_INDEX, "digest": f"sha256:{encoded}", "size": len(data)}
    names["manifests"].append(descriptor | {"annotations": {_REF_NAME: "multi"}})
    (layout / "index.json").write_text(json.dumps(names))
