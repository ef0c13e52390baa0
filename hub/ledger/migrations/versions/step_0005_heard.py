"""When each source's topic took a record last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "heard",
        sa.Column("source", sa.Text, primary_key=True, autoincrement=False, comment="来源"),
        sa.Column("heard_at", sa.BigInteger, nullable=True, comment="最近来数时间"),
        comment="来源最近来数",
        sqlite_with_rowid=False,
    )
