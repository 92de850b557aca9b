"""The calls that push an image, one by one (seed-registry-package.md §14). `Session` is their face."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

from regbrowse.registry.errors import (
    AlreadyExistsError,
    ConnectionFailedError,
    MalformedDocumentError,
    RegistryError,
)
from regbrowse.registry.service.repository_info import RepositoryInfo
from regbrowse.registry.v1.calls import (
    Answer,
    header_value,
    open_response,
    path_segment,
    put,
    read_failure,
    remote_name,
    retold,
    status_failure,
    unauthorized,
)
from regbrowse.registry.v1.models import ImgData, RepositoryData, parse_endpoints, parse_push_error
from regbrowse.registry.v1.tarsum import Layer, LayerUpload
from regbrowse.registry.wire import httpx

_JSON: Final = ("Content-Type", "application/json")
_ALREADY_EXISTS: Final = "Image already exists"


async def push_image_checksum(client: httpx.AsyncClient, img_data: ImgData, registry: str) -> None:
    """Say what an image's layer adds up to: `Session.push_image_checksum_registry`."""
    headers = [
        ("X-Docker-Checksum", header_value(img_data.checksum, "a checksum")),
        ("X-Docker-Checksum-Payload", header_value(img_data.checksum_payload, "a checksum")),
    ]
    answer = await put(client, _image(registry, img_data.id, "checksum"), headers=headers)
    if answer.status != 200:
        _refuse_repetition(answer, img_data.id)
        raise RegistryError(_metadata_failure(answer))


async def push_image_json(client: httpx.AsyncClient, img_data: ImgData, json_raw: bytes, registry: str) -> None:
    """Push an image's JSON: `Session.push_image_json_registry`."""
    answer = await put(client, _image(registry, img_data.id, "json"), json_raw, headers=[_JSON])
    if answer.status == 401 and registry.startswith("http://"):
        raise status_failure(
            answer,
            f"HTTP code 401 from {answer.host} while uploading metadata: Docker will not send auth headers over HTTP.",
        )
    if answer.status != 200:
        _refuse_repetition(answer, img_data.id)
        raise status_failure(answer, _metadata_failure(answer))


async def push_image_layer(
    client: httpx.AsyncClient, img_id: str, layer: Layer, registry: str, json_raw: bytes
) -> tuple[str, str]:
    """Push an image's layer: `Session.push_image_layer_registry`."""
    url = _image(registry, img_id, "layer")
    headers = [("Content-Type", "application/octet-stream")]
    try:
        async with aclosing(LayerUpload(layer, json_raw)) as upload:
            # A redirect cannot be followed: the stream cannot be begun anew.
            response = await open_response(client, "PUT", url, headers=headers, content=upload, follow_redirects=False)
            answer = await read_failure(response)
        await _close(layer)
        if answer.status == 200:
            return upload.checksum, upload.payload_checksum
    except ConnectionFailedError as error:
        raise retold(error, f"Failed to upload layer: {error}") from error
    except RegistryError as error:
        raise RegistryError(f"Failed to upload layer: {error}", error.next_step) from error
    raise status_failure(
        answer, f"Received HTTP code {answer.status} while uploading layer: {answer.quoted} ({answer.host})"
    )


async def push_tag(
    client: httpx.AsyncClient, remote: RepositoryInfo | str, revision: str, tag: str, registry: str
) -> None:
    """Let a tag lead to an image: `Session.push_registry_tag`."""
    name = remote_name(remote)
    url = f"{registry}repositories/{name}/tags/{path_segment(tag, 'a tag')}"
    content = json.dumps(path_segment(revision, "the id of an image")).encode()
    answer = await put(client, url, content, headers=[_JSON])
    if answer.status not in (200, 201):
        raise status_failure(
            answer, f"Internal server error: {answer.status} trying to push tag {tag} on {name} at {answer.host}."
        )


async def push_image_index(
    client: httpx.AsyncClient,
    index: str,
    remote: RepositoryInfo | str,
    img_list: Sequence[ImgData] | None,
    validate: bool,
    registries: Sequence[str],
) -> RepositoryData:
    """Tell the index of a push: `Session.push_image_json_index`."""
    name = remote_name(remote)
    url = f"{index}repositories/{name}/{'images' if validate else ''}"
    headers = [_JSON, ("X-Docker-Token", "true")]
    images = None if img_list is None else [image.to_json() for image in img_list]
    if validate:
        images = [image for image in images or () if "checksum" in image]
        headers += [("X-Docker-Endpoints", header_value(base, "the address of a registry")) for base in registries]
    answer = await put(client, url, json.dumps(images, separators=(",", ":")).encode(), headers=headers)
    if answer.status == 401:
        raise unauthorized(answer, f"pushing {name}")
    if answer.status not in ((204,) if validate else (200, 201)):
        what = "checksums" if validate else "repository"
        raise status_failure(
            answer, f"Error: Status {answer.status} trying to push {what} {name}: {answer.quoted} ({answer.host})"
        )
    if validate:
        return RepositoryData()
    endpoints = parse_endpoints(answer.headers.get_list("X-Docker-Endpoints"), httpx.URL(index).scheme)
    if not endpoints:
        raise MalformedDocumentError(f"Index response didn't contain any endpoints: {answer.host}, for {name}.")
    return RepositoryData(endpoints=endpoints)


def _image(registry: str, img_id: str, part: str) -> str:
    return f"{registry}images/{path_segment(img_id, 'the id of an image')}/{part}"


def _refuse_repetition(answer: Answer, img_id: str) -> None:
    if parse_push_error(answer.body) == _ALREADY_EXISTS:
        raise AlreadyExistsError(f"{_ALREADY_EXISTS}: {answer.host} has {img_id}.")


def _metadata_failure(answer: Answer) -> str:
    return f"HTTP code {answer.status} while uploading metadata: {answer.quoted} ({answer.host})"


async def _close(layer: Layer) -> None:
    """Close what can be closed."""
    if aclose := getattr(layer, "aclose", None):
        await aclose()
    elif close := getattr(layer, "close", None):
        await asyncio.to_thread(close)
