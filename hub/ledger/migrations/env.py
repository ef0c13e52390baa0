"""What Alembic runs: the steps that are missing, in the transaction of who opens the ledger."""

from __future__ import annotations

from alembic import context

from hub.ledger.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
