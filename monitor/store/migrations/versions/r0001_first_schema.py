"""The first schema: ledger, record, looks, audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLOATING: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")


def upgrade() -> None:
    _create_lookups()
    _create_ledger()
    _create_record()
    _create_looks()
    _create_audit()
    for table in ("transition", "decision", "audit"):
        _forbid_change(table)


def _create_lookups() -> None:
    op.create_table(
        "camera",
        sa.Column("key", WHOLE, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_camera")),
        sa.UniqueConstraint("id", name=op.f("uq_camera_id")),
        sqlite_strict=True,
    )
    op.create_table(
        "witness_answers",
        sa.Column("key", WHOLE, nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_witness_answers")),
        sa.UniqueConstraint("answers", name=op.f("uq_witness_answers_answers")),
        sqlite_strict=True,
    )


def _create_ledger() -> None:
    op.create_table(
        "township_version",
        sa.Column("key", WHOLE, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("valid_from", WHOLE, nullable=False),
        sa.Column("valid_to", WHOLE),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_township_version")),
        sa.UniqueConstraint("code", "valid_from", name=op.f("uq_township_version_code_valid_from")),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_township_version_span")),
        sqlite_strict=True,
    )
    op.create_index(
        "uq_township_version_current",
        "township_version",
        ["code"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_table(
        "camera_version",
        sa.Column("key", WHOLE, nullable=False),
        sa.Column("camera", WHOLE, nullable=False),
        sa.Column("township", sa.Text(), nullable=False),
        sa.Column("valid_from", WHOLE, nullable=False),
        sa.Column("valid_to", WHOLE),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_camera_version")),
        sa.UniqueConstraint("camera", "valid_from", name=op.f("uq_camera_version_camera_valid_from")),
        sa.ForeignKeyConstraint(["camera"], ["camera.key"], name=op.f("fk_camera_version_camera_camera")),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_camera_version_span")),
        sqlite_strict=True,
    )
    op.create_index(
        "uq_camera_version_current",
        "camera_version",
        ["camera"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_table(
        "credential",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
        sqlite_strict=True,
    )
    op.create_table(
        "fleet_generation",
        sa.Column("key", WHOLE, autoincrement=False, nullable=False),
        sa.Column("generation", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_fleet_generation")),
        sa.CheckConstraint("key = 1", name=op.f("ck_fleet_generation_single")),
        sqlite_strict=True,
    )


def _create_record() -> None:
    op.create_table(
        "transition",
        sa.Column("key", WHOLE, nullable=False),
        sa.Column("camera", WHOLE, nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("fault", sa.Text()),
        sa.Column("cause", sa.Text()),
        sa.Column("decided_at", WHOLE, nullable=False),
        sa.Column("looks", sa.Text(), nullable=False),
        sa.Column("witness_answers", WHOLE),
        sa.Column("evidence_at", WHOLE),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_transition")),
        sa.ForeignKeyConstraint(["camera"], ["camera.key"], name=op.f("fk_transition_camera_camera")),
        sa.ForeignKeyConstraint(
            ["witness_answers"], ["witness_answers.key"], name=op.f("fk_transition_witness_answers_witness_answers")
        ),
        sa.CheckConstraint(
            "condition IN ('intact', 'impaired', 'offline', 'unknown')", name=op.f("ck_transition_condition")
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_transition_camera_at"), "transition", ["camera", "at"], unique=False)
    op.create_table(
        "gap",
        sa.Column("key", WHOLE, nullable=False),
        sa.Column("began", WHOLE, nullable=False),
        sa.Column("ended", WHOLE),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("township", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_gap")),
        sa.UniqueConstraint("began", "cause", "reason", "township", name=op.f("uq_gap_began_cause_reason_township")),
        sa.CheckConstraint("ended >= began", name=op.f("ck_gap_span")),
        sqlite_strict=True,
    )
    op.create_table(
        "coverage",
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("began", WHOLE, nullable=False),
        sa.Column("until", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("boot", name=op.f("pk_coverage")),
        sa.CheckConstraint("until >= began", name=op.f("ck_coverage_span")),
        sqlite_strict=True,
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("township", sa.Text(), nullable=False),
        sa.Column("began", WHOLE, nullable=False),
        sa.Column("ended", WHOLE),
        sa.Column("cameras", sa.Text(), nullable=False),
        sa.Column("of", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.CheckConstraint("ended >= began", name=op.f("ck_event_span")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_event_began"), "event", ["began"], unique=False)
    op.create_table(
        "decision",
        sa.Column("key", WHOLE, nullable=False),
        sa.Column("camera", WHOLE, nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("ruling", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("fault", sa.Text()),
        sa.Column("since", WHOLE, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_decision")),
        sa.ForeignKeyConstraint(["camera"], ["camera.key"], name=op.f("fk_decision_camera_camera")),
        sa.CheckConstraint("ruling IN ('confirmed', 'refuted')", name=op.f("ck_decision_ruling")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_decision_camera_at"), "decision", ["camera", "at"], unique=False)


def _create_looks() -> None:
    op.create_table(
        "evidence",
        sa.Column("key", WHOLE, nullable=False),
        sa.Column("camera", WHOLE, nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("faults", sa.Text(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("measures", sa.Text(), nullable=False),
        sa.Column("picture", sa.Text()),
        sa.Column("sha256", sa.Text()),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_evidence")),
        sa.UniqueConstraint("camera", "at", "kind", name=op.f("uq_evidence_camera_at_kind")),
        sa.ForeignKeyConstraint(["camera"], ["camera.key"], name=op.f("fk_evidence_camera_camera")),
        sa.CheckConstraint("kind IN ('good', 'fault')", name=op.f("ck_evidence_kind")),
        sqlite_strict=True,
    )
    op.create_index(
        "uq_evidence_good",
        "evidence",
        ["camera"],
        unique=True,
        sqlite_where=sa.text("kind = 'good'"),
        postgresql_where=sa.text("kind = 'good'"),
    )
    op.create_table(
        "memory",
        sa.Column("camera", WHOLE, nullable=False),
        sa.Column("at", FLOATING, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("thumb", sa.LargeBinary(), nullable=False),
        sa.Column("clock_strip", sa.Text()),
        sa.PrimaryKeyConstraint("camera", name=op.f("pk_memory")),
        sa.ForeignKeyConstraint(["camera"], ["camera.key"], name=op.f("fk_memory_camera_camera")),
        sqlite_strict=True,
    )
    op.create_table(
        "hold",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("until", WHOLE, nullable=False),
        sa.Column("refusals", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("host", "credential", name=op.f("pk_hold")),
        sqlite_strict=True,
    )
    op.create_table(
        "round",
        sa.Column("number", WHOLE, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("depth", sa.Text(), nullable=False),
        sa.Column("started", WHOLE, nullable=False),
        sa.Column("ended", WHOLE),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("void", sa.Text()),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_round")),
        sa.CheckConstraint("ended >= started", name=op.f("ck_round_span")),
        sqlite_strict=True,
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("key", WHOLE, nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_audit")),
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
