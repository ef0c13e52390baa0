"""Who was called to a case together with whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("orders", sa.Column("is_called", sa.Boolean, nullable=True, comment="一并召集"))
    op.add_column("orders", sa.Column("joined", sa.Text, nullable=True, comment="共同办理部门"))
