"""The three-level taxonomies of hotline, city management, police and petitions, resolved from sample exports: the labels are those
of public data (GB/T 39666-2020 and GB/T 30428.2 have tables that were not read), the categories written beside them by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from hub.backtest.intake import EventFile, read_events
from hub.backtest.mappings import ChosenMapping
from hub.policy import City, load_city
from hub.sdk.mapping.mapping import load_mapping
from hub.settings import ROOT
from tests.unit.flows.played import FLOWS

HOTLINE = {
    "城市管理/市容环境卫生/垃圾清运": "order.appearance", "城市管理/违法建设/私搭乱建": "order.illegal_build",
    "城市管理/户外广告/破损": "order.advert", "城市管理/街面秩序/流动摊贩": "order.stall",
    "城市管理/停车管理/违停": "order.parking",
    "住房城乡建设/物业管理/物业收费": "building.property", "住房城乡建设/房屋安全/危房": "building.safety",
    "住房城乡建设/老旧小区改造/加装电梯": "h45.housing", "住房城乡建设/施工管理/夜间施工": "noise.site",
    "住房城乡建设/供热/不热": "heat.cold", "住房城乡建设/供气/收费": "gas.service", "交通运输/公共交通/线路": "taxi.ride",
    "交通运输/道路设施/护栏": "road.facility", "交通运输/出租网约车/拒载": "taxi.ride", "交通运输/轨道交通/服务": "transport.metro",
    "市场管理/消费纠纷/退款": "market.complaint", "市场管理/单用途预付卡/健身": "market.complaint",
    "市场管理/食品安全/变质": "food.safety", "市场管理/价格/未明码标价": "market.lead", "市场管理/产品质量/假冒": "market.lead",
    "市场管理/特种设备(电梯)/停运": "lift.fault", "生态环境/噪声/广场舞": "noise.social", "生态环境/大气/扬尘": "air.dust",
    "生态环境/大气/油烟": "air.fumes", "生态环境/水/排污": "water.foul", "生态环境/固废/倾倒": "h45.ecology",
    "劳动和社会保障/拖欠工资/工程": "wages.unpaid", "劳动和社会保障/社会保险/补缴": "social.security",
    "劳动和社会保障/劳动合同/解除合同": "labour.case", "劳动和社会保障/就业/招聘": "h45.labour", "教育/入学/小学": "school.fees",
    "教育/收费/学费": "school.fees", "教育/校外培训/退费": "h45.education", "教育/师德/体罚": "h45.education",
    "医疗卫生/医疗服务/挂号": "h45.health", "医疗卫生/公共卫生/疫苗": "h45.health", "医疗卫生/医保报销/异地": "social.medical",
    "民政/社会救助/低保": "social.relief", "民政/养老/机构": "h45.civil", "民政/婚姻殡葬/公墓": "h45.civil",
    "民政/社区/选举": "h45.civil",
    "公共安全/消防/通道": "h45.safety", "公共安全/治安/打架": "police.call", "公共安全/应急/避难所": "h45.safety",
    "公共安全/安全生产/隐患": "h45.safety", "水务/供水/停水": "water.outage", "水务/排水/堵塞": "drain.blocked",
    "水务/河道/采砂": "river.works", "电力能源/停电/故障": "power.fault", "电力能源/设施/变压器": "power.fault",
    "电力能源/电价/阶梯": "h45.energy", "园林绿化/绿地养护/枯死": "order.green", "园林绿化/树木/修剪": "green.tree",
    "园林绿化/公园/设施": "order.green", "通信管理/宽带电话/断网": "telecom.fault", "通信管理/杆线/垂落": "telecom.line",
    "农业农村/土地承包/确权": "land.contract", "农业农村/村务/公开": "h45.farm", "农业农村/补贴/农机": "h45.farm",
    "科体文宣/旅游/景区": "tourism.complaint", "科体文宣/文化/展览": "h45.culture", "科体文宣/体育/场馆": "h45.culture",
    "退役军人事务/优抚/补助": "h45.veterans",
}  # fmt: skip
POLICE = {
    "110/群众紧急求助/走失": "police.call", "110/纠纷/邻里": "dispute.neighbour", "110/社会联动/噪声扰民": "noise.social",
    "110/社会联动/其他": "advice.request", "110/咨询/户籍": "advice.question", "110/投诉监督/服务": "advice.opinion",
    "110/其他警情/其他": "police.call", "110/道路交通类警情/设施损坏": "road.signal", "110/道路交通类警情/违停": "order.parking",
}  # fmt: skip
NOT_THE_HUBS = ("刑事类警情", "行政(治安)类警情", "聚集上访", "群体性事件")
CITY_MANAGEMENT = {
    ("30428", "100102"): "污水井盖", ("30428", "100137"): "路灯", ("30428", "200501"): "供水管道破裂",
    ("30428", "200493"): "共享单车管理", ("30428", "200696"): "非法采砂、取土",
}  # fmt: skip
PETITIONS = {
    "劳动和社会保障/工资福利": "petition.claim", "城乡建设/工程质量": "petition.claim", "农民工讨薪/工程": "petition.claim",
    "政法(涉法涉诉)/诉讼": "petition.other", "涉警/执法": "petition.other", "国资监管/改制": "petition.other",
}  # fmt: skip


@pytest.fixture(scope="module")
def city() -> City:
    """With all packs at once: no taxonomy takes another's words."""
    return load_city(ROOT / "ops" / "cities" / "cn-full")


def exported(folder: Path, pack: str, rows: list[dict[str, str]]) -> dict[str, str]:
    """What the pack's mapping makes of such an export: the category's label as it is sent, by reference."""
    with (FLOWS / pack / "statements.csv").open(encoding="utf-8", newline="") as file:
        first = next(csv.DictReader(file))
    export = folder / "export.csv"
    with export.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(first))
        writer.writeheader()
        writer.writerows(first | row for row in rows)
    intake = read_events([EventFile(export, ChosenMapping(pack, load_mapping(FLOWS / pack / "mapping.yaml"), pack))])
    assert not intake.rejects, intake.rejects
    return {each.source_ref: each.category for each in intake.events}


def code_of(city: City, label: str) -> str | None:
    found = city.category_of(label)
    return found and found.code


@pytest.mark.parametrize(("wanted", "platform"), [(HOTLINE, "12345"), (POLICE, "110")], ids=["hotline", "police"])
def test_work_orders_of_three_levels(city: City, tmp_path: Path, wanted: dict[str, str], platform: str) -> None:
    levels = [dict(zip(("一级", "二级", "三级"), label.split("/"), strict=True)) for label in wanted]
    rows = [each | {"平台": platform, "工单编号": f"W{number}"} for number, each in enumerate(levels)]
    sent = exported(tmp_path, "hotline-12345", rows)
    found = {label: code_of(city, sent[f"W{number}"]) for number, label in enumerate(wanted)}
    assert found == wanted


def test_what_is_the_polices_alone_never_leaves_its_system(tmp_path: Path) -> None:
    rows = [{"平台": "110", "工单编号": kind, "一级": "110", "二级": kind, "三级": "其他"} for kind in NOT_THE_HUBS]
    assert exported(tmp_path, "hotline-12345", rows) == {}


def test_kinds_of_city_management_by_their_code(city: City, tmp_path: Path) -> None:
    rows = [{"标准": system, "代码": code, "案卷编号": code} for system, code in CITY_MANAGEMENT]
    sent = exported(tmp_path, "citymgmt-190", rows)
    found = {code: city.category_of(sent[code]) for _, code in CITY_MANAGEMENT}
    assert {code: each and each.name.zh for code, each in found.items()} == {
        code: name for (_, code), name in CITY_MANAGEMENT.items()
    }
    # 2004 is 突发事件 in the older system and 街面秩序 in the newer: a code of the one is never read as the other's
    assert code_of(city, exported(tmp_path, "citymgmt-190", [{"标准": "214", "代码": "200501"}])["CM1"]) is None


def test_petitions_by_their_content(city: City, tmp_path: Path) -> None:
    rows = [
        dict(zip(("一级类别", "二级类别"), label.split("/"), strict=True)) | {"信访件编号": label}
        for label in PETITIONS
    ]
    sent = exported(tmp_path, "petition-law", rows)
    assert {label: code_of(city, sent[label]) for label in PETITIONS} == PETITIONS
