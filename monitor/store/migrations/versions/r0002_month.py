"""The month: another system's history, exemptions and what was decided on them, snapshots."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_history()
    _create_exemptions()
    _create_snapshot()
    for table in ("history_source", "history_line", "exemption", "exemption_decision", "snapshot"):
        _forbid_change(table)


def _create_history() -> None:
    op.create_table(
        "history_source",
        sa.Column("key", WHOLE, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("first_at", WHOLE, nullable=False),
        sa.Column("last_at", WHOLE, nullable=False),
        sa.Column("imported_at", WHOLE, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_history_source")),
        sa.CheckConstraint("last_at >= first_at", name=op.f("ck_history_source_span")),
        sqlite_strict=True,
    )
    op.create_table(
        "history_line",
        sa.Column("key", WHOLE, nullable=False),
        sa.Column("source", WHOLE, nullable=False),
        sa.Column("camera", WHOLE, nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("fault", sa.Text()),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_history_line")),
        sa.ForeignKeyConstraint(["source"], ["history_source.key"], name=op.f("fk_history_line_source_history_source")),
        sa.ForeignKeyConstraint(["camera"], ["camera.key"], name=op.f("fk_history_line_camera_camera")),
        sa.CheckConstraint(
            "condition IN ('intact', 'impaired', 'offline', 'unknown')", name=op.f("ck_history_line_condition")
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_history_line_camera_at"), "history_line", ["camera", "at"], unique=False)


def _create_exemptions() -> None:
    op.create_table(
        "exemption",
        sa.Column("key", WHOLE, nullable=False),
        sa.Column("camera", WHOLE),
        sa.Column("village", sa.Text(), nullable=False),
        sa.Column("township", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("began", WHOLE, nullable=False),
        sa.Column("ended", WHOLE, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("filed_at", WHOLE, nullable=False),
        sa.Column("entered_at", WHOLE, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_exemption")),
        sa.ForeignKeyConstraint(["camera"], ["camera.key"], name=op.f("fk_exemption_camera_camera")),
        sa.CheckConstraint("ended > began", name=op.f("ck_exemption_span")),
        sa.CheckConstraint("camera IS NOT NULL OR village <> '' OR township <> ''", name=op.f("ck_exemption_scope")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_exemption_began"), "exemption", ["began"], unique=False)
    op.create_table(
        "exemption_decision",
        sa.Column("key", WHOLE, nullable=False),
        sa.Column("exemption", WHOLE, nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("ruling", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_exemption_decision")),
        sa.ForeignKeyConstraint(
            ["exemption"], ["exemption.key"], name=op.f("fk_exemption_decision_exemption_exemption")
        ),
        sa.CheckConstraint("ruling IN ('approved', 'rejected')", name=op.f("ck_exemption_decision_ruling")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_exemption_decision_exemption"), "exemption_decision", ["exemption"], unique=False)


def _create_snapshot() -> None:
    op.create_table(
        "snapshot",
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", WHOLE, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("made_at", WHOLE, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("month", "state", "revision", name=op.f("pk_snapshot")),
        sa.CheckConstraint("state IN ('draft', 'frozen')", name=op.f("ck_snapshot_state")),
        sqlite_strict=True,
    )


def _forbid_change(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for act in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql "
        f"AS 'BEGIN RAISE EXCEPTION ''{table} is append-only''; END'"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"EXECUTE FUNCTION {table}_append_only()"
    )
