"""The first tables of the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "acts",
        sa.Column("happened_at", sa.BigInteger, nullable=False, comment="时间"),
        sa.Column("act_id", sa.Text, nullable=False, comment="操作编号"),
        sa.Column("act", sa.Text, nullable=True, comment="操作"),
        sa.Column("actor", sa.Text, nullable=True, comment="操作人"),
        sa.Column("source", sa.Text, nullable=True, comment="来源"),
        sa.Column("ref", sa.Text, nullable=True, comment="来报编号"),
        sa.Column("before_at", sa.BigInteger, nullable=True, comment="早于"),
        sa.Column("rows", sa.BigInteger, nullable=True, comment="行数"),
        sa.PrimaryKeyConstraint("happened_at", "act_id"),
        comment="台账操作记录",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cases",
        sa.Column("case_id", sa.Text, nullable=False, comment="案件编号"),
        sa.Column("state", sa.Text, nullable=True, comment="状态"),
        sa.Column("outcome", sa.Text, nullable=True, comment="结果"),
        sa.Column("department", sa.Text, nullable=True, comment="主办部门"),
        sa.Column("helpers", sa.Text, nullable=True, comment="协办部门"),
        sa.Column("area", sa.Text, nullable=True, comment="区域"),
        sa.Column("category", sa.Text, nullable=True, comment="类别"),
        sa.Column("urgency", sa.Text, nullable=True, comment="紧急程度"),
        sa.Column("channel", sa.Text, nullable=True, comment="渠道"),
        sa.Column("rule", sa.Text, nullable=True, comment="派单规则"),
        sa.Column("queue", sa.Text, nullable=True, comment="队列"),
        sa.Column("priority", sa.Integer, nullable=True, comment="优先级"),
        sa.Column("desk_reason", sa.Text, nullable=True, comment="转派单台原因"),
        sa.Column("opened_at", sa.BigInteger, nullable=True, comment="立案时间"),
        sa.Column("changed_at", sa.BigInteger, nullable=True, comment="最近变更时间"),
        sa.Column("change", sa.Text, nullable=True, comment="最近变更"),
        sa.Column("ended_at", sa.BigInteger, nullable=True, comment="办结时间"),
        sa.Column("due_at", sa.BigInteger, nullable=True, comment="最早到期"),
        sa.Column("due_clock", sa.Text, nullable=True, comment="到期时限"),
        sa.Column("overdue", sa.Boolean, nullable=True, comment="是否超时"),
        sa.Column("reports", sa.Integer, nullable=True, comment="来报数"),
        sa.Column("lead_source", sa.Text, nullable=True, comment="首报来源"),
        sa.Column("lead_ref", sa.Text, nullable=True, comment="首报编号"),
        sa.Column("lat", sa.Float, nullable=True, comment="纬度"),
        sa.Column("lon", sa.Float, nullable=True, comment="经度"),
        sa.Column("rules", sa.Text, nullable=True, comment="规则版本"),
        sa.Column("address", sa.Text, nullable=True, comment="地址"),
        sa.Column("address_at", sa.BigInteger, nullable=True, comment="地址所属指令时间"),
        sa.Column("address_order", sa.Text, nullable=True, comment="地址所属指令"),
        sa.Column("progress", sa.Text, nullable=True, comment="部门进展"),
        sa.Column("progress_at", sa.BigInteger, nullable=True, comment="部门进展时间"),
        sa.Column("progress_update", sa.Text, nullable=True, comment="部门进展所属反馈"),
        sa.Column("kafka_partition", sa.Integer, nullable=True, comment="分区"),
        sa.Column("kafka_offset", sa.BigInteger, nullable=True, comment="位移"),
        sa.Column("written_at", sa.BigInteger, nullable=True, comment="写入时间"),
        sa.PrimaryKeyConstraint("case_id"),
        comment="案件",
        sqlite_with_rowid=False,
    )
    op.create_index("cases_ended", "cases", ["ended_at"])
    op.create_index(
        "cases_of_area",
        "cases",
        ["area", sa.text("overdue desc"), sa.text("(due_at is null)"), "due_at", "case_id"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "cases_of_category",
        "cases",
        ["category", sa.text("overdue desc"), sa.text("(due_at is null)"), "due_at", "case_id"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "cases_of_department",
        "cases",
        ["department", sa.text("overdue desc"), sa.text("(due_at is null)"), "due_at", "case_id"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("cases_opened", "cases", ["opened_at"])
    op.create_index(
        "cases_urgent",
        "cases",
        [sa.text("overdue desc"), sa.text("(due_at is null)"), "due_at", "case_id"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "changes",
        sa.Column("case_id", sa.Text, nullable=False, comment="案件编号"),
        sa.Column("kafka_partition", sa.Integer, nullable=False, comment="分区"),
        sa.Column("kafka_offset", sa.BigInteger, nullable=False, comment="位移"),
        sa.Column("change", sa.Text, nullable=True, comment="变更"),
        sa.Column("happened_at", sa.BigInteger, nullable=True, comment="发生时间"),
        sa.Column("source", sa.Text, nullable=True, comment="来源"),
        sa.Column("ref", sa.Text, nullable=True, comment="来报编号"),
        sa.Column("revision", sa.Integer, nullable=True, comment="版本号"),
        sa.Column("department", sa.Text, nullable=True, comment="主办部门"),
        sa.Column("category", sa.Text, nullable=True, comment="类别"),
        sa.Column("urgency", sa.Text, nullable=True, comment="紧急程度"),
        sa.Column("area", sa.Text, nullable=True, comment="区域"),
        sa.Column("rule", sa.Text, nullable=True, comment="派单规则"),
        sa.Column("reports", sa.Integer, nullable=True, comment="来报数"),
        sa.Column("is_over", sa.Boolean, nullable=True, comment="已结"),
        sa.Column("reopens", sa.Boolean, nullable=True, comment="重新办理"),
        sa.Column("unlinks", sa.Boolean, nullable=True, comment="撤销并案"),
        sa.Column("link_score", sa.Float, nullable=True, comment="并案得分"),
        sa.Column("link_reasons", sa.Text, nullable=True, comment="并案理由"),
        sa.Column("rules", sa.Text, nullable=True, comment="规则版本"),
        sa.Column("written_at", sa.BigInteger, nullable=True, comment="写入时间"),
        sa.PrimaryKeyConstraint("case_id", "kafka_partition", "kafka_offset"),
        comment="案件变更",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "clocks",
        sa.Column("case_id", sa.Text, nullable=False, comment="案件编号"),
        sa.Column("clock", sa.Text, nullable=False, comment="时限"),
        sa.Column("policy", sa.Text, nullable=False, comment="时限规则"),
        sa.Column("started_at", sa.BigInteger, nullable=False, comment="起算时间"),
        sa.Column("state", sa.Text, nullable=True, comment="状态"),
        sa.Column("due_at", sa.BigInteger, nullable=True, comment="到期时间"),
        sa.Column("department", sa.Text, nullable=True, comment="责任部门"),
        sa.Column("warn_at", sa.BigInteger, nullable=True, comment="应预警时间"),
        sa.Column("warned_at", sa.BigInteger, nullable=True, comment="预警时间"),
        sa.Column("breached_at", sa.BigInteger, nullable=True, comment="超时时间"),
        sa.Column("ended_at", sa.BigInteger, nullable=True, comment="终止时间"),
        sa.Column("duration", sa.Float, nullable=True, comment="时长"),
        sa.Column("unit", sa.Text, nullable=True, comment="时长单位"),
        sa.Column("provisional", sa.Boolean, nullable=True, comment="假日未定"),
        sa.Column("given_due_at", sa.BigInteger, nullable=True, comment="立案时到期时间"),
        sa.Column("notice", sa.Text, nullable=True, comment="最近通知"),
        sa.Column("notice_due_at", sa.BigInteger, nullable=True, comment="最近通知的到期时间"),
        sa.PrimaryKeyConstraint("case_id", "clock", "policy", "started_at"),
        comment="时限",
        sqlite_with_rowid=False,
    )
    op.create_index(
        "clocks_live",
        "clocks",
        ["clock", "due_at"],
        sqlite_where=sa.text("state in ('running', 'warned', 'breached')"),
        postgresql_where=sa.text("state in ('running', 'warned', 'breached')"),
    )
    op.create_table(
        "dead_letters",
        sa.Column("kafka_partition", sa.Integer, nullable=False, comment="分区"),
        sa.Column("kafka_offset", sa.BigInteger, nullable=False, comment="位移"),
        sa.Column("stage", sa.Text, nullable=True, comment="环节"),
        sa.Column("reason", sa.Text, nullable=True, comment="原因"),
        sa.Column("detail", sa.Text, nullable=True, comment="说明"),
        sa.Column("happened_at", sa.BigInteger, nullable=True, comment="时间"),
        sa.Column("origin_topic", sa.Text, nullable=True, comment="来处主题"),
        sa.Column("origin_partition", sa.Integer, nullable=True, comment="来处分区"),
        sa.Column("origin_offset", sa.BigInteger, nullable=True, comment="来处位移"),
        sa.Column("until_offset", sa.BigInteger, nullable=True, comment="缺口止于"),
        sa.Column("file", sa.Text, nullable=True, comment="文件"),
        sa.Column("line", sa.BigInteger, nullable=True, comment="行"),
        sa.Column("written_at", sa.BigInteger, nullable=True, comment="写入时间"),
        sa.PrimaryKeyConstraint("kafka_partition", "kafka_offset"),
        comment="死信",
        sqlite_with_rowid=False,
    )
    op.create_index("dead_letters_happened", "dead_letters", ["happened_at"])
    op.create_table(
        "erased",
        sa.Column("source", sa.Text, nullable=False, comment="来源"),
        sa.Column("ref", sa.Text, nullable=False, comment="来报编号"),
        sa.Column("erased_at", sa.BigInteger, nullable=True, comment="删除时间"),
        sa.PrimaryKeyConstraint("source", "ref"),
        comment="已删除的来报内容",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "helpers",
        sa.Column("department", sa.Text, nullable=False, comment="协办部门"),
        sa.Column("case_id", sa.Text, nullable=False, comment="案件编号"),
        sa.PrimaryKeyConstraint("department", "case_id"),
        comment="协办",
        sqlite_with_rowid=False,
    )
    op.create_index("helpers_case", "helpers", ["case_id"])
    op.create_table(
        "notices",
        sa.Column("case_id", sa.Text, nullable=False, comment="案件编号"),
        sa.Column("kafka_partition", sa.Integer, nullable=False, comment="分区"),
        sa.Column("kafka_offset", sa.BigInteger, nullable=False, comment="位移"),
        sa.Column("clock", sa.Text, nullable=True, comment="时限"),
        sa.Column("kind", sa.Text, nullable=True, comment="通知"),
        sa.Column("department", sa.Text, nullable=True, comment="责任部门"),
        sa.Column("category", sa.Text, nullable=True, comment="类别"),
        sa.Column("policy", sa.Text, nullable=True, comment="时限规则"),
        sa.Column("started_at", sa.BigInteger, nullable=True, comment="起算时间"),
        sa.Column("due_at", sa.BigInteger, nullable=True, comment="到期时间"),
        sa.Column("happened_at", sa.BigInteger, nullable=True, comment="发生时间"),
        sa.Column("noticed_at", sa.BigInteger, nullable=True, comment="发现时间"),
        sa.Column("corrects", sa.Boolean, nullable=True, comment="更正"),
        sa.Column("written_at", sa.BigInteger, nullable=True, comment="写入时间"),
        sa.PrimaryKeyConstraint("case_id", "kafka_partition", "kafka_offset"),
        comment="时限通知",
        sqlite_with_rowid=False,
    )
    op.create_index("notices_happened", "notices", ["happened_at"])
    op.create_table(
        "orders",
        sa.Column("case_id", sa.Text, nullable=False, comment="案件编号"),
        sa.Column("department", sa.Text, nullable=False, comment="部门"),
        sa.Column("kafka_partition", sa.Integer, nullable=False, comment="分区"),
        sa.Column("kafka_offset", sa.BigInteger, nullable=False, comment="位移"),
        sa.Column("order_id", sa.Text, nullable=True, comment="指令编号"),
        sa.Column("kind", sa.Text, nullable=True, comment="指令类型"),
        sa.Column("issued_at", sa.BigInteger, nullable=True, comment="下达时间"),
        sa.Column("due_at", sa.BigInteger, nullable=True, comment="最早到期"),
        sa.Column("area", sa.Text, nullable=True, comment="区域"),
        sa.Column("rule", sa.Text, nullable=True, comment="规则"),
        sa.Column("queue", sa.Text, nullable=True, comment="队列"),
        sa.Column("lead", sa.Text, nullable=True, comment="主办部门"),
        sa.Column("priority", sa.Integer, nullable=True, comment="优先级"),
        sa.Column("source", sa.Text, nullable=True, comment="来源"),
        sa.Column("ref", sa.Text, nullable=True, comment="来报编号"),
        sa.Column("address", sa.Text, nullable=True, comment="地址"),
        sa.Column("written_at", sa.BigInteger, nullable=True, comment="写入时间"),
        sa.PrimaryKeyConstraint("case_id", "department", "kafka_partition", "kafka_offset"),
        comment="指令",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "positions",
        sa.Column("topic", sa.Text, nullable=False, comment="主题"),
        sa.Column("kafka_partition", sa.Integer, nullable=False, comment="分区"),
        sa.Column("next_offset", sa.BigInteger, nullable=True, comment="下一位移"),
        sa.Column("written_at", sa.BigInteger, nullable=True, comment="写入时间"),
        sa.PrimaryKeyConstraint("topic", "kafka_partition"),
        comment="读取位置",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "receipts",
        sa.Column("case_id", sa.Text, nullable=False, comment="案件编号"),
        sa.Column("department", sa.Text, nullable=False, comment="部门"),
        sa.Column("kafka_partition", sa.Integer, nullable=False, comment="分区"),
        sa.Column("kafka_offset", sa.BigInteger, nullable=False, comment="位移"),
        sa.Column("update_id", sa.Text, nullable=True, comment="反馈编号"),
        sa.Column("revision", sa.Integer, nullable=True, comment="版本号"),
        sa.Column("event", sa.Text, nullable=True, comment="反馈"),
        sa.Column("outcome", sa.Text, nullable=True, comment="处理结果"),
        sa.Column("decided_at", sa.BigInteger, nullable=True, comment="处理时间"),
        sa.Column("counts_from", sa.BigInteger, nullable=True, comment="生效时间"),
        sa.Column("detail", sa.Text, nullable=True, comment="说明"),
        sa.Column("written_at", sa.BigInteger, nullable=True, comment="写入时间"),
        sa.PrimaryKeyConstraint("case_id", "department", "kafka_partition", "kafka_offset"),
        comment="回执",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "replies",
        sa.Column("case_id", sa.Text, nullable=False, comment="案件编号"),
        sa.Column("source", sa.Text, nullable=False, comment="来源"),
        sa.Column("kafka_partition", sa.Integer, nullable=False, comment="分区"),
        sa.Column("kafka_offset", sa.BigInteger, nullable=False, comment="位移"),
        sa.Column("reply_id", sa.Text, nullable=True, comment="回复编号"),
        sa.Column("ref", sa.Text, nullable=True, comment="来报编号"),
        sa.Column("department", sa.Text, nullable=True, comment="部门"),
        sa.Column("status", sa.Text, nullable=True, comment="状态"),
        sa.Column("happened_at", sa.BigInteger, nullable=True, comment="发生时间"),
        sa.Column("written_at", sa.BigInteger, nullable=True, comment="写入时间"),
        sa.PrimaryKeyConstraint("case_id", "source", "kafka_partition", "kafka_offset"),
        comment="回复",
        sqlite_with_rowid=False,
    )
    op.create_index("replies_ref", "replies", ["source", "ref"])
    op.create_table(
        "reports",
        sa.Column("source", sa.Text, nullable=False, comment="来源"),
        sa.Column("ref", sa.Text, nullable=False, comment="来报编号"),
        sa.Column("case_id", sa.Text, nullable=False, comment="案件编号"),
        sa.Column("revision", sa.Integer, nullable=True, comment="版本号"),
        sa.Column("change", sa.Text, nullable=True, comment="最近变更"),
        sa.Column("first_at", sa.BigInteger, nullable=True, comment="首次时间"),
        sa.Column("last_at", sa.BigInteger, nullable=True, comment="最近时间"),
        sa.Column("has_left", sa.Boolean, nullable=True, comment="已撤销并案"),
        sa.Column("link_score", sa.Float, nullable=True, comment="并案得分"),
        sa.Column("link_distance_m", sa.Float, nullable=True, comment="并案距离（米）"),
        sa.Column("link_apart_s", sa.Float, nullable=True, comment="并案时差（秒）"),
        sa.Column("link_reasons", sa.Text, nullable=True, comment="并案理由"),
        sa.Column("written_at", sa.BigInteger, nullable=True, comment="写入时间"),
        sa.PrimaryKeyConstraint("source", "ref", "case_id"),
        comment="来报",
        sqlite_with_rowid=False,
    )
    op.create_index("reports_case", "reports", ["case_id"])
    op.create_table(
        "standing",
        sa.Column("name", sa.Text, nullable=False, comment="名称"),
        sa.Column("level_at", sa.BigInteger, nullable=True, comment="最近追平时间"),
        sa.Column("behind", sa.BigInteger, nullable=True, comment="落后条数"),
        sa.PrimaryKeyConstraint("name"),
        comment="台账状态",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("standing")
    op.drop_table("reports")
    op.drop_table("replies")
    op.drop_table("receipts")
    op.drop_table("positions")
    op.drop_table("orders")
    op.drop_table("notices")
    op.drop_table("helpers")
    op.drop_table("erased")
    op.drop_table("dead_letters")
    op.drop_table("clocks")
    op.drop_table("changes")
    op.drop_table("cases")
    op.drop_table("acts")
