"""Alembic asks this file how to reach the database: by the connection and transaction that ``upgrade`` hands in."""

from __future__ import annotations

from alembic import context

from monitor.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite alters a table by making a new one and moving the rows.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
