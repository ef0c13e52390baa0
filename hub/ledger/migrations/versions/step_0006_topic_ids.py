"""Of which topic each position is: one that is deleted and made anew has another id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("positions", sa.Column("topic_id", sa.Text, nullable=True, comment="主题编号"))
