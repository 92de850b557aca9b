"""What the registries of some vendors want of a login: a hint for people, by the host's name alone.

Nothing is run and nobody is asked for it. The facts are those of registry-client.md §3.2.
"""

from __future__ import annotations

import re
from typing import Final

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ECR: Final = rf"[0-9]{{12}}\.dkr\.ecr(?:-fips)?\.(?P<region>{_LABEL})\.amazonaws\.com(?:\.cn)?"
_ECR_STEP: Final = (
    "A password of ECR lasts 12 hours. For a new one run “aws {service} get-login-password --region {region}"
    " | docker login --username AWS --password-stdin {host}”, or use the helper docker-credential-ecr-login."
)

_STEPS: Final = (
    (re.compile(_ECR), _ECR_STEP.replace("{service}", "ecr")),
    (re.compile(r"public\.ecr\.aws"), _ECR_STEP.replace("{service}", "ecr-public").replace("{region}", "us-east-1")),
    (
        re.compile(rf"(?:{_LABEL}\.)*gcr\.io|{_LABEL}-docker\.pkg\.dev"),
        "To log in with an account of Google Cloud, run “gcloud auth configure-docker {host}”.",
    ),
    (
        re.compile(rf"(?P<name>{_LABEL})\.azurecr\.io"),
        "To log in with an account of Azure, run “az acr login --name {name}”.",
    ),
    (
        re.compile(r"ghcr\.io"),
        "Its password is a token of GitHub that may read packages: run “docker login {host}”, for instance.",
    ),
)
"""Patterns of hosts, and the next step there; `{host}` and the groups of the pattern are filled in."""

_EXPIRING: Final = re.compile(rf"{_ECR}|public\.ecr\.aws")
_GITHUB_TOKEN: Final = re.compile(r"(?:gh[a-z]|github_pat)_\w+", re.ASCII)


def vendor_step(host: str) -> str:
    """What to do about a login that is missing or refused at the registry `host`; empty if nothing is known of it."""
    for pattern, step in _STEPS:
        if match := pattern.fullmatch(host.lower()):
            return step.format(host=host.lower(), **match.groupdict())
    return ""


def says_expired(host: str, status: int, body: bytes) -> bool:
    """Whether this answer is how `host` says that the time of a login is over.

    ECR does so with 403, its public one with 400, both without a challenge.
    """
    return status in (400, 403) and b"expired" in body.lower() and _EXPIRING.fullmatch(host.lower()) is not None


def is_no_bearer(host: str, token: str) -> bool:
    """Whether `token` is one that `host` knows only as a password at its token server.

    GHCR refuses GitHub's own tokens where they come in the place of its tokens, with a 403 that asks for nothing.
    """
    return host.lower() == "ghcr.io" and _GITHUB_TOKEN.fullmatch(token) is not None
