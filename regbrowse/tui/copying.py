"""What can be copied from where one is, and under which words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from regbrowse.browser.states import PlatformChoice
from regbrowse.registry.digest import Digest
from regbrowse.registry.reference import Target, digest_reference, is_repository_name, is_tag
from regbrowse.registry.text import SafeText, safe_text


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing to copy."""

    label: SafeText
    text: SafeText


def is_reference(target: Target) -> bool:
    """Whether the names in `target` are within the grammar. A registry may list others: nobody should paste those."""
    if target.repository and not is_repository_name(target.repository):
        return False
    return target.reference is None or target.reference.has_digest or is_tag(target.reference.text)


def obvious(target: Target) -> SafeText:
    """The reference, as one would write it after `docker pull`."""
    return safe_text(target.familiar_name)


def offers(
    target: Target,
    digest: Digest | None,
    line: SafeText,
    chosen: PlatformChoice | None = None,
    *,
    v1: tuple[str, str] | None = None,
) -> Sequence[Offer]:
    """Everything that can be copied about `target`, the obvious first.

    Args:
        digest: Of the image, if it is known.
        line: What the cursor is on in the image's pane: a step's command, a layer's digest.
        chosen: The platform that is shown, of an image that has several.
        v1: For a v1 registry, the base of its calls and the image's id: no tool of today speaks that protocol.
    """
    if not is_reference(target):
        return [Offer(safe_text("digest".ljust(20)), safe_text(digest))] if digest else []
    name = target.familiar_name
    found = [("reference", name)]
    if target.repository:
        if digest:
            pinned = Target(target.registry, target.repository, digest_reference(digest)).familiar_name
            found += [("reference by digest", pinned), ("digest", digest)]
        if chosen:
            only = Target(target.registry, target.repository, digest_reference(chosen.digest)).familiar_name
            found += [(f"{chosen.label}", only), (f"{chosen.label} digest", chosen.digest)]
        if v1:
            base, image_id = v1
            found += [("image id", image_id), ("curl", f"curl -s {base}images/{image_id}/json")]
        elif target.reference:
            whole = str(target)
            found += [
                ("docker", f"docker pull {name}"),
                ("podman", f"podman pull {whole}"),
                ("skopeo", f"skopeo inspect docker://{whole}"),
                ("crane", f"crane manifest {whole}"),
            ]
    if line:
        found.append(("this line", line))
    return [Offer(safe_text(label.ljust(20)), safe_text(text)) for label, text in found]
