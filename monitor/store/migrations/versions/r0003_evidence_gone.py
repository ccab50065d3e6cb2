"""Evidence whose picture is gone says when it went and why; how much room pictures take is known without the files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEPT = ("key", "camera", "at", "kind", "outcome", "faults", "steps", "measures", "picture", "sha256")


def upgrade() -> None:
    op.drop_index("uq_evidence_good", table_name="evidence")
    if op.get_bind().dialect.name == "sqlite":
        _replace_table()
    else:
        _alter_table()
    op.create_index(
        "uq_evidence_good",
        "evidence",
        ["camera"],
        unique=True,
        sqlite_where=sa.text("kind = 'good' AND gone_at IS NULL"),
        postgresql_where=sa.text("kind = 'good' AND gone_at IS NULL"),
    )


def _replace_table() -> None:
    """SQLite adds no constraint to a table that is there."""
    op.rename_table("evidence", "evidence_before")
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
        sa.Column("size", WHOLE),
        sa.Column("gone_at", WHOLE),
        sa.Column("gone_why", sa.Text()),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_evidence")),
        sa.UniqueConstraint("camera", "at", "kind", name=op.f("uq_evidence_camera_at_kind")),
        sa.ForeignKeyConstraint(["camera"], ["camera.key"], name=op.f("fk_evidence_camera_camera")),
        sa.CheckConstraint("kind IN ('good', 'fault')", name=op.f("ck_evidence_kind")),
        sa.CheckConstraint("gone_at IS NULL OR picture IS NULL", name=op.f("ck_evidence_gone")),
        sqlite_strict=True,
    )
    old, new = (sa.table(name, *map(sa.column, KEPT)) for name in ("evidence_before", "evidence"))
    op.execute(new.insert().from_select(KEPT, sa.select(*old.c)))
    op.drop_table("evidence_before")


def _alter_table() -> None:
    for column in (sa.Column("size", WHOLE), sa.Column("gone_at", WHOLE), sa.Column("gone_why", sa.Text())):
        op.add_column("evidence", column)
    op.create_check_constraint(op.f("ck_evidence_gone"), "evidence", "gone_at IS NULL OR picture IS NULL")
