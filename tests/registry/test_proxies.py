"""Which proxy a request goes through, and why: by the table of Go's own `net/http/httpproxy`."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regbrowse.registry.errors import ConfigError
from regbrowse.registry.proxies import DIRECTLY, Proxies, Proxy
from regbrowse.registry.wire import httpx

# Each line was compared with what Go 1.26 decides: entries of NO_PROXY, a URL, and whether it goes through the proxy.
GO = """
                            https://registry.corp/                  proxy
*                           https://registry.corp/                  direct
*                           https://10.1.2.3/                       direct
registry.corp,*             https://other.corp/                     direct
*:5000                      https://registry.corp:5000/             proxy
10.0.0.0/8                  https://10.1.2.3:5000/                  direct
10.1.2.3/8                  https://10.9.9.9/                       direct
10.0.0.0/8                  https://11.1.2.3/                       proxy
10.0.0.0/8                  https://[::ffff:10.1.2.3]/              direct
10.0.0.0/8:5000             https://10.1.2.3:5000/                  proxy
10.0.0.0/33                 https://10.1.2.3/                       proxy
10.0.0.0/255.0.0.0          https://10.1.2.3/                       proxy
10.                         https://10.1.2.3/                       proxy
0.0.0.0/0                   https://10.1.2.3/                       direct
0.0.0.0/0                   https://registry.corp/                  proxy
::/0                        https://10.1.2.3/                       proxy
::ffff:10.0.0.0/104         https://10.1.2.3/                       direct
2001:db8::/32               https://[2001:db8::1]/                  direct
2001:db8::/32               https://[2001:db9::1]/                  proxy
192.168.0.1                 https://192.168.0.1:5000/               direct
192.168.0.1:5000            https://192.168.0.1:5000/               direct
192.168.0.1:5000            https://192.168.0.1/                    proxy
192.168.0.1:443             https://192.168.0.1/                    direct
::ffff:192.168.0.1          https://192.168.0.1/                    direct
2001:db8::1                 https://[2001:db8::1]:5000/             direct
[2001:db8::1]               https://[2001:db8::1]/                  proxy
[2001:db8::1]:5000          https://[2001:db8::1]:5000/             direct
corp                        https://corp/                           direct
corp                        https://registry.corp/                  direct
corp                        https://xcorp/                          proxy
corp                        https://corp.example.com/               proxy
.corp                       https://registry.corp/                  direct
.corp                       https://corp/                           proxy
*.corp                      https://sub.registry.corp/              direct
*.corp                      https://corp/                           proxy
*corp                       https://registry.corp/                  proxy
.corp:5000                  https://registry.corp:5000/             direct
.corp:5000                  https://registry.corp/                  proxy
registry.corp:443           https://registry.corp/                  direct
registry.corp:443           http://registry.corp/                   proxy
registry.corp:443           http://registry.corp:443/               direct
registry.corp:80            http://registry.corp/                   direct
registry.corp:              https://registry.corp:5000/             direct
registry.corp:https         https://registry.corp/                  proxy
REGISTRY.Corp               https://registry.CORP/                  direct
registry.corp               https://registry.corp./                 proxy
registry.corp.              https://registry.corp/                  proxy
[registry.corp]:5000        https://registry.corp:5000/             direct
http://registry.corp        https://registry.corp/                  proxy
a,,10.0.0.0/8,corp          https://registry.corp/                  direct
10.0.0.0/8 corp             https://registry.corp/                  proxy
:5000                       https://registry.corp:5000/             proxy
.                           https://registry.corp./                 direct
bücher.corp                 https://xn--bcher-kva.corp/             direct
*.bücher.corp               https://a.bücher.corp/                  direct
xn--bcher-kva.corp          https://bücher.corp/                    direct
                            https://localhost:5000/                 direct
                            http://127.0.0.1:5000/                  direct
                            https://127.9.9.9/                      direct
                            https://[::1]:5000/                     direct
                            https://[::ffff:127.0.0.1]/             direct
                            https://127.1/                          proxy
                            https://2130706433/                     proxy
                            https://a.localhost/                    proxy
                            https://localhost./                     proxy
                            https://0.0.0.0/                        proxy
"""


def cases() -> list[tuple[str, str, bool]]:
    found = []
    for line in GO.strip("\n").splitlines():
        no_proxy, (url, way) = line[:28].strip(), line[28:].split()
        found.append((no_proxy, url, way == "proxy"))
    return found


@pytest.mark.parametrize(("no_proxy", "url", "is_proxied"), cases(), ids=str)
def test_no_proxy_spares_whom_go_spares(no_proxy: str, url: str, is_proxied: bool) -> None:
    proxies = Proxies.of({"HTTP_PROXY": "proxy:1", "HTTPS_PROXY": "proxy:1", "NO_PROXY": no_proxy})
    assert (proxies.for_url(httpx.URL(url)).proxy is not None) == is_proxied
    assert (proxies.for_url(url).proxy is not None) == is_proxied


@given(address=st.ip_addresses(v=4).filter(lambda address: not address.is_loopback), prefix=st.integers(0, 32))
def test_a_range_is_for_the_addresses_in_it(address: ipaddress.IPv4Address, prefix: int) -> None:
    proxies = Proxies.of({"HTTPS_PROXY": "proxy:1", "NO_PROXY": f"10.20.30.40/{prefix}"})
    is_inside = address in ipaddress.ip_network(f"10.20.30.40/{prefix}", strict=False)
    assert (proxies.for_url(f"https://{address}/").proxy is None) == is_inside


@given(no_proxy=st.text(alphabet=st.sampled_from("a1.:/[]*,% ü\x00"), max_size=12))
def test_whatever_no_proxy_has_loopback_is_direct_and_nothing_fails(no_proxy: str) -> None:
    proxies = Proxies.of({"HTTPS_PROXY": "proxy:1", "NO_PROXY": no_proxy})
    assert proxies.for_url("https://127.0.0.1/").proxy is None
    assert proxies.for_url("https://registry.corp/").rule


# Which variable


@pytest.mark.parametrize(
    ("environ", "http", "https"),
    [
        ({}, "no proxy is set", "no proxy is set"),
        ({"HTTP_PROXY": "a:1"}, "HTTP_PROXY", "no proxy is set for https"),
        ({"HTTPS_PROXY": "a:1"}, "no proxy is set for http", "HTTPS_PROXY"),
        ({"http_proxy": "a:1", "HTTP_PROXY": "b:1"}, "http_proxy", "no proxy is set for https"),
        ({"https_proxy": "a:1", "HTTPS_PROXY": "b:1"}, "no proxy is set for http", "https_proxy"),
        ({"https_proxy": "", "HTTPS_PROXY": "b:1"}, "no proxy is set for http", "HTTPS_PROXY"),
        ({"ALL_PROXY": "a:1"}, "ALL_PROXY", "ALL_PROXY"),
        ({"all_proxy": "a:1", "ALL_PROXY": "b:1"}, "all_proxy", "all_proxy"),
        ({"ALL_PROXY": "a:1", "HTTPS_PROXY": "b:1"}, "ALL_PROXY", "HTTPS_PROXY"),
        ({"HTTP_PROXY": "a:1", "REQUEST_METHOD": "GET"}, "no proxy is set", "no proxy is set"),
        ({"http_proxy": "a:1", "REQUEST_METHOD": "GET"}, "http_proxy", "no proxy is set for https"),
        ({"HTTP_PROXY": "a:1", "NO_PROXY": "x, corp"}, "NO_PROXY has corp", "no proxy is set for https"),
        ({"ALL_PROXY": "a:1", "no_proxy": "corp", "NO_PROXY": "x"}, "no_proxy has corp", "no_proxy has corp"),
    ],
    ids=str,
)
def test_the_rule_is_told(environ: dict[str, str], http: str, https: str) -> None:
    proxies = Proxies.of(environ)
    assert proxies.for_url("http://registry.corp/v2/").rule == http
    assert proxies.for_url("https://registry.corp/v2/").rule == https


def test_loopback_is_told() -> None:
    assert str(Proxies.of({"ALL_PROXY": "a:1"}).for_url("http://localhost:5000")) == "none: loopback is always direct"


def test_without_a_variable_there_is_no_proxy() -> None:
    assert Proxies.of({}) == DIRECTLY


# How a proxy is spelled


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("proxy.corp:3128", "http://proxy.corp:3128"),
        ("proxy.corp", "http://proxy.corp:80"),
        ("http://proxy.corp", "http://proxy.corp:80"),
        ("HTTPS://Proxy.corp/", "https://proxy.corp:443"),
        ("socks5://proxy.corp", "socks5://proxy.corp:1080"),
        ("socks5h://10.0.0.1:99", "socks5h://10.0.0.1:99"),
        ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
        ("ada:canary-pass@proxy.corp:3128", "http://proxy.corp:3128"),
        ("http://bücher.corp:1", "http://xn--bcher-kva.corp:1"),
    ],
)
def test_a_proxy_is_read(value: str, url: str) -> None:
    assert Proxy.parse(value, "HTTP_PROXY").url == url


@pytest.mark.parametrize(
    ("userinfo", "login"),
    [("ada", ("ada", "")), ("ada:", ("ada", "")), ("a%40b:c%3Ad%2F", ("a@b", "c:d/")), ("a:b:c@d", ("a", "b:c@d"))],
)
def test_its_login_is_decoded(userinfo: str, login: tuple[str, str]) -> None:
    proxy = Proxy.parse(f"http://{userinfo}@proxy.corp", "HTTP_PROXY")
    assert (proxy.username, proxy.password, proxy.host) == (*login, "proxy.corp")


@pytest.mark.parametrize(
    "value",
    [
        "ftp://canary-pass@proxy.corp",
        "socks4://u:canary-pass@proxy.corp",
        "http://u:canary-pass@",
        "http://u:canary-pass@proxy.corp:port",
        "http://u:canary-pass@proxy.corp:99999",
        "http://u:canary-pass@proxy.corp:0",
        "http://u:1canary-pass/x@proxy.corp",
        "http://u:12/canary-pass@proxy.corp",
        "http://u:12#canary-pass@proxy.corp",
        "http://u:canary-pass@proxy corp",
        "http://u:canary-pass@proxy.corp\n",
        "http://u:canary-pass@[::1",
        "http://u:canary-pass@pro<xy",
        f"socks5://u:canary-pass{'x' * 255}@proxy.corp",
    ],
)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_wrong_proxy_is_told_by_its_variable_and_without_its_value(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} is no address of a proxy") as caught:
        Proxies.of({name: value})
    assert "canary" not in f"{caught.value!r} {caught.value.next_step} {caught.value.__cause__!r}"
    assert "http://proxy.corp:3128" in caught.value.next_step


@given(value=st.text(alphabet=st.sampled_from("ab1.:/[]@%#?é \\"), max_size=20).map(lambda text: f"u:canary{text}@p:1"))
def test_no_password_is_ever_shown(value: str) -> None:
    try:
        proxies = Proxies.of({"HTTPS_PROXY": value})
        choice = proxies.for_url("https://registry.corp/")
        shown = f"{proxies!r} {proxies} {choice!r} {choice} {choice.proxy and choice.proxy.url}"
    except ConfigError as error:
        shown = f"{error!r} {error.next_step}"
    assert "canary" not in shown
