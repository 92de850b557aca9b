"""Where and how a registry may be asked: the addresses to try in order, and what TLS each is to have."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.reference import DOCKER_HUB_REGISTRY, RegistryAddress
from regbrowse.registry.text import safe_text

CERTS_DIR: Final = Path("/etc/docker/certs.d")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way to reach a registry.

    Attributes:
        host: `host` or `host:port`.
        prefix: The path before `/v2/`.
        verify: Whether the certificate must be right; without meaning for `http`.
    """

    scheme: str
    host: str
    prefix: str = ""
    verify: bool = True

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}"

    @property
    def base(self) -> str:
        """The URL that the paths of the API are put after."""
        return f"{self.origin}{self.prefix}"

    @property
    def is_trusted(self) -> bool:
        """Whether a password may go there: over verified TLS, or on this machine's loopback."""
        return (self.scheme == "https" and self.verify) or is_loopback(self.host)


def endpoints_of(address: RegistryAddress, *, insecure: bool) -> tuple[Endpoint, ...]:
    """The ways to reach `address`, in the order to try them.

    A spelled scheme is taken at its word. An insecure registry is tried as the Docker daemon does: https without
    verification, then http. Every other one is https, verified, and nothing else.
    """
    host = DOCKER_HUB_REGISTRY if address.is_docker_hub else address.host
    if address.scheme:
        return (Endpoint(address.scheme, host, address.prefix),)
    if insecure:
        return (Endpoint("https", host, address.prefix, verify=False), Endpoint("http", host, address.prefix))
    return (Endpoint("https", host, address.prefix),)


def is_loopback(host: str) -> bool:
    """Whether `host` (with or without port) spells this machine itself."""
    name = RegistryAddress(host).hostname.lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def ssl_context(endpoint: Endpoint, certs_dir: Path = CERTS_DIR) -> ssl.SSLContext:
    """The TLS settings for `endpoint`: the system's store, and what its folder of the certificates directory adds.

    Blocking: it reads files. An endpoint that is not verified reads no certificates at all, as in Docker.

    Raises:
        ConfigError: A file in the folder cannot be used.
    """
    if not endpoint.verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context = ssl.create_default_context()
        # Home-made CAs without a key usage are fine for Docker; Python 3.13 began to refuse them.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        _add_certificates(context, certs_dir / endpoint.host)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _add_certificates(context: ssl.SSLContext, folder: Path) -> None:
    try:
        files = sorted(folder.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"The folder {folder} cannot be read: {error.strerror}.") from error
    for file in files:
        try:
            if file.suffix == ".crt":
                context.load_verify_locations(file)
            elif file.suffix == ".cert":
                # Without a password of ours, OpenSSL would ask for one in the middle of the screen.
                context.load_cert_chain(file, _partner(file, ".key"), password=lambda: "")
            elif file.suffix == ".key":
                _partner(file, ".cert")
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(f"{file} cannot be used: {safe_text(str(error))}.") from error


def _partner(file: Path, suffix: str) -> Path:
    partner = file.with_suffix(suffix)
    if not partner.exists():
        raise ConfigError(
            f"{file} stands alone: {partner.name} is missing.",
            "A client certificate is a pair NAME.cert and NAME.key; a CA is named NAME.crt.",
        )
    return partner
