"""Repositories of images that were released over time: version tags, rolling tags, builds and nightlies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from regbrowse.demo.builds import ALPINE, APPLICATIONS, MIRRORED, NGINX, PYTHON, SERVICE
from regbrowse.demo.layout import Recipe, Repository
from regbrowse.demo.recipes import NEWEST, Build, for_platforms, image, made_up_digest, number, pick

_SERVERS: Final = ("linux/amd64", "linux/arm64/v8")
_DOCKER_OFFICIAL: Final = (
    "linux/amd64",
    "linux/arm/v5",
    "linux/arm/v7",
    "linux/arm64/v8",
    "linux/386",
    "linux/ppc64le",
    "linux/s390x",
)
_SERVICE_RELEASES: Final = (("1.0", 5), ("1.1", 7), ("1.2", 6), ("1.3", 10), ("1.4", 3))
_SERVICE_PREVIEWS: Final = (
    "1.4.0-rc.1",
    "1.4.0-rc.2",
    "2.0.0-alpha.1",
    "2.0.0-alpha.2",
    "2.0.0-beta.1",
    "2.0.0-rc.1",
)


def service() -> Repository:
    """`team/service`: some ninety tags of every fashion, `latest` the same as the newest release."""
    releases = [f"{line}.{patch}" for line, patches in _SERVICE_RELEASES for patch in range(patches)]
    dates = _backwards("service", len(releases), timedelta(days=13))
    recipes: dict[str, Recipe] = {}
    for version, made in zip(reversed(releases), dates, strict=True):
        if version.startswith("1.0."):
            recipes[version] = partial(image, SERVICE, version, made=made)
        else:
            recipes[version] = partial(for_platforms, SERVICE, version, _SERVERS, made=made, attested=True)
    for line, patches in _SERVICE_RELEASES:
        recipes[line] = recipes[f"{line}.{patches - 1}"]
    newest = recipes["1.4.2"]
    recipes |= dict.fromkeys(("latest", "stable", "1", "build-000499", _commit("service", 499)), newest)
    for version, made in zip(reversed(_SERVICE_PREVIEWS), _backwards("preview", 6, timedelta(days=9)), strict=True):
        recipes[version] = partial(
            for_platforms, SERVICE, version, _SERVERS, made=made - timedelta(days=1), attested=True
        )
    for build, made in zip(range(498, 479, -1), _backwards("build", 19, timedelta(hours=20)), strict=True):
        recipe = partial(image, SERVICE, f"0.0.0-build.{build}", made=made - timedelta(hours=7))
        recipes[f"build-{build:06}"] = recipe
        if build % 2:
            recipes[_commit("service", build)] = recipe
    for day in range(10):
        made = NEWEST.replace(hour=2, minute=11) - timedelta(days=day)
        version = f"nightly-{made:%Y-%m-%d}"
        recipes[version] = partial(for_platforms, SERVICE, version, _SERVERS, made=made)
        if day < 2:
            recipes[f"{made:%Y%m%d}"] = recipes[version]
    recipes |= dict.fromkeys(("main", "edge"), recipes[f"{NEWEST:%Y%m%d}"])
    return Repository(recipes)


def ci_builds(tags: int = 12_000) -> Repository:
    """`ci/builds`: thousands of tags, six for each image."""
    recipes: dict[str, Recipe] = {}
    for build in range(tags // 6):
        made = NEWEST - timedelta(minutes=37 * (tags // 6 - build))
        recipe = partial(image, PYTHON, f"0.{build}", made=made)
        branch = pick(f"branch {build}", ("main", "release-1.4", "renovate", "feature-login", "fix-timeouts"))
        commit = _commit("ci", build)
        recipes |= dict.fromkeys(
            (
                f"build-{build:06}",
                f"{branch}-{build}",
                f"{branch}-{commit}",
                commit,
                f"pipeline-{48_213_000 + build * 7}",
                f"{made:%Y%m%d}-{build:06}",
            ),
            recipe,
        )
    return Repository(recipes)


def mirrored_nginx() -> Repository:
    """`mirror/library/nginx`: an image for many platforms with BuildKit's attestations."""
    releases = ("1.26.3", "1.27.5", "1.28.0", "1.29.2", "1.29.3")
    dates = _backwards("nginx", len(releases), timedelta(days=40))
    recipes: dict[str, Recipe] = {
        version: partial(for_platforms, NGINX, version, _DOCKER_OFFICIAL, made=made, attested=True)
        for version, made in zip(reversed(releases), dates, strict=True)
    }
    recipes |= {line: recipes[version] for line, version in (("1.26", "1.26.3"), ("1.27", "1.27.5"))}
    recipes |= dict.fromkeys(("stable", "1.28"), recipes["1.28.0"])
    recipes |= dict.fromkeys(("latest", "mainline", "1", "1.29"), recipes["1.29.3"])
    return Repository(recipes)


def ordinary(name: str) -> Repository:
    """Any other repository: a few releases of something, as its name decides."""
    last = name.rpartition("/")[2]
    build = MIRRORED.get(last, ALPINE) if name.startswith("mirror/") else pick(name, APPLICATIONS)
    newest = NEWEST - timedelta(hours=number(f"{name} newest", 5, 4_000))
    versions = _versions(name, number(f"{name} tags", 3, 48))
    several = number(f"{name} platforms", 0, 2)
    recipes: dict[str, Recipe] = {}
    for version, made in zip(
        reversed(versions), _backwards(name, len(versions), timedelta(days=17), newest), strict=True
    ):
        recipes[version] = (
            partial(for_platforms, build, version, _SERVERS, made=made, attested=several == 2)
            if several
            else partial(image, build, version, made=made, docker=number(f"{name} docker", 0, 3) == 0)
        )
    recipes["latest"] = recipes[versions[-1]]
    return Repository(recipes)


def of_images(builds: Iterable[tuple[str, Build]]) -> Repository:
    """A repository with one plain image for each tag."""
    return Repository({tag: partial(image, build, tag) for tag, build in builds})


def _versions(seed: str, count: int) -> Sequence[str]:
    """Versions in the order of their release."""
    major, minor, patch = number(f"{seed} major", 0, 4), number(f"{seed} minor", 0, 9), 0
    versions = []
    for place in range(count):
        versions.append(f"{major}.{minor}.{patch}")
        turn = number(f"{seed} {place}", 0, 11)
        if turn == 0:
            major, minor, patch = major + 1, 0, 0
        elif turn < 5:
            minor, patch = minor + 1, 0
        else:
            patch += 1
    return versions


def _backwards(seed: str, count: int, apart: timedelta, newest: datetime = NEWEST) -> Sequence[datetime]:
    """Moments from `newest` into the past, `apart` on average."""
    moments = []
    moment = newest
    for place in range(count):
        moments.append(moment)
        moment -= apart * number(f"{seed} {place} apart", 20, 180) / 100
    return [moment.replace(microsecond=0) for moment in moments]


def _commit(seed: str, place: int) -> str:
    return f"sha-{made_up_digest(f'{seed} {place}')[7:14]}"
