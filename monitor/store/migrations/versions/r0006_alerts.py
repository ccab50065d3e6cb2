"""What people are to be told and have been told, and whether it arrived."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0006"
down_revision = "r0005"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "alert_case",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_alert_case")),
        sqlite_strict=True,
    )
    op.create_table(
        "alert_digest",
        sa.Column("slot", WHOLE, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_alert_digest")),
        sqlite_strict=True,
    )
    op.create_table(
        "alert_delivery",
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("page", WHOLE, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("dated", sa.Text(), nullable=False),
        sa.Column("made_at", WHOLE, nullable=False),
        sa.Column("next_at", WHOLE, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", WHOLE, nullable=False),
        sa.Column("ended_at", WHOLE),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("alert", "channel", "page", name=op.f("pk_alert_delivery")),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'failed')", name=op.f("ck_alert_delivery_state")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_alert_delivery_state_made_at"), "alert_delivery", ["state", "made_at"])
