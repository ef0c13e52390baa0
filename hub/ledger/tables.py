"""The tables of the ledger, each column with its Chinese name: what hub/ledger/migrations makes, and docs/ledger.md explains.

Times are ms since 1970 UTC; views for people (hub/ledger/views.py) show them as times. Rows of `changes`, `notices`, `orders`,
`replies`, `receipts` and `dead_letters` are the records of the topics, without what somebody wrote in his own words.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, Table, Text, text

METADATA = MetaData()
_WHERE = (("kafka_partition", Integer, "分区"), ("kafka_offset", BigInteger, "位移"))
_WRITTEN = ("written_at", BigInteger, "写入时间")
Named = tuple[str, Any, str]


def _table(name: str, zh: str, keys: int, *columns: Named, indexes: tuple[Index, ...] = ()) -> Table:
    """The first `keys` columns make a row one."""
    made = [
        Column(
            column, kind, primary_key=index < keys, autoincrement=False, nullable=index >= keys, comment=comment
        )
        for index, (column, kind, comment) in enumerate(columns)
    ]  # fmt: skip
    return Table(name, METADATA, *made, *indexes, comment=zh, sqlite_with_rowid=False)


_OPEN = text("state = 'open'")


def _urgent_first(name: str, *before: str) -> Index:
    """Open cases, what is overdue first: the list that is asked for all day."""
    columns: tuple[Any, ...] = (*before, text("overdue desc"), text("(due_at is null)"), "due_at", "case_id")
    return Index(name, *columns, sqlite_where=_OPEN, postgresql_where=_OPEN)


CASES_TABLE = _table(
    "cases", "案件", 1,
    ("case_id", Text, "案件编号"), ("state", Text, "状态"), ("outcome", Text, "结果"),
    ("department", Text, "主办部门"), ("helpers", Text, "协办部门"), ("area", Text, "区域"), ("category", Text, "类别"),
    ("urgency", Text, "紧急程度"), ("channel", Text, "渠道"), ("rule", Text, "派单规则"), ("queue", Text, "队列"),
    ("priority", Integer, "优先级"), ("desk_reason", Text, "转派单台原因"), ("opened_at", BigInteger, "立案时间"),
    ("changed_at", BigInteger, "最近变更时间"), ("change", Text, "最近变更"), ("ended_at", BigInteger, "办结时间"),
    ("due_at", BigInteger, "最早到期"), ("due_clock", Text, "到期时限"), ("overdue", Boolean, "是否超时"),
    ("reports", Integer, "来报数"), ("lead_source", Text, "首报来源"), ("lead_ref", Text, "首报编号"),
    ("lat", Float, "纬度"), ("lon", Float, "经度"), ("rules", Text, "规则版本"), ("address", Text, "地址"),
    ("address_at", BigInteger, "地址所属指令时间"), ("address_order", Text, "地址所属指令"),
    ("progress", Text, "部门进展"), ("progress_at", BigInteger, "部门进展时间"), ("progress_update", Text, "部门进展所属反馈"),
    ("result", Text, "办理结果"), ("until_at", BigInteger, "挂账至"), ("result_at", BigInteger, "办理结果时间"),
    ("result_update", Text, "办理结果所属反馈"), ("unit", Text, "承办单位"),
    *_WHERE, _WRITTEN,
    indexes=(
        _urgent_first("cases_urgent"), _urgent_first("cases_of_department", "department"),
        _urgent_first("cases_of_area", "area"), _urgent_first("cases_of_category", "category"),
        Index("cases_opened", "opened_at"), Index("cases_ended", "ended_at"),
    ),
)  # fmt: skip
CLOCKS_TABLE = _table(
    "clocks", "时限", 4,
    ("case_id", Text, "案件编号"), ("clock", Text, "时限"), ("policy", Text, "时限规则"), ("started_at", BigInteger, "起算时间"),
    ("state", Text, "状态"), ("due_at", BigInteger, "到期时间"), ("department", Text, "责任部门"),
    ("warn_at", BigInteger, "应预警时间"), ("warned_at", BigInteger, "预警时间"), ("breached_at", BigInteger, "超时时间"),
    ("ended_at", BigInteger, "终止时间"), ("duration", Float, "时长"), ("unit", Text, "时长单位"),
    ("provisional", Boolean, "假日未定"), ("given_due_at", BigInteger, "立案时到期时间"), ("notice", Text, "最近通知"),
    ("notice_due_at", BigInteger, "最近通知的到期时间"),
    indexes=(Index("clocks_live", "clock", "due_at", sqlite_where=text("state in ('running', 'warned', 'breached')"),
                   postgresql_where=text("state in ('running', 'warned', 'breached')")),),
)  # fmt: skip
HELPERS_TABLE = _table(
    "helpers", "协办", 2,
    ("department", Text, "协办部门"), ("case_id", Text, "案件编号"),
    indexes=(Index("helpers_case", "case_id"),),
)  # fmt: skip
REPORTS_TABLE = _table(
    "reports", "来报", 3,
    ("source", Text, "来源"), ("ref", Text, "来报编号"), ("case_id", Text, "案件编号"),
    ("revision", Integer, "版本号"), ("change", Text, "最近变更"), ("first_at", BigInteger, "首次时间"),
    ("last_at", BigInteger, "最近时间"), ("has_left", Boolean, "已撤销并案"), ("link_score", Float, "并案得分"),
    ("link_distance_m", Float, "并案距离（米）"), ("link_apart_s", Float, "并案时差（秒）"), ("link_reasons", Text, "并案理由"),
    _WRITTEN,
    indexes=(Index("reports_case", "case_id"),),
)  # fmt: skip
CHANGES_TABLE = _table(
    "changes", "案件变更", 3,
    ("case_id", Text, "案件编号"), *_WHERE, ("change", Text, "变更"), ("happened_at", BigInteger, "发生时间"),
    ("source", Text, "来源"), ("ref", Text, "来报编号"), ("revision", Integer, "版本号"), ("department", Text, "主办部门"),
    ("category", Text, "类别"), ("urgency", Text, "紧急程度"), ("area", Text, "区域"), ("rule", Text, "派单规则"),
    ("reports", Integer, "来报数"), ("is_over", Boolean, "已结"), ("reopens", Boolean, "重新办理"),
    ("unlinks", Boolean, "撤销并案"),
    ("link_score", Float, "并案得分"), ("link_reasons", Text, "并案理由"), ("rules", Text, "规则版本"), _WRITTEN,
)  # fmt: skip
NOTICES_TABLE = _table(
    "notices", "时限通知", 3,
    ("case_id", Text, "案件编号"), *_WHERE, ("clock", Text, "时限"), ("kind", Text, "通知"), ("department", Text, "责任部门"),
    ("category", Text, "类别"), ("policy", Text, "时限规则"), ("started_at", BigInteger, "起算时间"),
    ("due_at", BigInteger, "到期时间"), ("happened_at", BigInteger, "发生时间"),
    ("noticed_at", BigInteger, "发现时间"), ("corrects", Boolean, "更正"), _WRITTEN,
    indexes=(Index("notices_happened", "happened_at"),),
)  # fmt: skip
ORDERS_TABLE = _table(
    "orders", "指令", 4,
    ("case_id", Text, "案件编号"), ("department", Text, "部门"), *_WHERE, ("order_id", Text, "指令编号"),
    ("kind", Text, "指令类型"),
    ("issued_at", BigInteger, "下达时间"), ("due_at", BigInteger, "最早到期"), ("area", Text, "区域"), ("rule", Text, "规则"),
    ("queue", Text, "队列"), ("lead", Text, "主办部门"), ("priority", Integer, "优先级"), ("source", Text, "来源"),
    ("ref", Text, "来报编号"), ("address", Text, "地址"), _WRITTEN, ("is_called", Boolean, "一并召集"),
    ("joined", Text, "共同办理部门"),
)  # fmt: skip
REPLIES_TABLE = _table(
    "replies", "回复", 4,
    ("case_id", Text, "案件编号"), ("source", Text, "来源"), *_WHERE, ("reply_id", Text, "回复编号"), ("ref", Text, "来报编号"),
    ("department", Text, "部门"), ("status", Text, "状态"), ("happened_at", BigInteger, "发生时间"), _WRITTEN,
    indexes=(Index("replies_ref", "source", "ref"),),
)  # fmt: skip
RECEIPTS_TABLE = _table(
    "receipts", "回执", 4,
    ("case_id", Text, "案件编号"), ("department", Text, "部门"), *_WHERE, ("update_id", Text, "反馈编号"),
    ("revision", Integer, "版本号"),
    ("event", Text, "反馈"), ("outcome", Text, "处理结果"), ("decided_at", BigInteger, "处理时间"),
    ("counts_from", BigInteger, "生效时间"), ("detail", Text, "说明"), _WRITTEN,
)  # fmt: skip
DEAD_LETTERS_TABLE = _table(
    "dead_letters", "死信", 2,
    *_WHERE, ("stage", Text, "环节"), ("reason", Text, "原因"), ("detail", Text, "说明"), ("happened_at", BigInteger, "时间"),
    ("origin_topic", Text, "来处主题"), ("origin_partition", Integer, "来处分区"), ("origin_offset", BigInteger, "来处位移"),
    ("until_offset", BigInteger, "缺口止于"), ("file", Text, "文件"), ("line", BigInteger, "行"), _WRITTEN,
    indexes=(Index("dead_letters_happened", "happened_at"),),
)  # fmt: skip
PROJECTED = (
    CASES_TABLE,
    CLOCKS_TABLE,
    HELPERS_TABLE,
    REPORTS_TABLE,
    CHANGES_TABLE,
    NOTICES_TABLE,
    ORDERS_TABLE,
    REPLIES_TABLE,
    RECEIPTS_TABLE,
    DEAD_LETTERS_TABLE,
)
"""What is made from the topics, and made anew by a rebuild."""

POSITIONS_TABLE = _table(
    "positions", "读取位置", 2,
    ("topic", Text, "主题"), ("kafka_partition", Integer, "分区"), ("next_offset", BigInteger, "下一位移"), _WRITTEN,
    ("topic_id", Text, "主题编号"),
)  # fmt: skip
STANDING_TABLE = _table(
    "standing", "台账状态", 1,
    ("name", Text, "名称"), ("level_at", BigInteger, "最近追平时间"), ("behind", BigInteger, "落后条数"),
)  # fmt: skip
GONE = "gone"
"""The row of `standing` whose `behind` counts, at most, the records that were gone before the ledger had read them."""
HEARD_TABLE = _table(
    "heard", "来源最近来数", 1,
    ("source", Text, "来源"), ("heard_at", BigInteger, "最近来数时间"),
)  # fmt: skip
"""When each source's topic took a record last, by the broker's clock: repeats, and what was set aside, are in no other table."""
ERASED_TABLE = _table(
    "erased", "已删除的来报内容", 2,
    ("source", Text, "来源"), ("ref", Text, "来报编号"), ("erased_at", BigInteger, "删除时间"),
)  # fmt: skip
ACTS_TABLE = _table(
    "acts", "台账操作记录", 2,
    ("happened_at", BigInteger, "时间"), ("act_id", Text, "操作编号"), ("act", Text, "操作"), ("actor", Text, "操作人"),
    ("source", Text, "来源"), ("ref", Text, "来报编号"), ("before_at", BigInteger, "早于"), ("rows", BigInteger, "行数"),
)  # fmt: skip
