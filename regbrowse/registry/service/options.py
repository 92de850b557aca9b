"""The options of the service: the flags of the Docker daemon, and their names in its JSON file (§5 of the seed)."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.service.config import validate_index_name
from regbrowse.registry.service.fields import flag_in, object_in, texts_in
from regbrowse.registry.service.mirrors import validate_mirror

_MIRRORS: Final = "registry-mirrors"
_INSECURE: Final = "insecure-registries"
_V2_ONLY: Final = "disable-legacy-registry"
_NONDISTRIBUTABLE: Final = "allow-nondistributable-artifacts"


@dataclass(slots=True)
class ServiceOptions:
    """What a service is told; `ServiceConfig.of` checks it. The flags of a command line fill it, so it can change.

    Attributes:
        mirrors: URLs of mirrors of Docker Hub.
        insecure_registries: Each `host`, `host:port` or `address/length`.
        v2_only: Never speak the v1 protocol.
        allow_nondistributable_artifacts: Registries that foreign layers may be pushed to, as `insecure_registries`.
    """

    mirrors: list[str] = field(default_factory=list)
    insecure_registries: list[str] = field(default_factory=list)
    v2_only: bool = False
    allow_nondistributable_artifacts: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, value: object) -> ServiceOptions:
        """Read an object with the daemon's keys, as `daemon.json` is one; its other keys are passed over.

        Raises:
            ConfigError: It is no object, or a value has a wrong type; the message names the key.
        """
        found = object_in(value, "The daemon's configuration")
        return cls(
            mirrors=list(texts_in(found, _MIRRORS)),
            insecure_registries=list(texts_in(found, _INSECURE)),
            v2_only=flag_in(found, _V2_ONLY),
            allow_nondistributable_artifacts=list(texts_in(found, _NONDISTRIBUTABLE)),
        )

    def to_json(self) -> dict[str, object]:
        """The object with the daemon's keys; what is empty or false is left out."""
        said: dict[str, object] = {
            _MIRRORS: list(self.mirrors),
            _INSECURE: list(self.insecure_registries),
            _V2_ONLY: self.v2_only,
            _NONDISTRIBUTABLE: list(self.allow_nondistributable_artifacts),
        }
        return {name: value for name, value in said.items() if value}

    def install_cli_flags(self, parser: argparse.ArgumentParser, *, v2_only: bool = True) -> None:
        """Add the daemon's flags to `parser`. What it parses is appended here, and is in its namespace as usual.

        A value that cannot be used ends the parsing as `argparse` does that. `--disable-legacy-registry` takes `=true`
        or `=false` and no value after a blank, so that what follows it stays an argument of its own.

        Args:
            parser: Gets `--registry-mirror`, `--insecure-registry`, `--allow-nondistributable-artifacts`, which may
                each come several times, and `--disable-legacy-registry`.
            v2_only: What `--disable-legacy-registry` is if it is not there, and from now on `v2_only` here. Docker's
                daemon has true since June 2017.
        """
        self.v2_only = v2_only

        def add_list(flag: str, into: list[str], check: Callable[[str], str], metavar: str, words: str) -> None:
            parser.add_argument(
                flag, action=_Append, into=into, type=_accepted_by(check), default=[], metavar=metavar, help=words
            )

        add_list("--registry-mirror", self.mirrors, validate_mirror, "URL", "ask this mirror of Docker Hub first")
        add_list(
            "--insecure-registry",
            self.insecure_registries,
            validate_index_name,
            "HOST|CIDR",
            "accept any certificate of this registry, and plain HTTP",
        )
        add_list(
            "--allow-nondistributable-artifacts",
            self.allow_nondistributable_artifacts,
            validate_index_name,
            "HOST|CIDR",
            "push foreign layers to this registry too, which may not be passed on everywhere",
        )
        words = "never speak the v1 protocol" + (" (this is so unless =false)" if v2_only else "")
        for spelling, value, help_text in (
            ("", True, words),
            ("=true", True, argparse.SUPPRESS),
            ("=false", False, argparse.SUPPRESS),
        ):
            parser.add_argument(
                f"--disable-legacy-registry{spelling}",
                dest="disable_legacy_registry",
                action=_DisableLegacy,
                nargs=0,
                const=value,
                default=v2_only,
                options=self,
                help=help_text,
            )


class _Append(argparse.Action):
    """Appends a value to the options and to the namespace."""

    def __init__(self, *args: Any, into: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._into = into

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        value = str(values)
        self._into.append(value)
        setattr(namespace, self.dest, [*getattr(namespace, self.dest), value])


class _DisableLegacy(argparse.Action):
    """Sets `v2_only` in the options, and the same in the namespace."""

    def __init__(self, *args: Any, options: ServiceOptions, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._options = options

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        self._options.v2_only = bool(self.const)
        setattr(namespace, self.dest, self._options.v2_only)


def _accepted_by(check: Callable[[str], str]) -> Callable[[str], str]:
    """What `check` makes of a value; on a command line, a value that it refuses is wrong use."""

    def take(value: str) -> str:
        try:
            return check(value)
        except ConfigError as error:
            words = f"{error.user_message.removesuffix('.')}. {error.next_step}"
            raise argparse.ArgumentTypeError(words) from None

    return take
