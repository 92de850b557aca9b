"""The user's config file: read once, checked, and never written here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.reference import is_registry_host, parse_registry_address
from regbrowse.registry.service.insecure import read_insecure_registries
from regbrowse.registry.service.mirrors import validate_mirror
from regbrowse.registry.small_files import read_small_file
from regbrowse.registry.text import SafeText, safe_text

if TYPE_CHECKING:
    from yaml import Node

_DEPTH_LIMIT: Final = 20
_TAG: Final = "tag:yaml.org,2002:"
_NEXT_STEP: Final = "Correct that line, then start again."


@dataclass(frozen=True, slots=True)
class Settings:
    """What the config file says; what it does not say has its default.

    Attributes:
        theme: A theme's name, if one was chosen.
        insecure_registries: Checked `host`, `host:port` or `address/length`.
        registry_mirrors: Checked URLs, each with `/` at its end.
        disable_legacy_registry: Never speak the v1 protocol.
        certs_dir: In place of Docker's directory of certificates.
        keys: Keys by the id of the action that they are for. Whether there is such an action is not checked here.
        registries: Registries to offer.
        trusted_realms: By a registry's host, the hosts of token servers that may be told its logins, over https.
        netrc: Look for logins in `~/.netrc` too.
        unknown: Settings that this version does not know.
        notices: What the user should hear of, one sentence each.
    """

    theme: SafeText | None = None
    insecure_registries: tuple[str, ...] = ()
    registry_mirrors: tuple[str, ...] = ()
    disable_legacy_registry: bool = False
    certs_dir: Path | None = None
    keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    registries: tuple[str, ...] = ()
    trusted_realms: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    netrc: bool = False
    unknown: tuple[SafeText, ...] = ()
    notices: tuple[SafeText, ...] = ()


def load_settings(path: Path, *, must_exist: bool = False) -> Settings:
    """Read a config file.

    Args:
        path: A YAML file of at most 1 MiB, without aliases.
        must_exist: A missing file is an error, and not all defaults.

    Raises:
        ConfigError: The file cannot be read, or says something that it cannot mean. The message names file and line.
    """
    try:
        raw = read_small_file(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    if raw is None:
        if must_exist:
            raise ConfigError(f"There is no file {path}.")
        return Settings()
    return _Reader(path).read(raw)


class _Reader:
    """Turns the nodes of a YAML document into settings, and knows the line to complain about."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, raw: bytes) -> Settings:
        root = self._compose(raw)
        if root is None:
            return Settings()
        readers: dict[str, tuple[str, Callable[[Node], Any]]] = {
            "theme": ("theme", self._theme),
            "insecure-registries": ("insecure_registries", self._insecure),
            "registry-mirrors": ("registry_mirrors", self._mirrors),
            "disable-legacy-registry": ("disable_legacy_registry", self._flag),
            "certs-dir": ("certs_dir", self._folder),
            "keys": ("keys", self._keys),
            "registries": ("registries", self._registries),
            "trusted-realms": ("trusted_realms", self._trusted_realms),
            "netrc": ("netrc", self._flag),
        }
        found: dict[str, Any] = {}
        unknown: list[SafeText] = []
        notices: list[SafeText] = []
        settings = self._mapping(root, "settings, each as “name: value”", spelled=_with_dashes)
        for name, node in settings.items():
            if name not in readers:
                unknown.append(safe_text(name, limit=100))
                notices.append(
                    safe_text(f"{self._path}, line {_line(node)}: “{unknown[-1]}” is no setting known here.")
                )
            elif not _is_null(node):
                attribute, reader = readers[name]
                found[attribute] = reader(node)
        notices += read_insecure_registries(found.get("insecure_registries", ())).notices
        return Settings(**found, unknown=tuple(unknown), notices=tuple(notices))

    def _compose(self, raw: bytes) -> Node | None:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # many times as fast, if it was built
        try:
            depth = 0
            for event in yaml.parse(raw, Loader=loader):
                depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
                if depth > _DEPTH_LIMIT:
                    self._fail(_line_of(event.start_mark), "this is nested too deep")
                if isinstance(event, yaml.AliasEvent):
                    self._fail(_line_of(event.start_mark), "aliases (*name) are not allowed here")
            node: Node | None = yaml.compose(raw, Loader=loader)
        except yaml.MarkedYAMLError as error:
            self._fail(_line_of(error.problem_mark), f"this is not YAML: {error.problem or error.context}")
        except (yaml.YAMLError, UnicodeError):
            raise ConfigError(f"{self._path} is not text in UTF-8, or holds control characters.") from None
        return None if node is None or _is_null(node) else node

    def _theme(self, node: Node) -> SafeText:
        return safe_text(self._text(node, "a theme's name"), limit=100)

    def _insecure(self, node: Node) -> tuple[str, ...]:
        return self._checked_texts(node, "registries", lambda text: _same(text, read_insecure_registries([text])))

    def _mirrors(self, node: Node) -> tuple[str, ...]:
        return self._checked_texts(node, "URLs", validate_mirror)

    def _flag(self, node: Node) -> bool:
        if node.tag != f"{_TAG}bool":
            self._expected(node, "true or false")
        return str(node.value).lower() in ("true", "yes", "on")

    def _folder(self, node: Node) -> Path:
        return Path(self._text(node, "a folder")).expanduser()

    def _keys(self, node: Node) -> Mapping[str, str]:
        pairs = self._mapping(node, "actions with their keys, each as “action: key”")
        return MappingProxyType({name: self._text(key, "a key", of_any_tag=True) for name, key in pairs.items()})

    def _registries(self, node: Node) -> tuple[str, ...]:
        import yaml

        if isinstance(node, yaml.MappingNode):
            named = [(name, _line(value)) for name, value in self._mapping(node, "registries").items()]
        else:
            named = [(self._text(entry, "a registry"), _line(entry)) for entry in self._sequence(node, "registries")]
        return tuple(self._checked(name, line, lambda text: str(parse_registry_address(text))) for name, line in named)

    def _trusted_realms(self, node: Node) -> Mapping[str, tuple[str, ...]]:
        pairs = self._mapping(node, "registries, each with a list of its token servers", spelled=self._registry_host)
        return MappingProxyType(
            {host: self._checked_texts(realms, "token servers", _token_server) for host, realms in pairs.items()}
        )

    def _registry_host(self, text: str, line: int) -> str:
        return self._checked(text, line, _registry_host)

    def _checked_texts(self, node: Node, what: str, check: Callable[[str], str]) -> tuple[str, ...]:
        entries = self._sequence(node, what)
        return tuple(self._checked(self._text(entry, "a text"), _line(entry), check) for entry in entries)

    def _checked(self, text: str, line: int, check: Callable[[str], str]) -> str:
        try:
            return check(text)
        except ConfigError as error:
            raise ConfigError(f"{self._path}, line {line}: {error.user_message}", error.next_step) from None

    def _mapping(
        self, node: Node, what: str, spelled: Callable[[str, int], str] = lambda name, line: name
    ) -> dict[str, Node]:
        """The values by their names, each spelled as `spelled` says, which is told the line too."""
        import yaml

        if not isinstance(node, yaml.MappingNode):
            self._expected(node, what)
        found: dict[str, Node] = {}
        for key, value in node.value:
            name = spelled(self._text(key, "a name", of_any_tag=True), _line(key))
            if name in found:
                self._fail(_line(key), f"“{name}” is there a second time")
            found[name] = value
        return found

    def _sequence(self, node: Node, what: str) -> list[Node]:
        import yaml

        if not isinstance(node, yaml.SequenceNode):
            self._expected(node, f"a list of {what}, each after a “-”")
        return list(node.value)

    def _text(self, node: Node, what: str, *, of_any_tag: bool = False) -> str:
        import yaml

        if not isinstance(node, yaml.ScalarNode) or not (of_any_tag or node.tag == f"{_TAG}str") or not node.value:
            self._expected(node, what)
        return str(node.value)

    def _expected(self, node: Node, what: str) -> NoReturn:
        self._fail(_line(node), f"{what} should stand here")

    def _fail(self, line: int, what: str) -> NoReturn:
        raise ConfigError(f"{self._path}, line {line}: {safe_text(what, limit=300)}.", _NEXT_STEP)


def _line(node: Node) -> int:
    return _line_of(node.start_mark)


def _line_of(mark: Any) -> int:
    return int(mark.line) + 1 if mark is not None else 1


def _is_null(node: Node) -> bool:
    return bool(node.tag == f"{_TAG}null")


def _same(text: str, _: object) -> str:
    return text


def _with_dashes(name: str, _: int) -> str:
    return name.replace("_", "-")


def _registry_host(text: str) -> str:
    """The host of a registry as its address has it.

    Raises:
        ConfigError: It is more than a host, or none.
    """
    address = parse_registry_address(text)
    if address.scheme or address.prefix:
        raise ConfigError(f"“{safe_text(text, limit=100)}” is more than a registry's host.", "Write it as its host.")
    return address.host


def _token_server(text: str) -> str:
    """The host of a token server, with its port unless that is 443.

    Raises:
        ConfigError: It is neither a host nor an origin of https.
    """
    host = text.removeprefix("https://").removesuffix("/").lower().removesuffix(":443")
    if not is_registry_host(host):
        raise ConfigError(
            f"“{safe_text(text.rpartition('@')[2], limit=100)}” is no token server's host.",
            "Write it as auth.corp, or as https://auth.corp:8443; logins go there over https only.",
        )
    return host
