"""Messages that wait for their readers, written together with what they tell of."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "r0005"
down_revision = "r0004"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("seq", WHOLE, nullable=False, autoincrement=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("camera", sa.Text()),
        sa.Column("township", sa.Text()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        sqlite_strict=True,
    )
    op.create_table(
        "outbox_reader",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("done", WHOLE, nullable=False),
        sa.Column("dropped", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_outbox_reader")),
        sqlite_strict=True,
    )
    numbering = op.create_table(
        "outbox_numbering",
        sa.Column("key", WHOLE, nullable=False, autoincrement=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("last_seq", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_outbox_numbering")),
        sa.CheckConstraint("key = 1", name=op.f("ck_outbox_numbering_single")),
        sqlite_strict=True,
    )
    op.bulk_insert(numbering, [{"key": 1, "epoch": str(uuid.uuid4()), "last_seq": 0}])
