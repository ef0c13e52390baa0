"""What systems mean: whether a status says that a request is over, and what a text says without its markup."""

from __future__ import annotations

import html
import re

STATUS_OPEN, STATUS_CLOSED = "open", "closed"
OVER_STATUSES = frozenset({
    STATUS_CLOSED, "fixed", "duplicate", "not_councils_responsibility", "no_further_action", "internal_referral", "cancelled",
    "canceled", "resolved", "completed", "archived",
})  # fmt: skip
"""Statuses of extensions that say that nothing more will be done here. All others are open."""
_BREAK = re.compile(r"<(?:br|/?p|/?div|/?li|/?tr)\b[^<>]*>", re.IGNORECASE)
_MARKUP = re.compile(
    r"</?(?:p|br|hr|b|i|u|em|strong|small|sub|sup|span|div|font|a|img|ul|ol|li|dl|dt|dd|h[1-6]|table|tbody|thead|tr|td|th"
    r"|blockquote|pre|code|center|script|style|html|head|body)\b[^<>]*>|<!--[^<>]*>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});")


def plain_status(status: str) -> str:
    """`open` or `closed`, as GeoReport v2 knows them, of what a system writes."""
    return STATUS_CLOSED if re.sub(r"[\s-]+", "_", status.strip().lower()) in OVER_STATUSES else STATUS_OPEN


def plain_text(text: str) -> str:
    """A text without markup. One that has none is as it was."""
    if not (_MARKUP.search(text) or _ENTITY.search(text)):
        return text
    if _ENTITY.search(text) and not _MARKUP.search(text):
        text = html.unescape(text)  # markup that was escaped once more
    text = _MARKUP.sub("", _BREAK.sub("\n", text))
    lines = (" ".join(line.split()) for line in html.unescape(text).replace("\xa0", " ").splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
