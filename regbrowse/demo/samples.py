"""What the sample registry holds: repositories by name, made when first asked for, and a guide to what they show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from regbrowse.demo import artifacts, oddities, releases
from regbrowse.demo.hosts import DEMO_HOST, EMPTY_HOST, FORBIDDEN_HOST, MISSING_HOST
from regbrowse.demo.layout import Repository
from regbrowse.demo.names import ORDINARY

_SPECIAL: Final[Mapping[str, Callable[[], Repository]]] = {
    "artifacts/wasm-filter": artifacts.wasm,
    "charts/service": artifacts.charts,
    "ci/builds": releases.ci_builds,
    "demo/histories": oddities.histories,
    "demo/hostile-labels": oddities.hostile_labels,
    "legacy/shop": artifacts.legacy,
    "mirror/library/nginx": releases.mirrored_nginx,
    "platform/everywhere": artifacts.everywhere,
    "states/broken": oddities.broken,
    "states/deleted": partial(oddities.refusing, 404, "NAME_UNKNOWN", "repository name not known to registry"),
    "states/empty": oddities.empty,
    "states/forbidden": partial(
        oddities.refusing,
        403,
        "DENIED",
        "requested access to the resource is denied: ask the owners of states/forbidden",
    ),
    "states/half-listed": oddities.half_listed,
    "states/odd-tags": oddities.odd_tags,
    "states/slow": oddities.slow,
    "states/unauthorized": partial(
        oddities.refusing,
        401,
        "UNAUTHORIZED",
        "authentication required",
        ("WWW-Authenticate", 'Basic realm="registry.demo"'),
    ),
    "team/service": releases.service,
    "team/signed": artifacts.signed,
}


def names() -> Sequence[str]:
    """Every repository's name, sorted."""
    return sorted((*_SPECIAL, *ORDINARY))


def repository(name: str) -> Repository | None:
    """Make the repository of this name, or None if there is none."""
    special = _SPECIAL.get(name)
    if special:
        return special()
    return releases.ordinary(name) if name in ORDINARY else None


@dataclass(frozen=True, slots=True)
class State:
    """Something that regbrowse can be seen to cope with, and where.

    Attributes:
        repository: Empty for what the catalog itself shows.
        tag: Empty for what the list of tags shows.
        shows: In a few words.
        host: The face of the sample registry that shows it.
    """

    repository: str
    tag: str
    shows: str
    host: str = DEMO_HOST


STATES: Final = (
    State("", "", "a catalog of several hundred repositories, coming in pages"),
    State("", "", "a catalog that is forbidden, though images can be opened by name", FORBIDDEN_HOST),
    State("", "", "a catalog without repositories", EMPTY_HOST),
    State("", "", "a registry without a catalog", MISSING_HOST),
    State("team/service", "", "tags of every fashion: versions, previews, builds, commits, nightlies"),
    State("team/service", "latest", "a tag that is the same as the newest version"),
    State("ci/builds", "", "twelve thousand tags, coming in pages, six for each image"),
    State("ci/builds", "build-001999", "one image of very many"),
    State("mirror/library/nginx", "1.29.3", "many platforms, each with its attestations"),
    State("platform/everywhere", "3.2.0", "many platforms"),
    State("platform/everywhere", "with-windows", "a platform with an operating system's version"),
    State("platform/everywhere", "nested", "an index in an index"),
    State("legacy/shop", "0.1-schema1", "Docker schema 1"),
    State("legacy/shop", "0.2-schema1-signed", "Docker schema 1, signed"),
    State("legacy/shop", "1.0-schema2", "Docker schema 2"),
    State("legacy/shop", "1.1-list", "a Docker manifest list"),
    State("charts/service", "0.9.1", "a Helm chart"),
    State("artifacts/wasm-filter", "0.3.0", "a WebAssembly module"),
    State("team/signed", "1.2.0", "an image with a signature, an attestation and an SBOM beside it"),
    State("team/signed", "1.2.0-sbom", "an SBOM that names its subject"),
    State("demo/histories", "old-builder", "a history by Docker's first builder"),
    State("demo/histories", "buildkit", "a history by BuildKit, with long commands"),
    State("demo/histories", "heredoc", "steps of several lines"),
    State("demo/histories", "fewer-entries-than-layers", "layers that the history does not mention"),
    State("demo/histories", "more-entries-than-layers", "history for layers that are not there"),
    State("demo/histories", "none", "no history and no date"),
    State("demo/histories", "reproducible", "an image made in 1970"),
    State("demo/histories", "only-empty-layers", "an image without layers"),
    State("demo/histories", "very-long", "more than a hundred layers"),
    State("demo/hostile-labels", "labels", "labels with escape sequences, hidden characters and markup"),
    State("demo/hostile-labels", "half-a-pair", "a label whose JSON holds half of a surrogate pair"),
    State("demo/hostile-labels", "long-labels", "labels of thousands of characters"),
    State("demo/hostile-labels", "history", "a history with hostile text"),
    State("demo/hostile-labels", "settings", "environment and entry point with hostile text"),
    State("states/slow", "", "a list of tags that takes its time"),
    State("states/slow", "latest", "an image that takes its time"),
    State("states/empty", "", "a repository without tags"),
    State("states/deleted", "", "a repository that the catalog still lists and the registry does not know"),
    State("states/forbidden", "", "a repository that may not be read"),
    State("states/unauthorized", "", "a repository for which one must log in"),
    State("states/half-listed", "", "a list of tags that fails after its first page"),
    State("states/odd-tags", "", "tags outside the grammar"),
    State("states/broken", "works", "an image beside broken ones"),
    State("states/broken", "wrong-digest", "a digest in the header that is not the content's"),
    State("states/broken", "altered-platform", "an image of an index that was altered"),
    State("states/broken", "altered-config", "a configuration that was altered"),
    State("states/broken", "no-config", "an image whose configuration and layers are gone"),
    State("states/broken", "not-json", "a manifest that is cut short"),
    State("states/broken", "not-a-manifest", "JSON that is no manifest"),
    State("states/broken", "html", "a login page in place of a manifest"),
    State("states/broken", "gone", "a tag that was deleted meanwhile"),
    State("states/broken", "error-500", "a registry that fails"),
    State("states/broken", "error-503-html", "a proxy that fails, in HTML"),
    State("states/broken", "rate-limited", "too many requests"),
)
"""All there is to see, for the documentation and for the tests."""
