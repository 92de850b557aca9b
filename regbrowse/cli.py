"""The door: arguments, exit status, and putting the parts together.

`--help`, `--version` and `--check` import no Textual.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from regbrowse import __version__
from regbrowse.registry.constants import CERTS_DIR
from regbrowse.registry.errors import ConfigError, RegistryError
from regbrowse.registry.proxies import DIRECTLY, Proxies
from regbrowse.registry.reference import RegistryAddress, Target, parse_target
from regbrowse.registry.service.config import ServiceConfig
from regbrowse.registry.service.mirrors import validate_mirror
from regbrowse.registry.service.options import ServiceOptions

if TYPE_CHECKING:
    from regbrowse.browser.journal import Journal
    from regbrowse.browser.registries import Registries
    from regbrowse.registry.docker_http import RequestModifier
    from regbrowse.registry.service.default import DefaultService
    from regbrowse.registry.tls import TLSConfig
    from regbrowse.registry.wire import httpx
    from regbrowse.settings.configuration import Settings
    from regbrowse.settings.locations import Locations

FAILED: Final = 1
WRONG_USE: Final = 2

_TARGETS: Final = """\
TARGET is
  a registry          registry.corp:5000, localhost:5000, https://host/prefix
  a repository        registry.corp:5000/team/app
  an image            registry.corp:5000/team/app:1.2, …@sha256:<hex>
  a Docker Hub name   nginx, library/nginx:1.27, docker.io/bitnami/redis
  nothing             the registries already known here

Press ? in the program for its keys.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit status is 0, 1 after a failure that was said, 2 for a wrong command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a plain locale shall cost a few characters, not the answer
    options = _parser().parse_args(arguments)
    gc.disable()  # until the first paint: a sixth of the start is the collector looking at modules
    try:
        return _run(options)
    except RegistryError as error:
        print(f"regbrowse: {_words(error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # who read this has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    finally:
        gc.enable()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="regbrowse",
        description="Browse Docker and OCI registries in the terminal: repositories, tags, and an image's history.",
        epilog=_TARGETS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", metavar="TARGET", nargs="?", help="what to open, see below")
    parser.add_argument(
        "--demo", action="store_true", help="browse sample images inside the process, without a network"
    )
    parser.add_argument(
        "--registry-mirror",
        metavar="URL",
        type=_accepted_by(validate_mirror),
        action="append",
        default=[],
        help="ask this mirror of Docker Hub first",
    )
    parser.add_argument(
        "--insecure-registry",
        metavar="HOST|CIDR",
        type=_accepted_by(lambda entry: ServiceConfig().with_insecure_registries([_as_addressed(entry)])),
        action="append",
        default=[],
        help="accept any certificate of this registry, and plain HTTP",
    )
    parser.add_argument("--disable-legacy-registry", action="store_true", help="never speak the v1 protocol")
    parser.add_argument("--certs-dir", metavar="DIR", type=Path, help="instead of /etc/docker/certs.d")
    parser.add_argument("--config", metavar="FILE", type=Path, help="instead of your config file (or REGBROWSE_CONFIG)")
    parser.add_argument("--theme", metavar="NAME", help="the colours: harbour, paper, contrast, terminal, or your own")
    parser.add_argument("--check", action="store_true", help="no screen: say step by step how TARGET is reached")
    parser.add_argument(
        "--log", metavar="FILE", type=Path, help="write requests and decisions there, without any secret"
    )
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    parser.add_argument("--version", action="version", version=f"regbrowse {__version__}")
    return parser


def _accepted_by(check: Callable[[str], object]) -> Callable[[str], str]:
    """A value that `check` accepts: on the command line another one is wrong use, in the config file a failure."""

    def take(value: str) -> str:
        try:
            check(value)
        except ConfigError as error:
            raise argparse.ArgumentTypeError(_words(error)) from None
        return value

    return take


def _words(error: RegistryError) -> str:
    return f"{error.user_message.removesuffix('.')}. {error.next_step}"


def _run(options: argparse.Namespace) -> int:
    from regbrowse.settings.configuration import load_settings
    from regbrowse.settings.locations import Locations

    locations = Locations.of(os.environ)
    config, named = options.config, os.environ.get("REGBROWSE_CONFIG")
    settings = load_settings(config or locations.config_file, must_exist=bool(config or named))
    target = _target(options)
    registries = _registries(options, settings, locations)
    if options.check:
        return asyncio.run(_check(registries, target or Target(RegistryAddress("docker.io"))))
    return _show(options, settings, locations, registries, target)


def _target(options: argparse.Namespace) -> Target | None:
    from regbrowse.demo import DEMO_HOST

    default = RegistryAddress(DEMO_HOST) if options.demo else None
    if options.target is None:
        return Target(default) if default else None
    try:
        return parse_target(options.target, default)
    except RegistryError as error:
        _parser().exit(WRONG_USE, f"regbrowse: {_words(error)}\n")


def _registries(options: argparse.Namespace, settings: Settings, locations: Locations) -> Registries:
    from regbrowse.browser.journal import Journal
    from regbrowse.browser.registries import Registries
    from regbrowse.credentials.chain import CredentialChain
    from regbrowse.demo import DEMO_HOSTS, demo_transport
    from regbrowse.registry.challenge_memory import ChallengesFile
    from regbrowse.settings.visited import Visited

    if options.certs_dir and not options.certs_dir.is_dir():
        raise ConfigError(f"The certificates directory {options.certs_dir} is not there.")
    if options.demo:
        offered = [(host, "demo") for host in DEMO_HOSTS]
    else:
        offered = [(host, "config file") for host in settings.registries]
    proxies = DIRECTLY if options.demo else Proxies.of(os.environ)
    journal = Journal(options.log)
    service = _service(options, settings, journal, proxies)
    if options.demo:
        return Registries(CredentialChain(), service, Visited.load(None), journal, offered=offered, demo=demo_transport)
    return Registries(
        CredentialChain.of(os.environ, config_folder=locations.config_folder, netrc=settings.netrc),
        service,
        Visited.load(locations.visited_file),
        journal,
        offered=offered,
        realms=settings.trusted_realms,
        memory=ChallengesFile(locations.challenges_file),
        proxies=proxies,
    )


def _service(options: argparse.Namespace, settings: Settings, journal: Journal, proxies: Proxies) -> DefaultService:
    """The service of what the config file and the command line say together.

    Beside Docker's 127.0.0.0/8, the other loopback address is insecure from the start, as in today's Docker.
    """
    from regbrowse.registry.service.default import DefaultService

    def make_transport(tls: TLSConfig, modifiers: Sequence[RequestModifier]) -> httpx.AsyncBaseTransport:
        from regbrowse.demo import demo_transport
        from regbrowse.registry.docker_http import new_transport
        from regbrowse.registry.exchange import ObservedTransport

        made = demo_transport() if options.demo else new_transport(tls, modifiers, proxies=proxies)
        return ObservedTransport(made, journal)

    insecure = [_as_addressed(entry) for entry in (*settings.insecure_registries, *options.insecure_registry)]
    return DefaultService(
        ServiceOptions(
            mirrors=[*settings.registry_mirrors, *options.registry_mirror],
            insecure_registries=[*insecure, "::1/128", "[::1]"],
            v2_only=settings.disable_legacy_registry or options.disable_legacy_registry,
        ),
        certs_dir=options.certs_dir or settings.certs_dir or CERTS_DIR,
        make_transport=make_transport,
    )


def _as_addressed(entry: str) -> str:
    """An insecure registry as `parse_registry_address` spells it: the service compares texts as they are."""
    entry = entry.strip().lower().removesuffix("/")
    return f"[{entry}]" if entry.count(":") > 1 and not set(entry) & set("[/") else entry


def _say(line: str) -> None:
    try:
        print(line, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ConfigError(f"The output cannot be written: {error.strerror}.", "Make room for it.") from error


async def _check(registries: Registries, target: Target) -> int:
    failed = False
    async for step in registries.check(target):
        _say(step.line)
        if step.next_step:
            _say(f"           {step.next_step}")
        failed = failed or step.failed
    await registries.aclose()
    return FAILED if failed else 0


def _end_helpers() -> None:
    """End what would not notice that the terminal is gone; where it was never imported there is none."""
    if helper := sys.modules.get("regbrowse.credentials.helper"):
        helper.end_running()


def _show(
    options: argparse.Namespace,
    settings: Settings,
    locations: Locations,
    registries: Registries,
    target: Target | None,
) -> int:
    from regbrowse.tui.environment import check_terminal, prepare_environment

    if refusal := check_terminal(os.environ, sys.__stdin__, sys.__stderr__):
        print(f"regbrowse: {refusal}", file=sys.stderr)
        return FAILED
    prepare_environment(os.environ)
    sys.setswitchinterval(0.001)  # a thread that sorts or imports soon lets go of the lock that painting waits for

    from regbrowse.tui.app import RegbrowseApp
    from regbrowse.tui.guards import run_app
    from regbrowse.tui.lifecycle import at_exit

    at_exit(_end_helpers)
    app = RegbrowseApp(
        registries,
        target,
        theme_name=options.theme or settings.theme,
        themes_folder=locations.themes_folder,
        keys=dict(settings.keys),
        notices=settings.notices,
    )
    status = run_app(app, mouse=not options.no_mouse)
    if registries.log_is_cut:
        print(f"regbrowse: The log {options.log} is cut: it could not be written to its end.", file=sys.stderr)
    if options.demo and options.target is None and status == 0:
        print("That was the demo. Now name a registry: regbrowse registry.corp:5000")
    return status
