"""No call goes inside unless that is listed, whatever a name resolves to."""

import ipaddress
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import FatalError
from hub.sdk.errors import TransientError
from hub.sdk.sinks.addresses import CallAddress, ForbiddenAddressError, addresses_of, is_allowed, networks

HOOK = CallAddress.parsed("https://hook.example/in?x=1")
PUBLIC = "93.184.216.34"


def naming(*addresses: str) -> Any:
    return lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "2002:7f00:1::", "::7f00:1", "::", "ff02::1", "198.18.0.1", "240.0.0.1",
    ],
)  # fmt: skip
def test_what_is_inside_is_not_called(address: str) -> None:
    with pytest.raises(ForbiddenAddressError, match="is not public: list it"):
        addresses_of(HOOK, (), naming(address))


def test_a_name_that_points_inside_beside_outside_is_not_called() -> None:
    with pytest.raises(ForbiddenAddressError):
        addresses_of(HOOK, (), naming(PUBLIC, "127.0.0.1"))


def test_what_is_public_or_listed_is_called_by_number() -> None:
    assert HOOK.url_at(addresses_of(HOOK, (), naming(PUBLIC, PUBLIC))[0]) == f"https://{PUBLIC}:443/in?x=1"
    assert list(map(str, addresses_of(HOOK, networks(["10.1.0.0/16"]), naming("10.1.2.3", PUBLIC)))) == [
        "10.1.2.3",
        PUBLIC,
    ]
    with pytest.raises(ForbiddenAddressError):
        addresses_of(HOOK, networks(["10.1.0.0/16"]), naming("10.2.0.1"))


def test_plain_http_goes_to_listed_addresses_only() -> None:
    plain = CallAddress.parsed("http://hook.example/in")
    with pytest.raises(ForbiddenAddressError, match="speaks no TLS"):
        addresses_of(plain, (), naming(PUBLIC))
    assert list(map(str, addresses_of(plain, networks([PUBLIC]), naming(PUBLIC)))) == [PUBLIC]


def test_a_name_that_is_not_there_now_is_asked_for_again() -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    with pytest.raises(TransientError, match=r"hook\.example cannot be resolved"):
        addresses_of(HOOK, (), fails)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/",
        "https://",
        "hook.example",
        "https://user:secret@x/",
        "https://x:99999/",
        "https://x/#a",
        "https://[::1/",
    ],
)
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(FatalError) as caught:
        CallAddress.parsed(url)
    assert "user:secret" not in str(caught.value)


@given(st.ip_addresses())
def test_nothing_private_is_allowed_unlisted(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert not is_allowed(address, ())
    assert is_allowed(address, networks([str(address)]), plain=True) or getattr(address, "ipv4_mapped", None)
