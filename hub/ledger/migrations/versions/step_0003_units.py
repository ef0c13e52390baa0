"""Who below its department has a case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("cases", sa.Column("unit", sa.Text, nullable=True, comment="承办单位"))
