"""Reference systems by the names that systems really write, and none taken for another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.places.crs import converter_of, web_mercator_to_wgs84
from hub.model.crs import Crs, crs_of

NAMES = {
    Crs.WGS84: [
        "EPSG:4326", "epsg:4326", "4326", "SRID=4326", "WGS84", "WGS 84", "wgs-84", "WGS_1984", "GCS_WGS_1984", "GPS",
        "urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84", "urn:ogc:def:crs:EPSG::4326", "OGC:CRS84", "CRS84",
        "urn:ogc:def:crs:EPSG:6.9:4326", "http://www.opengis.net/def/crs/OGC/1.3/CRS84", "WGS84坐标系", "地球坐标系",
        "http://www.opengis.net/def/crs/EPSG/0/4326", "http://www.opengis.net/gml/srs/epsg.xml#4326", "World Geodetic System 1984",
        'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]]]', "+proj=longlat +datum=WGS84 +no_defs",
        "ＷＧＳ８４", " wgs84 ", "WGS-84坐标系（GPS）", "WGS84(4326)", "WGS84-4326", "WGS-84世界大地坐标系", "谷歌地球", "gps84",
        "GPS原始坐标", "wkid 4326", "WKID:4326",
    ],
    Crs.CGCS2000: [
        "EPSG:4490", "CGCS2000", "cgcs 2000", "国家2000", "2000国家大地坐标系", "国家大地坐标系2000", "天地图",
        "CGCS2000国家大地坐标系", "CGCS2000(4490)", "China Geodetic Coordinate System 2000",
    ],
    Crs.GCJ02: [
        "GCJ-02", "gcj02", "GCJ 02", "gcj_02", "火星坐标", "火星坐标系", "高德", "高德地图", "高德坐标", "腾讯地图", "国测局坐标",
        "国测局坐标（火星坐标）", "GCJ-02(高德)", "amap", "ＧＣＪ－０２", "国测局加密坐标系",
    ],
    Crs.BD09: ["BD-09", "bd09", "BD09LL", "bd-09 ll", "百度", "百度地图", "百度坐标系", "BD-09（百度坐标系）", "Baidu Map"],
    Crs.WEB_MERCATOR: ["EPSG:3857", "EPSG:900913", "ESRI:102100", "Web Mercator", "WGS 84 / Pseudo-Mercator", "3857"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "crs"), [(name, crs) for crs, names in NAMES.items() for name in names])
def test_a_system_is_known_by_every_usual_name(name: str, crs: Crs) -> None:
    assert crs_of(name) is crs
    assert (converter_of(name) is None) == (crs is Crs.WEB_MERCATOR)


@pytest.mark.parametrize(
    "name",
    ["", " ", "EPSG:27700", "EPSG:32650", "EPSG:43260", "EPSG:2000", "WGS 84 / UTM zone 50N", "BD09MC", "百度墨卡托", "北京54",
     "西安80", "city grid", "坐标系", "百度/高德", "urn:ogc:def:crs:OGC:1.3:CRS27", "12", "NAD83", "local",
     "EPSG:4326 高德坐标", "GCJ-02 EPSG:4326", "EPSG:4490 火星", "epsg:4326 baidu", "EPSG:4326 GCJ加密", "EPSG:3857 百度",
     "4326/gcj02",
     'PROJCS["CGCS2000",GEOGCS["CGCS2000"]]', 'PROJCS["WGS 84 / UTM zone 50N",GEOGCS["WGS 84"]]'],
)  # fmt: skip
def test_any_other_is_none(name: str) -> None:
    assert crs_of(name) is None


@given(st.text(max_size=300))
def test_any_text_is_a_system_or_none(name: str) -> None:
    assert crs_of(name) in {None, *Crs}


@pytest.mark.timeout(20)
def test_a_long_name_costs_no_time() -> None:
    for part in ("坐标系", "系", "epsg 1111 ", "wgs84", "map"):
        assert crs_of("x" + part * 100) is None


def test_the_hubs_own_names_mean_themselves() -> None:
    assert {crs: crs_of(crs) for crs in Crs} == {crs: crs for crs in Crs}


def test_web_mercator_is_brought_to_degrees() -> None:
    lat, lon = web_mercator_to_wgs84(12_748_310.2, 4_030_983.1)
    assert (lat, lon) == (pytest.approx(34.0162, abs=1e-3), pytest.approx(114.5202, abs=1e-3))
