"""Where a call may go: an address of somebody else's network, or one that the operator has listed.

A receiver's name may be made to point inside (at a database, a cloud's metadata). So it is resolved once for each call, all that it
resolves to is judged, and the call goes to the address that was judged.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from hub.errors import FatalError
from hub.sdk.errors import TransientError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
_PORTS = {"https": 443, "http": 80}
_CARRIES_OTHERS = tuple(
    map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"))
)
"""Addresses of IPv6 that stand for one of IPv4, which is not to be seen in them."""


class ForbiddenAddressError(FatalError):
    """The receiver's name points to where calls may not go."""


@dataclass(frozen=True)
class CallAddress:
    """An address that calls go to, and by what name."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parsed(cls, url: str) -> CallAddress:
        """Raises FatalError."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise FatalError(f"{url!r} is no address: give one like https://example.org/hook") from None
        if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None or parts.fragment:
            raise FatalError("a receiver's address is https://HOST[:PORT]/PATH, without a user and without #")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)

    @property
    def authority(self) -> str:
        """For the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def url_at(self, address: Address) -> str:
        """The URL by number."""
        host = f"[{address}]" if address.version == 6 else str(address)
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def networks(listed: Iterable[str]) -> tuple[Network, ...]:
    """Raises FatalError."""
    try:
        return tuple(ipaddress.ip_network(each) for each in listed)
    except ValueError as error:
        raise FatalError(f"{error}: list networks like 10.1.0.0/16, or addresses") from error


def addresses_of(
    place: CallAddress, listed: Sequence[Network], ask: Callable[..., Any] = socket.getaddrinfo
) -> list[Address]:
    """Where to connect to, by preference; not empty.

    Raises ForbiddenAddressError, and TransientError if the name cannot be resolved now.

    Plain http goes to listed addresses only.
    """
    try:
        answers = ask(place.host, place.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise TransientError(f"{place.host} cannot be resolved ({error.strerror or type(error).__name__})") from None
    found = list(dict.fromkeys(ipaddress.ip_address(answer[4][0].partition("%")[0]) for answer in answers))
    for address in found:
        if not is_allowed(address, listed, plain=place.scheme == "http"):
            why = "speaks no TLS" if place.scheme == "http" and is_public(address) else "is not public"
            raise ForbiddenAddressError(f"{place.host} is {address}, which {why}: list it (`allow`) if that is meant")
    if not found:
        raise TransientError(f"{place.host} has no address")
    return found


def is_allowed(address: Address, listed: Sequence[Network], *, plain: bool = False) -> bool:
    """True for what is listed and, over TLS, for what is public."""
    real = _unwrapped(address)
    return any(real in network for network in listed) or (not plain and is_public(real))


def is_public(address: Address) -> bool:
    real = _unwrapped(address)
    if isinstance(real, IPv6Address) and any(real in network for network in _CARRIES_OTHERS):
        return False
    return real.is_global and not real.is_multicast


def _unwrapped(address: Address) -> Address:
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
