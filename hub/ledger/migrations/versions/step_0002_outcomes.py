"""What cases came to: the outcome that was named last, and until when it hangs the case up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("cases", sa.Column("result", sa.Text, nullable=True, comment="办理结果"))
    op.add_column("cases", sa.Column("until_at", sa.BigInteger, nullable=True, comment="挂账至"))
    op.add_column("cases", sa.Column("result_at", sa.BigInteger, nullable=True, comment="办理结果时间"))
    op.add_column("cases", sa.Column("result_update", sa.Text, nullable=True, comment="办理结果所属反馈"))
