"""What TLS a registry is to have: whom it may be vouched for by, and which certificates are shown to it.

`seed-registry-package.md` §7, with three choices: private CAs are trusted beside the system's (§16, as of July 2017),
TLS 1.2 is the minimum (§17), and what Docker silently ignores is ignored, but said.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.small_files import read_small_file
from regbrowse.registry.text import SafeText, safe_text

_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"
_CERTIFICATE: Final = re.compile(_BEGIN + rb"[^-]*-----END CERTIFICATE-----")


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """The files, in PEM, of a certificate (with its chain) and of its key, which must not have a password."""

    certificate: Path
    key: Path

    def load_into(self, context: ssl.SSLContext) -> None:
        """Let `context` show this certificate. Blocking: it reads the files.

        Raises:
            ConfigError: They are no such pair.
        """
        key = self.key.name
        asked = False

        def no_password() -> str:  # without one of ours, OpenSSL would ask for it in the middle of the screen
            nonlocal asked
            asked = True
            return ""

        try:
            context.load_cert_chain(self.certificate, self.key, no_password)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            fault = _reason(error)
            if asked:
                fault = f"{key} has a password"
            elif isinstance(error, ssl.SSLError):
                is_of_another = error.reason == "KEY_VALUES_MISMATCH"
                fault = f"{key} is the key of another" if is_of_another else f"it and {key} are no pair in PEM"
            raise ConfigError(f"{self.certificate} cannot be used: {fault}.") from error


@dataclass(frozen=True, slots=True)
class TLSConfig:
    """How connections to a registry are secured.

    Attributes:
        insecure_skip_verify: Take any certificate for any name; also the mark of an insecure registry.
        root_cas: Private CAs in PEM, trusted beside the system's; None if nobody named any.
        client_certificates: Shown to a server that asks. Python keeps one for each kind of key: of several, the last.
        notices: What was ignored and why, for the user to know.
    """

    insecure_skip_verify: bool = False
    root_cas: tuple[str, ...] | None = None
    client_certificates: tuple[ClientCertificate, ...] = ()
    notices: tuple[SafeText, ...] = ()

    def ssl_context(self) -> ssl.SSLContext:
        """The settings for Python's TLS: at least TLS 1.2, and HTTP/1.1. Blocking: it reads the system's store.

        Raises:
            ConfigError: A certificate cannot be used.
        """
        if self.insecure_skip_verify:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context = ssl.create_default_context()
            # As for Docker, home-made CAs need no key usage, and whatever certificate is named here is trusted.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            for certificate in self.root_cas or ():
                if not _add_ca(context, certificate):
                    raise ConfigError("A private CA that is to be trusted is no certificate in PEM.")
        for pair in self.client_certificates:
            pair.load_into(context)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        return context


def read_certs_directory(tls_config: TLSConfig, directory: Path) -> TLSConfig:
    """`tls_config` and what a folder of Docker's certificates directory adds to it (seed-registry-package.md §7).

    `NAME.crt` holds CAs, `NAME.cert` and `NAME.key` a certificate to show; endings are in lower case, other files do
    not matter, and neither does a folder that is not there. What is no certificate in a `.crt` is ignored as Docker
    does, with a notice. Blocking: it reads the files.

    Args:
        tls_config: Left as it is.
        directory: `/etc/docker/certs.d/HOST` or `…/HOST:PORT`.

    Raises:
        ConfigError: The folder or one of those files cannot be read, or a pair is none.
    """
    try:
        names = sorted(file.name for file in directory.iterdir())
    except FileNotFoundError:
        return tls_config
    except (OSError, ValueError) as error:
        raise ConfigError(f"The folder {directory} cannot be read: {_reason(error)}.") from error
    for name in names:
        file = directory / name
        if name.endswith(".crt"):
            tls_config = _with_authorities(tls_config, file)
        elif name.endswith(".cert"):
            tls_config = _with_client_certificate(tls_config, file, names)
        elif name.endswith(".key") and (certificate := f"{name.removesuffix('.key')}.cert") not in names:
            raise ConfigError(f"{directory}: Missing client certificate {certificate} for key {name}.")
    return tls_config


def _with_authorities(tls_config: TLSConfig, file: Path) -> TLSConfig:
    content = _content(file)
    blocks = [block.decode("ascii", "replace") for block in _CERTIFICATE.findall(content)]
    good = tuple(block for block in blocks if _add_ca(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), block))
    bad = content.count(_BEGIN) - len(good)
    notices = tls_config.notices
    if not good:
        notices += (safe_text(f"{file} is ignored: no certificate in PEM is in it."),)
    elif bad:
        notices += (safe_text(f"{file}: {bad} of its certificates cannot be read and are ignored."),)
    return replace(tls_config, root_cas=(tls_config.root_cas or ()) + good, notices=notices)


def _with_client_certificate(tls_config: TLSConfig, file: Path, names: list[str]) -> TLSConfig:
    key = f"{file.name.removesuffix('.cert')}.key"
    if key not in names:
        raise ConfigError(
            f"{file.parent}: Missing key {key} for client certificate {file.name}. "
            "Note that CA certificates should use the extension .crt."
        )
    pair = ClientCertificate(file, file.with_name(key))
    _content(pair.certificate)  # OpenSSL would wait for a pipe, and read a directory
    _content(pair.key)
    pair.load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    return replace(tls_config, client_certificates=(*tls_config.client_certificates, pair))


def _content(file: Path) -> bytes:
    try:
        content = read_small_file(file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {_reason(error)}.") from error
    if content is None:
        raise ConfigError(f"{file} cannot be read: it leads nowhere.")
    return content


def _add_ca(context: ssl.SSLContext, certificate: str) -> bool:
    """Let `context` trust `certificate`. False if it is none."""
    try:
        context.load_verify_locations(cadata=certificate)
    except (ssl.SSLError, ValueError, TypeError):  # in turn: it is none, nothing at all, not ASCII
        return False
    return True


def _reason(error: OSError | ValueError) -> str:
    return safe_text((isinstance(error, OSError) and error.strerror) or str(error))
