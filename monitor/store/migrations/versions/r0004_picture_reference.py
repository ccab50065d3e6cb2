"""What a camera shows when all is well, by day and by night apart, and who approved it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLOATING: TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")


def upgrade() -> None:
    # The thumb that a memory has tells of no colour, so nobody knows by which light it was taken: references are
    # learned anew from the next good looks.
    op.create_table(
        "picture_reference",
        sa.Column("camera", WHOLE, nullable=False),
        sa.Column("light", sa.Text(), nullable=False),
        sa.Column("at", FLOATING, nullable=False),
        sa.Column("thumb", sa.LargeBinary(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("camera", "light", name=op.f("pk_picture_reference")),
        sa.ForeignKeyConstraint(["camera"], ["camera.key"], name=op.f("fk_picture_reference_camera_camera")),
        sa.CheckConstraint("light IN ('day', 'night')", name=op.f("ck_picture_reference_light")),
        sqlite_strict=True,
    )
