"""What a registry's folder of certificates adds to its TLS, and what a connection makes of it."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import trustme

from regbrowse.registry.docker_http import http_client, new_transport
from regbrowse.registry.errors import ConfigError
from regbrowse.registry.tls import ClientCertificate, TLSConfig, read_certs_directory
from regbrowse.registry.wire import httpx
from tests.registry.certificates import Signed, sign
from tests.v1_server import V1Server

AUTHORITY: Final = trustme.CA()
CA: Final = AUTHORITY.cert_pem.bytes().decode()
HOME: Final = sign("home-made", is_authority=True)
PERSON: Final = sign("person", issuer=HOME)
OTHER: Final = sign("other", issuer=HOME)
BROKEN: Final = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

NO_KEY: Final = (
    "Missing key client.key for client certificate client.cert. "
    "Note that CA certificates should use the extension .crt."
)

Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    def folder(**files: bytes | str) -> Path:
        """A registry's folder; `ca_crt` is named `ca.crt`."""
        place = tmp_path / "certs.d" / "registry.corp:5000"
        place.mkdir(parents=True)
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            (place / name.replace("_", ".")).write_bytes(data)
        return place

    return folder


def subjects(context: ssl.SSLContext) -> int:
    return len(context.get_ca_certs())


async def answer(server: V1Server, tls_config: TLSConfig, host: str = "127.0.0.1") -> int:
    async with http_client(new_transport(tls_config)) as client:
        return (await client.get(f"https://{host}:{server.port}/v1/_ping")).status_code


# What is read


def test_a_folder_that_is_not_there_adds_nothing(tmp_path: Path) -> None:
    given = TLSConfig(root_cas=(CA,))
    assert read_certs_directory(given, tmp_path / "nowhere" / "registry.corp") == given


def test_an_empty_folder_adds_nothing(folder: Folder) -> None:
    assert read_certs_directory(TLSConfig(), folder()) == TLSConfig()


def test_what_is_given_is_left_as_it_is(folder: Folder) -> None:
    given = TLSConfig()
    read_certs_directory(given, folder(ca_crt=CA))
    assert given == TLSConfig()


def test_authorities_come_in_the_order_of_their_files_after_those_that_were_there(folder: Folder) -> None:
    place = folder(b_crt=sign("b").pem, a_crt=CA)
    (place / "B.crt").write_bytes(HOME.pem)
    config = read_certs_directory(TLSConfig(root_cas=("first",)), place)
    assert config.root_cas is not None
    assert [pem.strip() for pem in config.root_cas[:3]] == ["first", HOME.pem.decode().strip(), CA.strip()]
    assert len(config.root_cas) == 4


def test_one_file_may_hold_several_authorities(folder: Folder) -> None:
    config = read_certs_directory(TLSConfig(), folder(ca_crt=f"My CAs\r\n{CA}\n\n{HOME.pem.decode()}# end"))
    assert len(config.root_cas or ()) == 2
    assert config.notices == ()


def test_a_pair_is_offered(folder: Folder) -> None:
    place = folder(client_cert=PERSON.pem, client_key=PERSON.key_pem())
    config = read_certs_directory(TLSConfig(), place)
    assert config.client_certificates == (ClientCertificate(place / "client.cert", place / "client.key"),)
    assert config.root_cas is None


def test_pairs_come_in_the_order_of_their_files_after_those_that_were_there(folder: Folder) -> None:
    first = ClientCertificate(Path("first.cert"), Path("first.key"))
    place = folder(b_cert=OTHER.pem, b_key=OTHER.key_pem(), a_cert=PERSON.pem, a_key=PERSON.key_pem())
    config = read_certs_directory(TLSConfig(client_certificates=(first,)), place)
    assert [pair.certificate.name for pair in config.client_certificates] == ["first.cert", "a.cert", "b.cert"]


def test_a_name_with_dots_has_its_key_under_the_same_name(folder: Folder) -> None:
    place = folder(team_a_cert=PERSON.pem, team_a_key=PERSON.key_pem())
    assert [pair.key.name for pair in read_certs_directory(TLSConfig(), place).client_certificates] == ["team.a.key"]


@pytest.mark.parametrize(
    "name", ["ca.CRT", "ca.pem", "client.Cert", "client.KEY", "README", "crt", "ca.crt.bak", "ca.crt~"]
)
def test_other_endings_do_not_matter(folder: Folder, name: str) -> None:
    place = folder()
    (place / name).write_text("garbage")
    assert read_certs_directory(TLSConfig(), place) == TLSConfig()


def test_folders_with_other_endings_do_not_matter(folder: Folder) -> None:
    place = folder()
    (place / "old").mkdir()
    assert read_certs_directory(TLSConfig(), place) == TLSConfig()


# What is ignored, with a notice


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage", BROKEN.encode(), b"\xff\xfe\x00", ssl.PEM_cert_to_DER_cert(CA), PERSON.key_pem()],
    ids=["empty", "garbage", "broken", "binary", "DER", "a key"],
)
def test_what_is_no_certificate_is_ignored_but_said(folder: Folder, content: bytes) -> None:
    place = folder(ca_crt=content)
    config = read_certs_directory(TLSConfig(), place)
    assert config.root_cas == ()
    (notice,) = config.notices
    assert str(place / "ca.crt") in notice
    config.ssl_context()


@pytest.mark.parametrize(
    "content", [BROKEN + CA, CA + BROKEN, "-----BEGIN CERTIFICATE-----\nAAAA\n" + CA], ids=["first", "last", "cut"]
)
def test_a_broken_certificate_does_not_take_its_neighbour_along(folder: Folder, content: str) -> None:
    place = folder(ca_crt=content)
    config = read_certs_directory(TLSConfig(), place)
    assert [pem.strip() for pem in config.root_cas or ()] == [CA.strip()]
    (notice,) = config.notices
    assert f"{place / 'ca.crt'}: 1 of its certificates" in notice


def test_a_notice_comes_after_those_that_were_there(folder: Folder) -> None:
    place = folder(a_crt=b"", b_crt=b"")
    config = read_certs_directory(read_certs_directory(TLSConfig(), place), place)
    assert [Path(notice.split(" ")[0]).name for notice in config.notices] == ["a.crt", "b.crt"] * 2


# What is refused


def refused(place: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_certs_directory(TLSConfig(), place)
    assert str(place) in caught.value.user_message
    return caught.value


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {"client_cert": PERSON.pem},
            NO_KEY,
        ),
        ({"client_key": PERSON.key_pem()}, "Missing client certificate client.cert for key client.key"),
        (
            {"client_crt": PERSON.pem, "client_key": PERSON.key_pem()},
            "Missing client certificate client.cert for key client.key",
        ),
        ({"client_cert": PERSON.pem, "client_key": OTHER.key_pem()}, "client.key is the key of another"),
        ({"client_cert": PERSON.pem, "client_key": PERSON.key_pem(b"secret")}, "client.key has a password"),
        ({"client_cert": b"garbage", "client_key": b"garbage"}, "no pair in PEM"),
        ({"client_cert": PERSON.pem, "client_key": b""}, "no pair in PEM"),
    ],
    ids=["no key", "no certificate", "a .crt for a .cert", "another key", "password", "garbage", "empty key"],
)
def test_a_pair_that_is_none_is_refused_with_its_fault(folder: Folder, files: dict[str, bytes], words: str) -> None:
    assert words in refused(folder(**files)).user_message


@pytest.mark.parametrize("name", ["ca.crt", "client.cert", "client.key"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "link to nowhere"])
def test_what_is_no_file_is_refused(folder: Folder, name: str, kind: str) -> None:
    place = folder(client_cert=PERSON.pem, client_key=PERSON.key_pem())
    (place / name).unlink(missing_ok=True)
    if kind == "folder":
        (place / name).mkdir()
    elif kind == "pipe":
        os.mkfifo(place / name)
    else:
        (place / name).symlink_to("nowhere")
    assert f"{place / name} cannot be read" in refused(place).user_message


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "registry.corp").write_text("no folder")
    assert "cannot be read" in refused(tmp_path / "registry.corp").user_message


@pytest.mark.parametrize("of", ["", "ca.crt"])
def test_what_may_not_be_read_is_refused(folder: Folder, of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder(ca_crt=CA)

    def denied(path: object, *_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    # The tests may be run by root, who may read anything.
    monkeypatch.setattr(*((os, "open", denied) if of else (Path, "iterdir", denied)))
    assert f"{place / of} cannot be read: Permission denied" in refused(place).user_message


def test_a_name_that_no_folder_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_certs_directory(TLSConfig(), tmp_path / "registry\x00corp")


def test_names_are_made_safe_in_messages(folder: Folder) -> None:
    place = folder()
    (place / "\x1b[31m.crt").write_text("garbage")
    config = read_certs_directory(TLSConfig(), place)
    assert "\x1b" not in config.notices[0]


# What TLS is made of it


def test_a_private_authority_is_added_to_those_of_the_system() -> None:
    """As of July 2017; before, it took their place."""
    system = subjects(TLSConfig().ssl_context())
    assert subjects(TLSConfig(root_cas=()).ssl_context()) == system
    assert subjects(TLSConfig(root_cas=(CA,)).ssl_context()) == system + 1


def test_the_system_is_asked_for_its_authorities(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "system.pem").write_text(CA)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
    context = TLSConfig(root_cas=(HOME.pem.decode(),)).ssl_context()
    names = {str(authority["subject"]) for authority in context.get_ca_certs()}
    assert any("home-made" in name for name in names)
    assert any("trustme" in name for name in names)


@pytest.fixture
def other_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own settings, which differ between its versions, at their most unlike ours."""

    def create() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", create)


@pytest.mark.usefixtures("other_defaults")
@pytest.mark.parametrize("config", [TLSConfig(), TLSConfig(insecure_skip_verify=True)], ids=["verified", "insecure"])
def test_tls_is_at_least_1_2(config: TLSConfig) -> None:
    assert config.ssl_context().minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.usefixtures("other_defaults")
def test_authorities_need_not_be_as_strict_as_python_would_have_them() -> None:
    assert not TLSConfig().ssl_context().verify_flags & ssl.VERIFY_X509_STRICT


def test_a_registry_is_verified_by_name_unless_it_is_insecure() -> None:
    context = TLSConfig().ssl_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    context = TLSConfig(insecure_skip_verify=True).ssl_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize("pem", ["garbage", "", "é", BROKEN])
def test_an_authority_that_is_none_is_refused(pem: str) -> None:
    with pytest.raises(ConfigError, match="no certificate"):
        TLSConfig(root_cas=(CA, pem)).ssl_context()


def test_an_insecure_registry_has_no_use_for_authorities() -> None:
    TLSConfig(insecure_skip_verify=True, root_cas=("garbage",)).ssl_context()


def test_a_pair_that_went_away_is_refused_with_its_name(tmp_path: Path) -> None:
    pair = ClientCertificate(tmp_path / "client.cert", tmp_path / "client.key")
    with pytest.raises(ConfigError, match=r"client\.cert cannot be used: No such file"):
        TLSConfig(client_certificates=(pair,)).ssl_context()


# On sockets


async def test_nobody_vouches_for_a_private_authority_that_is_not_named() -> None:
    with V1Server(tls=AUTHORITY.issue_cert("127.0.0.1")) as server:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await answer(server, TLSConfig(root_cas=()))
        assert server.requests == []


async def test_an_authority_in_the_folder_vouches_for_its_registry(folder: Folder) -> None:
    with V1Server(tls=AUTHORITY.issue_cert("127.0.0.1")) as server:
        assert await answer(server, read_certs_directory(TLSConfig(), folder(ca_crt=CA))) == 200


async def test_an_authority_does_not_vouch_for_another_name(folder: Folder) -> None:
    with (
        V1Server(tls=AUTHORITY.issue_cert("127.0.0.1")) as server,
        pytest.raises(httpx.ConnectError, match="Hostname mismatch"),
    ):
        await answer(server, read_certs_directory(TLSConfig(), folder(ca_crt=CA)), host="localhost")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_insecure_registry_may_have_any_certificate(host: str) -> None:
    with V1Server(tls=AUTHORITY.issue_cert("127.0.0.1")) as server:
        assert await answer(server, TLSConfig(insecure_skip_verify=True), host) == 200


@pytest.mark.parametrize(
    ("registry", "trusted"),
    [
        (sign("registry", issuer=HOME), HOME),
        (itself := sign("itself"), itself),
        (leaf := sign("leaf", issuer=HOME), leaf),
    ],
    ids=["of an authority without a key usage", "self-signed", "named itself, without its authority"],
)
async def test_certificates_as_made_at_home_are_accepted(
    folder: Folder, tmp_path: Path, registry: Signed, trusted: Signed
) -> None:
    config = read_certs_directory(TLSConfig(), folder(ca_crt=trusted.pem))
    with V1Server(tls=registry.server_context(tmp_path)) as server:
        assert await answer(server, config) == 200


@pytest.fixture
def asking(tmp_path: Path) -> ssl.SSLContext:
    """The TLS of a server that wants a client's certificate."""
    context = sign("registry", issuer=HOME).server_context(tmp_path)
    context.load_verify_locations(cadata=HOME.pem.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.mark.parametrize("insecure", [False, True])
async def test_a_client_certificate_is_shown_to_a_server_that_asks(
    folder: Folder, asking: ssl.SSLContext, insecure: bool
) -> None:
    place = folder(ca_crt=HOME.pem, client_cert=PERSON.pem, client_key=PERSON.key_pem())
    config = read_certs_directory(TLSConfig(insecure_skip_verify=insecure), place)
    with V1Server(tls=asking) as server:
        assert await answer(server, config) == 200


async def test_a_server_that_asks_refuses_who_shows_nothing(folder: Folder, asking: ssl.SSLContext) -> None:
    config = read_certs_directory(TLSConfig(), folder(ca_crt=HOME.pem))
    with V1Server(tls=asking) as server:
        with pytest.raises(httpx.TransportError):
            await answer(server, config)
        assert server.requests == []


async def test_of_several_client_certificates_the_last_is_shown(folder: Folder, asking: ssl.SSLContext) -> None:
    stranger = sign("stranger")
    place = folder(ca_crt=HOME.pem, a_cert=stranger.pem, a_key=stranger.key_pem())
    with V1Server(tls=asking) as server:
        with pytest.raises(httpx.TransportError):
            await answer(server, read_certs_directory(TLSConfig(), place))
        (place / "b.cert").write_bytes(PERSON.pem)
        (place / "b.key").write_bytes(PERSON.key_pem())
        assert await answer(server, read_certs_directory(TLSConfig(), place)) == 200
