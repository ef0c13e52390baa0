"""Links that somebody else writes, followed only where they stay with who wrote them. Pure."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit


def link_within(base: str, link: str) -> str | None:
    """The address of a link that stands at `base`; None if it is none, or of another scheme, host or port."""
    try:
        address = urljoin(base, link)
        address.encode()  # JSON can write half a character, and no call can be made with it
        return address if urlsplit(address)[:2] == urlsplit(base)[:2] else None
    except ValueError:
        return None
