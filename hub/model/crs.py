"""Names of coordinate reference systems: which of the systems that the hub knows a text means, however a system writes it."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache

from hub.model.base import MAX_CODE_CHARS


class Crs(StrEnum):
    """The systems the hub knows, by the name it uses for each."""

    WGS84 = "EPSG:4326"
    CGCS2000 = "EPSG:4490"
    """国家2000. Equal to WGS 84 to within a metre, and treated as such."""
    GCJ02 = "GCJ-02"
    """火星坐标: 高德, 腾讯."""
    BD09 = "BD-09"
    """百度坐标."""
    WEB_MERCATOR = "EPSG:3857"
    """Metres, not degrees: a connector converts it, an event never carries it."""


KNOWN_CRS = "WGS 84 (EPSG:4326), CGCS2000 (EPSG:4490, 国家2000), GCJ-02 (火星坐标, 高德), BD-09 (百度)"
"""For the end of an error about another one; all in degrees."""

_NUMBERS = {
    4326: Crs.WGS84, 4979: Crs.WGS84, 4490: Crs.CGCS2000, 4480: Crs.CGCS2000,
    3857: Crs.WEB_MERCATOR, 3785: Crs.WEB_MERCATOR, 900913: Crs.WEB_MERCATOR, 102100: Crs.WEB_MERCATOR, 102113: Crs.WEB_MERCATOR,
}  # fmt: skip
"""By the numbers of EPSG and Esri."""
_WORDS = {
    Crs.WGS84: (
        "wgs84", "wgs1984", "gcswgs1984", "worldgeodeticsystem1984", "worldgeodeticsystem84", "crs84h", "crs84", "gps84", "gps",
        "4326", "地球", "googleearth", "谷歌地球",
        "projlonglatdatumwgs84nodefs", "projlonglatellpswgs84datumwgs84nodefs",
    ),
    Crs.CGCS2000: (
        "cgcs2000", "gcscgcs2000", "chinageodeticcoordinatesystem2000", "gcschinageodeticcoordinatesystem2000", "2000", "4490",
        "天地图", "tianditu",
    ),
    Crs.GCJ02: (
        "gcj02", "gcj", "火星", "mars", "国测局02", "国测局", "高德", "gaode", "amap", "autonavi", "腾讯", "tencent", "qqmap",
        "搜搜", "soso",
    ),
    Crs.BD09: ("bd09", "百度09", "百度", "baidu"),
    Crs.WEB_MERCATOR: (
        "webmercator", "web墨卡托", "pseudomercator", "wgs84pseudomercator", "sphericalmercator", "googlemercator",
        "wgs84webmercator", "wgs1984webmercator", "wgs1984webmercatorauxiliarysphere",
    ),
}  # fmt: skip
_FILLERS = (
    "坐标系统", "坐标系", "坐标", "经纬度", "地图", "国家", "中国", "世界", "大地", "加密", "原始", "系", "coordinates",
    "coordinate", "system", "datum", "lnglat", "latlng", "lonlat", "latlon", "map", "ll", "ogc",
)  # fmt: skip
"""What stands beside the words that name a system and says nothing more."""
_MEANING: dict[str, Crs | None] = dict.fromkeys(_FILLERS) | {
    word: crs for crs, words in _WORDS.items() for word in words
}
_WORD = "|".join(sorted(map(re.escape, _MEANING), key=len, reverse=True))
_NAME = re.compile(f"(?>{_WORD})++")  # takes nothing back: a sender must not make it search for long
_ANY_WORD = re.compile(_WORD)
_NUMBER = re.compile(r"(?:epsg|esri|srid|wkid).*?(?<!\d)(\d{4,6})\D*$|^(\d{4,6})$", re.DOTALL)
_OGC = re.compile(r"ogc.*crs84h?$", re.DOTALL)
_SHIFTED = (Crs.GCJ02, Crs.BD09)
"""No number means these: beside a number their names contradict it."""
_WELL_KNOWN_TEXT = re.compile(r'(geog|geod|proj)\w*\s*[\[(]\s*"([^"]+)"')


@lru_cache(maxsize=1024)
def crs_of(name: str) -> Crs | None:
    """The system that `name` means, or None if it is none of those known.

    Understood are the usual names in English and Chinese, EPSG numbers alone or in a URN or URL, OGC's CRS84, and the name in
    well-known text. Case, blanks, width and punctuation do not matter.
    """
    text = unicodedata.normalize("NFKC", name[:MAX_CODE_CHARS]).casefold().strip()
    if found := _WELL_KNOWN_TEXT.match(text):
        named = _named(found[2])
        return named if (found[1] == "proj") == (named is Crs.WEB_MERCATOR) else None
    return _named(text)


def _named(text: str) -> Crs | None:
    key = "".join(character for character in text if character.isalnum())
    if found := _NUMBER.search(text):
        number = int(found[1] or found[2])
        if found[1] or number in _NUMBERS:
            denied = any(_MEANING[word[0]] in _SHIFTED for word in _ANY_WORD.finditer(key))
            return None if denied else _NUMBERS.get(number)
    return Crs.WGS84 if _OGC.search(key) else _by_words(key)


def _by_words(key: str) -> Crs | None:
    """The one system that all words of `key` name; None if there is a word that says something else."""
    if not _NAME.fullmatch(key):
        return None
    systems = {_MEANING[found[0]] for found in _ANY_WORD.finditer(key)} - {None}
    return systems.pop() if len(systems) == 1 else None
