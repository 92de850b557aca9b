"""What a v1 registry holds: images by id, each with JSON and one layer, and repositories whose tags name images."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

PUSHED_AT: Final = 1_385_942_400
"""Seconds since 1970 at which every tag of `small_content()` was pushed: the first of December 2013."""


def image_id(name: str) -> str:
    """64 lower-case hex digits, the same ones for the same name."""
    return hashlib.sha256(name.encode()).hexdigest()


def layer_tar(files: Mapping[str, bytes]) -> bytes:
    """An uncompressed tar of `files`; a name that ends in a slash is a directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mtime = PUSHED_AT
            entry.mode, entry.type = (0o755, tarfile.DIRTYPE) if name.endswith("/") else (0o644, tarfile.REGTYPE)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@dataclass(slots=True)
class V1Image:
    """One image.

    Attributes:
        json: As it was pushed, byte for byte.
        layer: The bytes that travel: a gzip-compressed tar. None until it was pushed.
        checksum: Of the header `X-Docker-Checksum`: the TarSum.
        checksum_payload: Of the header `X-Docker-Checksum-Payload`.
        complete: Whether its push has ended. Until then nobody can read it.
    """

    json: bytes
    layer: bytes | None = None
    checksum: str = ""
    checksum_payload: str = ""
    complete: bool = True

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.json)
        return document

    @property
    def parent(self) -> str | None:
        return self.document.get("parent") or None


@dataclass(slots=True)
class V1Repository:
    """Tags, and what the index knows: its list of images as pushed, a description and stars."""

    tags: dict[str, str] = field(default_factory=dict)
    images: list[dict[str, Any]] = field(default_factory=list)
    description: str = ""
    star_count: int = 0


@dataclass(slots=True)
class V1Content:
    """Images by id, and repositories by full name (`library/base`). May change while it is served."""

    images: dict[str, V1Image] = field(default_factory=dict)
    repositories: dict[str, V1Repository] = field(default_factory=dict)

    def ancestry(self, id_: str) -> list[str]:
        """`id_`, its parent, the parent of that, and so on."""
        chain = [id_]
        while (image := self.images.get(chain[-1])) and image.parent:
            chain.append(image.parent)
        return chain

    def add_image(
        self, name: str, *, parent: str | None = None, files: Mapping[str, bytes], command: str, comment: str = ""
    ) -> str:
        """Add an image as Docker wrote it in 2013, and give its id.

        Args:
            name: Of anything; the id is made from it.
            parent: The parent's id.
            files: The layer's files.
            command: The shell command that made the layer.
        """
        id_ = image_id(name)
        layer = gzip.compress(layer_tar(files), mtime=0)
        process = {"Hostname": id_[:12], "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], "ExposedPorts": {"80/tcp": {}}}
        document = {
            "id": id_,
            **({"parent": parent} if parent else {}),
            "created": f"2013-11-{len(self.images) + 1:02}T10:20:30.123456789Z",
            "container": image_id(f"the container of {name}"),
            "container_config": {**process, "Cmd": ["/bin/sh", "-c", command]},
            "docker_version": "0.7.0",
            "author": "A. Uthor <author@corp.example>",
            "comment": comment,
            "config": {**process, "Cmd": ["/bin/sh"]},
            "architecture": "amd64",
            "os": "linux",
            "Size": sum(map(len, files.values())),
        }
        self.images[id_] = V1Image(json.dumps(document).encode(), layer)
        return id_

    def add_repository(
        self, name: str, tags: Mapping[str, str], *, description: str = "", star_count: int = 0
    ) -> V1Content:
        """Add the repository `name` (with its namespace), whose `tags` lead to ids."""
        ids = dict.fromkeys(id_ for tagged in tags.values() for id_ in self.ancestry(tagged))
        images = [{"id": id_, "checksum": f"tarsum+sha256:{image_id(id_)}"} for id_ in ids]
        self.repositories[name] = V1Repository(dict(tags), images, description, star_count)
        return self


def small_content() -> V1Content:
    """`library/base` with one image, and `team/app`, whose images are built on it."""
    content = V1Content()
    base = content.add_image(
        "base", files={"etc/": b"", "etc/os-release": b"NAME=Small\n"}, command="#(nop) ADD rootfs.tar in /"
    )
    runtime = content.add_image(
        "runtime", parent=base, files={"usr/": b"", "usr/bin/run": b"\x7fELF" + bytes(5000)}, command="install run"
    )
    app = content.add_image(
        "app", parent=runtime, files={"app/main": b"print('hello')\n"}, command="#(nop) ADD main in /app", comment="1.0"
    )
    content.add_repository("library/base", {"latest": base}, description="The base of all", star_count=7)
    return content.add_repository("team/app", {"1.0": app, "latest": app, "runtime": runtime}, description="An app")
