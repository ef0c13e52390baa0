"""Both formats of GeoReport say the same, and what was rendered is read as it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.open311 import documents
from hub.open311.documents import (
    DEFINITION,
    DISCOVERY,
    ERRORS,
    POSTED_DOCUMENT,
    REQUESTS,
    SERVICES,
    SHAPES,
    UPDATES_DOCUMENT,
    DocumentFormat,
    ErrorsError,
    raw_records,
    render,
)  # fmt: skip
from hub.open311.errors import UnreadableError
from hub.open311.models import (
    Attribute,
    ChoiceValue,
    Discovery,
    DocumentRecord,
    Endpoint,
    Error,
    HistoryNote,
    PlainText,
    Posted,
    Request,
    RequestUpdate,
    Service,
    ServiceDefinition,
    iso_of,
)  # fmt: skip
from tests.unit.open311.reading import read_records

_TEXTS = st.text(max_size=30)

_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,10}", fullmatch=True)
_BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "str": _TEXTS,
    "bool": st.booleans(),
    "moment": st.none() | st.integers(-(10**11), 4 * 10**12),
    "degrees": st.none() | st.floats(-180, 180),
    "whole": st.none() | st.integers(0, 1000),
}


def _records(record: type[DocumentRecord]) -> st.SearchStrategy[DocumentRecord]:
    """Any record, by its fields' types."""
    return st.builds(record, **{name: _values(name, field.annotation) for name, field in record.model_fields.items()})


def _values(name: str, annotation: Any) -> st.SearchStrategy[Any]:
    if name == "extended_attributes":
        return st.dictionaries(_NAMES, _TEXTS, max_size=3)
    if name in ("lat", "long"):
        return _BY_TYPE["degrees"]
    if name == "datetime" or name.endswith("_datetime"):
        return _BY_TYPE["moment"]
    if name == "order":
        return _BY_TYPE["whole"]
    if annotation in (str, bool):
        return _BY_TYPE[annotation.__name__]
    inner = annotation.__args__[0]
    if inner == PlainText:
        return st.lists(_TEXTS.filter(lambda text: bool(text.strip())), max_size=3)
    return st.lists(_records(inner), max_size=3)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.record.__name__)
@given(st.data())
def test_both_formats_say_the_same_and_are_read_as_they_were(
    shape: documents.DocumentShape[Any], data: st.DataObject
) -> None:
    most = 3 if shape.is_list else 1
    some = data.draw(st.lists(_records(shape.record), min_size=0 if shape.is_list else 1, max_size=most))
    by_xml, by_json = (read_records(shape, render(shape, some, form)) for form in DocumentFormat)
    assert by_xml == by_json == some


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"<services>{text}</services>".encode()))
def test_whatever_comes_is_read_or_refused_by_name(body: bytes) -> None:
    for shape in SHAPES:
        try:
            read_records(shape, body)
        except (UnreadableError, ErrorsError):
            continue


@given(_records(Request), st.data(), st.sampled_from(list(DocumentFormat)))
def test_half_a_document_is_none(request_: Request, data: st.DataObject, form: DocumentFormat) -> None:
    whole = render(REQUESTS, [request_, request_], form).rstrip()
    half = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(UnreadableError):
        raw_records(REQUESTS, half)


def test_the_documents_are_as_the_specification_has_them() -> None:
    service = Service(service_code=1, service_name="Big <pit> & 坑", metadata=True, type="realtime")
    assert render(SERVICES, [service], DocumentFormat.XML).decode() == (
        "<?xml version='1.0' encoding='utf-8'?>\n<services><service><service_code>1</service_code><service_name>Big &lt;pit&gt; "
        "&amp; 坑</service_name><description/><metadata>true</metadata><type>realtime</type><keywords/><group/></service>"
        "</services>"
    )
    assert render(SERVICES, [service], DocumentFormat.JSON).decode() == (
        '[{"service_code": "1", "service_name": "Big <pit> & 坑", "description": null, "metadata": true, "type": "realtime", '
        '"keywords": null, "group": null}]'
    )
    assert render(POSTED_DOCUMENT, [Posted(token="T-1")], DocumentFormat.JSON) == b'[{"token": "T-1"}]'
    definition = ServiceDefinition(
        service_code="1", attributes=[Attribute(code="A", values=[ChoiceValue(key="1", name="one")])]
    )
    assert b"<attributes><attribute><variable>true</variable><code>A</code>" in render(
        DEFINITION, [definition], DocumentFormat.XML
    )
    assert b"<values><value><key>1</key><name>one</name></value></values>" in render(
        DEFINITION, [definition], DocumentFormat.XML
    )
    found = Discovery(endpoints=[Endpoint(url="http://a/", formats=["text/xml"])])
    assert b"<formats><format>text/xml</format></formats>" in render(DISCOVERY, [found], DocumentFormat.XML)
    update = RequestUpdate(update_id="1", service_request_id="2", status="OPEN", updated_datetime=1_767_657_600_000)
    assert b"<service_request_updates><request_update><update_id>1" in render(
        UPDATES_DOCUMENT, [update], DocumentFormat.XML
    )
    assert iso_of(1_767_657_600_500) == "2026-01-06T00:00:00.500Z"


@pytest.mark.parametrize("body", [
    b"[]", b"null", b" [ ] ", b"<service_requests/>", b"<service_requests></service_requests>",
    b'{"service_requests": []}', b'{"service_requests": null}', b'<service_requests type="array">  </service_requests>',
])  # fmt: skip
def test_nothing_is_an_empty_list(body: bytes) -> None:
    assert raw_records(REQUESTS, body) == []


@pytest.mark.parametrize("body", [
    b'[{"service_request_id": 7, "status": "open"}]',
    b'{"service_request_id": "7", "status": "open"}',
    b'{"service_requests": [{"service_request_id": "7", "status": "open"}]}',
    b'{"service_requests": {"request": {"service_request_id": "7", "status": "open"}}}',
    b'[{"service_request_id":7,"status":"open","zipcode":007}]',
    b"\xef\xbb\xbf<service_requests><request><service_request_id>\n 7 </service_request_id><status>open</status></request>"
    b"</service_requests>",
    b'<r:service_requests xmlns:r="urn:x"><r:request><r:service_request_id>7</r:service_request_id><r:status>open</r:status>'
    b"</r:request></r:service_requests>",
    "<?xml version='1.0' encoding='utf-16'?><service_requests><request><service_request_id>7</service_request_id><status>open"
    "</status></request></service_requests>".encode("utf-16"),
])  # fmt: skip
def test_one_request_in_every_dress(body: bytes) -> None:
    (found,) = read_records(REQUESTS, body)
    assert (found.service_request_id, found.status) == ("7", "open")


@pytest.mark.parametrize(("written", "said"), [
    (b"a & b", "a & b"), (b"a &nbsp; b", "a &nbsp; b"), (b"a\x0bb", "ab"), (b"a&#0;b&#x1;", "ab"), (b"caf\xe9", "caf\ufffd"),
    (b"<![CDATA[<p>x</p>]]>", "<p>x</p>"), (b"a <b>bold</b> word", "a bold word"), (b"<p>all</p>", "all"),
    (b"a<!-- c -->b", "ab"), (b"&#22353;", "\u5751"), (b"", ""),
])  # fmt: skip
def test_spoilt_texts_are_mended_and_nothing_else_is_lost(written: bytes, said: str) -> None:
    body = b"<service_requests><request><service_request_id>7</service_request_id><description>" + written
    (found,) = read_records(REQUESTS, body + b"</description></request></service_requests>")
    assert (found.service_request_id, found.description) == ("7", said)


@pytest.mark.parametrize("body", [
    b"<errors><error><code>403</code><description>Li Lei</description></error></errors>",
    b'[{"code": 403, "description": "Li Lei"}]', b'{"errors": [{"code": 403, "description": "Li Lei"}]}',
    b'{"errors": {"error": {"code": "403", "description": "Li Lei"}}}', b'{"code": 403, "description": "Li Lei"}',
])  # fmt: skip
def test_errors_are_told_whatever_was_asked_for(body: bytes) -> None:
    with pytest.raises(ErrorsError) as raised:
        read_records(REQUESTS, body)
    assert raised.value.errors == [Error(code="403", description="Li Lei")]
    assert "Li Lei" not in str(raised.value)
    assert read_records(ERRORS, body) == raised.value.errors


_BOMB = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize("body", [
    b"", b"   ", b"<html><body>Down for maintenance</body></html>", b"<html><body>Down<br></body></html>", b"7", b'"text"',
    b"<services/>", _BOMB + b"<service_requests><request><status>&b;</status></request></service_requests>",
    b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><service_requests/>',
    b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]><service_requests><request><status>&x;</status></request></service_requests>',
    b"<service_requests>" + b"<a>" * 300 + b"</a>" * 300 + b"</service_requests>",
    b"<service_requests><request>" + b"<a>" * 60 + b"</a>" * 60 + b"</request></service_requests>",
    b"[" * 100_000 + b"]" * 100_000,
], ids=range(13))  # fmt: skip
def test_what_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        raw_records(REQUESTS, body)


def test_times_degrees_and_lists_are_read_as_systems_write_them() -> None:
    body = b"""[{"service_request_id": 12345678901234567890, "lat": "0", "long": 121.47370000000001, "zipcode": 12,
      "requested_datetime": "2026-01-06T08:00:00+08:00", "updated_datetime": "yesterday", "expected_datetime": "",
      "notes": {"datetime": "2026-01-06T08:00:00", "description": "x"}, "media_url": null, "keywords": ["a", "b"]}]"""
    (found,) = read_records(REQUESTS, body)
    assert found.service_request_id == "12345678901234567890"
    assert (found.lat, found.long, found.zipcode) == (0.0, 121.47370000000001, "12")
    assert (found.requested_datetime, found.updated_datetime, found.expected_datetime) == (
        1_767_657_600_000,
        None,
        None,
    )
    assert found.notes == [HistoryNote(datetime=1_767_686_400_000, description="x")]
    (service,) = read_records(SERVICES, b'[{"service_code": "1", "keywords": ["a", "b"], "metadata": "True"}]')
    assert (service.keywords, service.metadata) == ("a,b", True)


def test_what_a_system_adds_is_kept_for_who_wants_it() -> None:
    of_json = raw_records(
        REQUESTS,
        b'[{"service_request_id": 7, "extended_attributes": {"ward": 3, "classification": "x"}, "agency": "a"}]',
    )
    of_xml = raw_records(
        REQUESTS,
        b"<service_requests><request><service_request_id>7</service_request_id><extended_attributes><ward>3</ward><classification>x"
        b"</classification></extended_attributes><agency>a</agency></request></service_requests>",
    )  # fmt: skip
    assert of_json == of_xml
    assert of_json[0]["extended_attributes"] == {"ward": "3", "classification": "x"}


def test_a_name_that_is_none_is_refused_before_it_is_written() -> None:
    with pytest.raises(ValueError, match="letters"):
        Request(extended_attributes={"<x>": "1"})


_INSIDE = "<services><service><service_code>{}</service_code><service_name>x</service_name></service></services>"
_LAUGHS = "".join(f'<!ENTITY l{number} "{f"&l{number - 1};" * 10}">' for number in range(1, 12))
_HOSTILE = {
    "billion laughs": f'<!DOCTYPE services [<!ENTITY l0 "ha">{_LAUGHS}]>{_INSIDE.format("&l11;")}',
    "quadratic": f'<!DOCTYPE services [<!ENTITY a "{"a" * 50_000}">]>{_INSIDE.format("&a;" * 1_000)}',
    "a file": f'<!DOCTYPE services [<!ENTITY f SYSTEM "file:///etc/passwd">]>{_INSIDE.format("&f;")}',
    "the network": f'<!DOCTYPE services SYSTEM "http://127.0.0.1:1/x.dtd">{_INSIDE.format("1")}',
    "a parameter": f'<!DOCTYPE services [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]>{_INSIDE.format("1")}',
    "a default attribute": f'<!DOCTYPE services [<!ATTLIST service a CDATA "x">]>{_INSIDE.format("1")}',
    "deep": f"<services>{'<service>' * 200}x{'</service>' * 200}</services>",
    "deeper": f"<services>{'<service>' * 100_000}x{'</service>' * 100_000}</services>",
    "endless": "<services>" + "<service>" * 100_000,
}


@pytest.mark.parametrize("hostile", _HOSTILE)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_hostile_document_is_refused_and_tells_nothing(hostile: str, encoding: str) -> None:
    declared = f"<?xml version='1.0' encoding='{encoding}'?>{_HOSTILE[hostile]}".encode(encoding)
    with pytest.raises(UnreadableError) as refused:
        read_records(SERVICES, declared)
    assert "root:" not in str(refused.value)
    assert len(str(refused.value)) < 500


def test_nothing_is_included() -> None:
    included = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
    assert "root:" not in repr(read_records(SERVICES, _INSIDE.format(included).encode()))


_XML_TEXTS = st.sampled_from(
    [
        "&amp;",
        "&lt;",
        "&#0;",
        "&#x1F600;",
        "&lol;",
        "&",
        "<![CDATA[<x>]]>",
        "<!-- -->",
        "<?php ?>",
        "\x00",
        "]]>",
        "%e;",
        "1",
    ]
) | st.text(max_size=5)
_ELEMENTS = st.recursive(
    st.lists(_XML_TEXTS, max_size=3).map("".join),
    lambda inner: st.builds(
        "<{0} {2}>{1}</{0}>".format,
        st.sampled_from(["services", "service", "service_code", "attributes", "x:y", "request"]),
        st.lists(inner, max_size=3).map("".join),
        st.sampled_from(["", "xmlns:x='u'", "a='1' a='2'", "a=1", "a='&lol;'", "xml:lang='zh'"]),
    ),
    max_leaves=8,
)

_PROLOGS = st.sampled_from(
    [
        "",
        "<?xml version='1.0'?>",
        "<?xml version='1.1' encoding='x'?>",
        "<!DOCTYPE s [<!ENTITY lol 'x'>]>",
        "\ufeff",
        " \n",
    ]
)


@given(_PROLOGS, _ELEMENTS, st.sampled_from(["utf-8", "utf-16", "gb18030"]))
def test_whatever_xml_comes_is_read_or_refused_by_name(prolog: str, element: str, encoding: str) -> None:
    body = f"{prolog}<services>{element}</services>".encode(encoding, "surrogatepass")
    for shape in SHAPES:
        try:
            read_records(shape, body)
        except (UnreadableError, ErrorsError):
            continue


@pytest.mark.parametrize(
    "charset", ["undefined", "idna", "punycode", "unicode-escape", "Raw_Unicode_Escape", "hex", "nobody's"]
)
def test_a_charset_that_is_none_is_read_as_utf_8(charset: str) -> None:
    """Of one that takes the square of the time, this much took a minute."""
    name = charset if charset != "nobody's" else "x-nobody"
    said = f"深 & {'a' * 200_000}-{'b' * 200_000} \\u0041"
    xml = f'<?xml version="1.0" encoding="{name}"?><services><service><description>{said}</description></service></services>'
    spark = f'[{{"description": "{said}"}}]'
    for body, told in ((xml, None), (xml.partition("?>")[2], charset), (spark, charset)):
        (found,) = documents.raw_records(documents.SERVICES, body.encode(), told)
        assert found["description"].startswith("深 & a")


@pytest.mark.timeout(20)
def test_a_declaration_that_says_its_encoding_again_and_again_costs_no_time() -> None:
    with pytest.raises(UnreadableError):
        read_records(documents.REQUESTS, b"<?xml " + b' encoding="a"' * 100_000 + b"<service_requests")
