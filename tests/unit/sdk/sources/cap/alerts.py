"""Alerts of CAP 1.2, made for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.sdk.sources.http.api import Api

_INFO = """<info><language>{language}</language><category>Met</category><event>Rainstorm</event><responseType>Avoid</responseType>
<urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty>
<eventCode><valueName>GB</valueName><value>11B03</value></eventCode>{expires}<senderName>Example office</senderName>
<headline>{headline}</headline><description>60 mm in three hours</description><instruction>Stay inside</instruction>
<parameter><valueName>colour</valueName><value>orange</value></parameter>
<area><areaDesc>Example District</areaDesc>{area}<geocode><valueName>GB2260</valueName><value>310101</value></geocode>
<geocode><valueName>GB2260</valueName><value>310104</value></geocode></area></info>"""
POLYGON = "<polygon>31.0,121.0 31.0,121.4 31.4,121.4 31.4,121.0 31.0,121.0</polygon>"
CIRCLE = "<circle>31.2304,121.4737 2.5</circle>"


def info(language: str = "zh-CN", headline: str = "Heavy rain", area: str = POLYGON, expires: str | None = None) -> str:
    said = f"<expires>{expires}</expires>" if expires else ""
    return _INFO.format(language=language, headline=headline, area=area, expires=said)


def name(number: int, sent: str = "08:00:00") -> str:
    """As references write it."""
    return f"warnings@met.example,W-{number},2026-01-06T{sent}+08:00"


def alert(
    number: int = 1,
    kind: str = "Alert",
    *,
    sent: str = "08:00:00",
    status: str = "Actual",
    references: str = "",
    infos: str | None = None,
    more: str = "",
) -> bytes:
    said = f"<references>{references}</references>" if references else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>W-{number}</identifier>
<sender>warnings@met.example</sender><sent>2026-01-06T{sent}+08:00</sent><status>{status}</status>
<msgType>{kind}</msgType><scope>Public</scope>{more}{said}{info() if infos is None else infos}</alert>""".encode()


def numbered(number: int) -> bytes:
    """One a minute."""
    return alert(number, sent=f"{8 + number // 60:02d}:{number % 60:02d}:00")


class Feed(Api):
    """Atom, the newest alert first, with alerts behind its links."""

    def __init__(self) -> None:
        super().__init__([])
        self.count = 0
        self._garbled: set[int] = set()

    def warn(self, count: int) -> None:
        self.count += count

    def garble(self) -> None:
        """One that is none."""
        self._garbled.add(self.count)
        self.count += 1

    def answer(self, query: dict[str, str]) -> tuple[Any, dict[str, str]]:
        if "number" in query:
            number = int(query["number"])
            return b"<other/>" if number in self._garbled else numbered(number), {}
        links = (f'<entry><link href="{self.url}/one?number={each}"/></entry>' for each in reversed(range(self.count)))
        return f'<feed xmlns="http://www.w3.org/2005/Atom">{"".join(links)}</feed>'.encode(), {}


class Office:
    """Puts alerts into a folder, whole, one after the other."""

    def __init__(self, folder: Path, body: Callable[[int], bytes] | None = None) -> None:
        self.folder, self._count = folder, 0
        self._body = body or numbered
        folder.mkdir(exist_ok=True)

    def warn(self, count: int) -> None:
        for _ in range(count):
            self.put(f"{self._count:04d}.xml", self._body(self._count))
            self._count += 1

    def put(self, name: str, body: bytes) -> None:
        made = self.folder / f"{name}.part"
        made.write_bytes(body)
        made.rename(self.folder / name)
