"""What a screen is given to draw: frozen states, each of which says whether it is loading, ready, empty or failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from regbrowse.registry.digest import Digest
from regbrowse.registry.errors import (
    CredentialError,
    DeniedError,
    HTTPStatusError,
    LoginNeededError,
    RealmNotTrustedError,
    RegistryError,
    UnauthorizedError,
    UnsafeLoginError,
    WrongLoginError,
)
from regbrowse.registry.models import Document, ImageConfig, Manifest, Platform, Step
from regbrowse.registry.reference import Target
from regbrowse.registry.text import SafeText, safe_text

_NONE = SafeText("")


class Phase(Enum):
    """How far a state has come."""

    LOADING = "loading"
    READY = "ready"
    EMPTY = "empty"
    FAILED = "failed"


class Asks(Enum):
    """What a failure asks of the user, beside patience."""

    NOTHING = "nothing"
    MAY_LOG_IN = "a login, or another one, may help"
    LOGIN = "a login: nothing goes without"
    TRUST_REALM = "whether a token server may be told the login"
    UNSAFE_LOGIN = "whether the login may go over a connection that is not safe"


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, for a person: what happened, and what to do next.

    Attributes:
        brief: The same for a row, with what tells most at its beginning.
        asks: What the user is to decide, if that would help.
        realm: The token server's host, where that is the question.
    """

    sentence: SafeText
    next_step: SafeText
    brief: SafeText
    asks: Asks = Asks.NOTHING
    realm: SafeText = _NONE

    @classmethod
    def of(cls, error: RegistryError) -> Problem:
        brief = f"{error.status}: {error.user_message}" if isinstance(error, HTTPStatusError) else error.user_message
        realm = error.realm if isinstance(error, RealmNotTrustedError) else _NONE
        return cls(error.user_message, error.next_step, safe_text(brief), _asks(error), realm)


def _asks(error: RegistryError) -> Asks:
    match error:
        case RealmNotTrustedError():
            return Asks.TRUST_REALM
        case UnsafeLoginError():
            return Asks.UNSAFE_LOGIN
        case LoginNeededError() | WrongLoginError():
            return Asks.LOGIN
        case UnauthorizedError() | DeniedError() | CredentialError():
            return Asks.MAY_LOG_IN
    return Asks.NOTHING


@dataclass(frozen=True, slots=True)
class Listing:
    """Names as far as they have come: a catalog's repositories, or a repository's tags.

    Attributes:
        names: Never changed once given; a later state has a longer sequence.
        phase: LOADING while pages still come, FAILED also when pages came before the failure.
        problem: Set when FAILED.
        notice: Something to say about a list that is READY, such as why it stops early.
        known: Repositories to offer where the catalog gives none: visited, or named by a login.
    """

    names: Sequence[SafeText] = ()
    phase: Phase = Phase.LOADING
    problem: Problem | None = None
    notice: SafeText = _NONE
    known: tuple[SafeText, ...] = ()


@dataclass(frozen=True, slots=True)
class TagDetails:
    """What a row of the tag list says beside the name.

    Attributes:
        digest: Of what the tag names (the index, for a multi-platform image).
        image_id: In place of the digest, where a v1 registry has none.
        size: Bytes of the layers to transfer, for the platform that is preferred.
        platforms: All of them, attestations left out.
        artifact: What it is, if it is no image ("Helm chart", "signature", ...).
    """

    phase: Phase = Phase.LOADING
    digest: Digest | None = None
    size: int | None = None
    created: datetime | None = None
    platforms: tuple[Platform, ...] = ()
    artifact: SafeText = _NONE
    problem: Problem | None = None
    image_id: SafeText = _NONE

    @property
    def identity(self) -> str | None:
        """What two tags have in common that name the same image."""
        return self.digest or self.image_id or None


@dataclass(frozen=True, slots=True)
class PlatformChoice:
    """One of the images under an index.

    Attributes:
        label: `linux/arm64/v8`, or the artifact type or short digest where no platform is said.
        attestations: How many attestations are about it.
    """

    digest: Digest
    label: SafeText
    size: int
    attestations: int = 0


@dataclass(frozen=True, slots=True)
class ImageState:
    """An image, as far as it is known: the document that its name leads to, then the one of the chosen platform.

    Attributes:
        target: What was opened.
        document: What the name leads to: an index, a manifest or a schema 1.
        choices: The images of an index, nested ones included; empty for a single manifest.
        chosen: Which of them is shown.
        manifest: The chosen image's manifest as a document; the same as `document` for a single image.
        artifact: What it is, if it is no image ("Helm chart", "signature", ...); empty for an image.
        steps: History joined with layers, oldest first.
        same: Other tags known to have the same digest.
        raw_config: The configuration's bytes; for an artifact, those of its own kind of configuration.
        image_id: The image's id on a v1 registry, which has it in place of documents and digests.
    """

    target: Target
    phase: Phase = Phase.LOADING
    problem: Problem | None = None
    document: Document | None = None
    choices: tuple[PlatformChoice, ...] = ()
    chosen: PlatformChoice | None = None
    manifest: Document | None = None
    config: ImageConfig | None = None
    steps: tuple[Step, ...] = ()
    artifact: SafeText = _NONE
    same: tuple[SafeText, ...] = ()
    raw_config: bytes | None = field(default=None, repr=False)
    image_id: SafeText = _NONE

    @property
    def is_found(self) -> bool:
        """Whether the registry gave what the name leads to."""
        return self.document is not None or bool(self.image_id)

    @property
    def identity(self) -> str | None:
        """What two tags have in common that name the same image."""
        return self.document.digest if self.document else self.image_id or None

    @property
    def size(self) -> int | None:
        """Bytes to transfer, or None while they are not known (and for schema 1, which does not say)."""
        if self.image_id:
            sizes = [step.size for step in self.steps]
            return None if None in sizes else sum(size for size in sizes if size)
        content = self.manifest.content if self.manifest else None
        return content.size if isinstance(content, Manifest) else None
