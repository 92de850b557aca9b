"""A registry that is hostile in everything that it says: names, documents, headers, and the words of its failures.

Each field holds `hostile("its name")`, and `shown("its name")` is how that looks on a screen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from tests.registry_content import OCI_MANIFEST, digest_of
from tests.registry_server import Content, RegistryServer

_CLIPBOARD: Final = "\x1b]52;c;aGVsbG8=\x07"

ACTING: Final = {
    _CLIPBOARD: "␛]52;c;aGVsbG8=␇",
    "\x1b]52;c;aGVsbG8=\x1b\\": "␛]52;c;aGVsbG8=␛\\",
    "\x9d52;c;aGVsbG8=\x9c": "⟨U+009D⟩52;c;",
    "\x1b]0;owned\x07": "␛]0;owned␇",
    "\x1b]8;;https://evil.example\x1b\\here": "␛]8;;https://",
    "\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\": "␛Ptmux;␛␛]52",
    "\x1b[2J\x1b[H": "␛[2J␛[H",
    "\x1b[?1049l": "␛[?1049l",
    "\x1bc": "␛c",
    "\x1b[6n": "␛[6n",
    "\x9b31m": "⟨U+009B⟩31m",
    "nul\x00": "nul␀",
    "left\rright": "left␍right",
    "above\nbelow": "above↵below",
    "bell\x07\x08\x7f": "bell␇␈␡",
    "\u202egnp.exe\u202c": "⟨U+202E⟩gnp",
    "\u2067isolated\u2069": "⟨U+2067⟩iso",
    "lat\u200best": "lat⟨U+200B⟩est",
    "soft\xad\ufeff": "soft⟨U+00AD⟩",
    "line\u2028": "line⟨U+2028⟩",
    "v1\U000e0041": "v1⟨U+E0041⟩",
    "\u3164\u115f": "⟨U+3164⟩",
}
"""What would act on a terminal, or hide, and what is shown in its place (or the beginning of that)."""

MARKUP: Final = (
    "[bold]x[/]",
    "[/oops]",
    "a[/ b",
    "[@click=app.quit]v1[/]",
    "[link=https://evil.example]",
    "[type=x, v={'a[0]'}]",
    "$primary",
)
"""What would be markup, or end the program as broken markup. It is shown as it stands."""

WIDE: Final = {
    "CJK": "漢字" * 40,
    "joined": "👩\u200d🚀" * 30,
    "selector": "❤\ufe0f" * 30,
    "flags": "🇩🇪🇫🇷" * 20,
    "skin": "👍🏽" * 30,
    "marks": "e" + "\u0301" * 5_000,
    "long": "x" * 100_000,
}
"""What breaks a layout that counts wrongly."""


def hostile(field: str) -> str:
    """What `field` says: markup and an escape sequence, and then all that acts."""
    return f"!{field}[/oops]{_CLIPBOARD}{' '.join(ACTING)}"


def shown(field: str) -> str:
    """How the beginning of `hostile(field)` is shown; short enough to stand on one line."""
    return f"!{field}[/oops]␛]52"


def listed(kind: str) -> dict[str, str]:
    """Names for a list, each beginning with `kind` and a number → what is surely shown of it."""
    texts = [*ACTING.items(), *((text, text) for text in MARKUP)]
    return {f"{kind}{number:02}{text}": f"{kind}{number:02}{seen}"[:13] for number, (text, seen) in enumerate(texts)}


@contextmanager
def hostile_registry() -> Iterator[RegistryServer]:
    """Serve it."""
    with RegistryServer(_content(), page_size=20) as server:
        for name, (_, fault) in FAILING.items():
            server.fault(f"GET /v2/{name}/tags/list", times=None, **fault)
        for name, (_, headers) in CONTRADICTING.items():
            server.fault(f"GET /v2/{name}/manifests/", times=None, headers=headers)
        yield server


def _content() -> Content:
    content = Content()
    content.add_repositories([*listed("r"), *(f"wide/{text}" for text in WIDE.values()), *FAILING])
    content.add_image("aa/image", "1.0", config=_config(), fields={"annotations": {hostile("key"): hostile("value")}})
    content.add_tags("aa/image", listed("t"), like="1.0")
    content.add_image("aa/wide", "1.0", config=_wide_config())
    content.add_tags("aa/wide", WIDE.values(), like="1.0")
    content.add_image("aa/layers", "1.0", fields={"layers": [_layer(content, "aa/layers")]})
    nothing = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2}
    content.add_image("aa/artifact", "1.0", fields={"artifactType": hostile("artifact"), "config": nothing})
    content.add_image("aa/digest", "1.0", fields={"layers": [{"digest": hostile("layer-digest"), "size": 1}]})
    content.add_image("aa/type", "1.0", fields={"mediaType": hostile("media-type")})
    step = {"container_config": {"Cmd": [hostile("schema-1")]}}
    content.add_schema1("aa/schema1", "1.0", history=[step, {}])
    content.add_raw("aa/raw", "1.0", OCI_MANIFEST, _unescaped())
    _add_index(content, "aa/index")
    for name in CONTRADICTING:
        content.add_image(name, "1.0")
    return content


HISTORY_FIELDS: Final = ("command", "created_by", "comment")
CONFIG_FIELDS: Final = (
    *("entrypoint", "cmd", "user", "workdir", "env", "port", "volume", "stop", "shell", "build", "test"),
    *("label", "said", "author", "key", "value"),
)
LAYERS_FIELDS: Final = ("layer-type", "title", "on-layer", "about-layer", "url")


def _config() -> dict[str, Any]:
    return {
        "author": hostile("author"),
        "os": hostile("os"),
        "architecture": hostile("architecture"),
        "variant": hostile("variant"),
        "os.version": hostile("os.version"),
        "created": hostile("created"),
        "config": {
            "Entrypoint": [hostile("entrypoint")],
            "Cmd": [hostile("cmd")],
            "User": hostile("user"),
            "WorkingDir": hostile("workdir"),
            "Env": [f"{hostile('env')}={hostile('env value')}"],
            "ExposedPorts": {hostile("port"): {}},
            "Volumes": {hostile("volume"): {}},
            "StopSignal": hostile("stop"),
            "Shell": [hostile("shell")],
            "OnBuild": [hostile("build")],
            "Healthcheck": {"Test": ["CMD", hostile("test")]},
            "Labels": {hostile("label"): hostile("said")},
        },
        "history": [
            {"created_by": f"RUN {hostile('command')}"},
            {name: hostile(name) for name in ("created_by", "author", "created")},
            {"comment": hostile("comment"), "empty_layer": True},
        ],
    }


def _wide_config() -> dict[str, Any]:
    texts = WIDE.values()
    return {
        "config": {"Labels": {f"{number}{text}": text for number, text in enumerate(texts)}, "Env": [*texts]},
        "history": [{"created_by": f"ENV {text}", "empty_layer": True} for text in texts],
    }


def _layer(content: Content, repository: str) -> dict[str, Any]:
    return {
        "mediaType": hostile("layer-type"),
        "digest": content.add_blob(repository, b"a layer"),
        "size": 7,
        "annotations": {
            hostile("on-layer"): hostile("about-layer"),
            "org.opencontainers.image.title": hostile("title"),
        },
        "urls": [hostile("url"), "https://evil.example/layer"],
    }


def _unescaped() -> bytes:
    """A manifest with everything that JSON allows without a backslash."""
    text = "".join(char for char in "".join([*ACTING, WIDE["CJK"], WIDE["joined"]]) if char >= " " and char != "\\")
    manifest = {"schemaVersion": 2, "layers": [], "annotations": {"text": f"!raw{text}"}}
    return json.dumps(manifest, ensure_ascii=False).encode()


def _add_index(content: Content, name: str) -> None:
    platforms: list[dict[str, str]] = [
        {"os": hostile("os-a"), "architecture": hostile("arch-a"), "os.version": hostile("version-a")},
        {"os": "linux", "architecture": hostile("arch-b"), "variant": hostile("variant-b")},
        {"os": WIDE["joined"], "architecture": WIDE["CJK"], "variant": WIDE["marks"]},
    ]
    digests = [content.add_image(name, None, layers=[str(number).encode()]) for number in range(3)]
    manifests = [
        {"mediaType": OCI_MANIFEST, "digest": digest, "size": 500, "platform": platform}
        for digest, platform in zip(digests, platforms, strict=True)
    ]
    content.add_index(name, "1.0", fields={"manifests": manifests, "annotations": {"a": hostile("on-index")}})


def _error(field: str) -> bytes:
    return json.dumps({"errors": [{"code": hostile("code"), "message": hostile(field), "detail": "x"}]}).encode()


def _header(field: str) -> str:
    """Like `hostile`, in what goes over the wire in a header: no line's end, no NUL."""
    return "".join(char for char in hostile(field) if char not in "\x00\r\n")


FAILING: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "ab/body": (shown("message"), {"status": 403, "body": _error("message")}),
    "ab/page": (shown("page"), {"status": 403, "body": f"<html><title>{hostile('page')}</title>".encode()}),
    "ab/text": (shown("text"), {"status": 403, "body": hostile("text").encode()}),
    "ab/login": (shown("login"), {"body": f"<html><title>{hostile('login')}</title>".encode()}),
    "ab/json": ("is not JSON", {"body": b'{"tags": ["1.0", \x1b]52;c;aGVsbG8=\x07'}),
    "ab/half": ("is not JSON", {"body": b'{"tags": ["\\udc9b"]}'}),
    "ab/realm": ("who you are", {"status": 401, "headers": {"WWW-Authenticate": f'Basic realm="{_header("realm")}"'}}),
    "ab/scheme": ("who you are", {"status": 401, "headers": {"WWW-Authenticate": f"{_header('scheme')} a=b"}}),
    "ab/encoding": (shown("encoding"), {"headers": {"Content-Encoding": _header("encoding")}}),
    "ab/place": ("redirects to no", {"redirect": f"http://{_header('location')}/"}),
    "ab/query": ("redirects to no", {"redirect": f"?n={_header('query')}"}),
    "ab/wait": ("99,999", {"status": 429, "headers": {"Retry-After": "99999", "Warning": _header("warning")}}),
    "ab/link": ("/!link", {"body": b'{"tags": ["1"]}', "headers": {"Link": f"</{_header('link')}?n=1>; rel=next"}}),
}
"""Repositories whose tags are not to be had, or not all: what is shown, and how they fail."""

CONTRADICTING: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "ad/type": (shown("content-type"), {"Content-Type": _header("content-type")}),
    "ad/digest": (shown("claimed"), {"Docker-Content-Digest": _header("claimed")}),
    "ad/etag": ("COPY layer 1", {"ETag": f'"{_header("etag")}"', "Warning": f'299 - "{_header("warning")}"'}),
}
"""Repositories whose image 1.0 comes with headers: what is shown, and the headers."""
