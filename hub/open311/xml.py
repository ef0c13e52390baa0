"""A document as XML: to and from plain values (texts, lists, dictionaries by element). No DTD, no entity, no network."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from hub.open311.charsets import decoded
from hub.open311.errors import UnreadableError

ELEMENTS = {
    "endpoints": "endpoint", "formats": "format", "services": "service", "attributes": "attribute", "values": "value",
    "service_requests": "request", "notes": "note", "service_request_updates": "request_update",
    "service_requests_updates": "request_update", "errors": "error",
}  # fmt: skip
"""Lists, and what their elements are called."""
_MOST_DEEP = 20
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["'][^>]{0,200}\?>""")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_UNWRITABLE = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|&#(?:x0*([0-9A-Fa-f]{1,8})|0*([0-9]{1,8}));"
)
_BARE = re.compile(r"&(?!#\d+;|#x[0-9A-Fa-f]+;|(?:amp|lt|gt|quot|apos);)")


def written_xml(root: str, content: Any) -> bytes:
    """A document, UTF-8, with its declaration."""
    element = etree.Element(root)
    _fill(element, content)
    found: bytes = etree.tostring(element, encoding="utf-8", xml_declaration=True)
    return found


def _fill(element: Any, content: Any) -> None:
    if isinstance(content, dict):
        for name, each in content.items():
            _fill(etree.SubElement(element, name), each)
    elif isinstance(content, list):
        for each in content:
            _fill(etree.SubElement(element, ELEMENTS[element.tag]), each)
    elif content is not None:
        element.text = str(content).lower() if isinstance(content, bool) else str(content)


def parsed_xml(body: bytes, texts: frozenset[str], charset: str | None = None) -> tuple[str, Any]:
    """The root's name and what it holds. `texts`: elements whose own elements are markup within a text.

    What real systems spoil is mended (control characters, a bare &, wrong bytes), but never the end of a document.

    Raises UnreadableError: no XML, not a whole document, or one with a DTD.
    """
    try:
        root = _strict(body, None if _DECLARED.match(body) else charset)
    except etree.XMLSyntaxError:
        try:
            root = _strict(_mended(body, charset), "utf-8")
        except etree.XMLSyntaxError:
            raise UnreadableError("it is no whole XML document") from None
    return _name(root), _plain(root, texts, 0)


def _strict(body: bytes, charset: str | None) -> Any:
    try:
        parser = _parser(charset)
    except LookupError:
        parser = _parser(None)
    root = etree.fromstring(body, parser)
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableError("it has a document type (DTD), which is not read")
    return root


def _parser(charset: str | None) -> Any:
    return etree.XMLParser(
        encoding=charset, resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip


def _mended(body: bytes, charset: str | None) -> bytes:
    declared = _DECLARED.match(body)
    text = decoded(body, declared[1].decode() if declared else charset or "utf-8")
    text = _DECLARATION.sub("", text.removeprefix("\ufeff"), count=1)
    return _BARE.sub("&amp;", _UNWRITABLE.sub(_writable, text)).encode()


def _writable(reference: re.Match[str]) -> str:
    """A reference to a character that XML can hold stays."""
    hexadecimal, decimal = reference.groups()
    if hexadecimal is None and decimal is None:
        return ""
    number = int(hexadecimal, 16) if hexadecimal else int(decimal)
    writable = (
        number in (9, 10, 13) or 0x20 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or 0x10000 <= number < 0x110000
    )
    return reference[0] if writable else ""


def _name(element: Any) -> str:
    """Without a namespace."""
    return str(element.tag).rpartition("}")[2]


def _plain(element: Any, texts: frozenset[str], depth: int) -> Any:
    if depth > _MOST_DEEP:
        raise UnreadableError("it is nested too deeply")
    name, children = _name(element), list(element)
    if name in texts or not children:
        text = "".join(element.itertext()).strip()
        return [] if name in ELEMENTS and not text else text or None
    names = [_name(each) for each in children]
    contents = [_plain(each, texts, depth + 1) for each in children]
    if len(set(names)) == 1 and (len(names) > 1 or names[0] == ELEMENTS.get(name)):
        return contents
    return dict(zip(names, contents, strict=True))
