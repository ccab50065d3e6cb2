"""The tables, as this version of the program expects them; ``migrations`` is how a database gets there.

    ledger    township_version  camera_version  credential  fleet_generation    dated, who and why
    record    transition  gap  coverage  event  decision                        what the month is counted from
    history   history_source  history_line                                      another system's record, and whose
    month     exemption  exemption_decision  snapshot                           what does not count, what was frozen
    looks     evidence  memory  picture_reference  hold  round                  what was seen, what the next look needs
    outbox    outbox  outbox_reader  outbox_numbering                           what is told to others, and how far
    alerts    alert_case  alert_digest  alert_delivery                          what people are told, whether it came
    audit     audit
    lookup    camera  witness_answers                                           long texts, stored once

Times are UTC seconds since the epoch; an open end is NULL. Values that are only ever read whole are JSON text.
Rows of the tables in APPEND_ONLY can be added, but neither changed nor removed.
"""

from __future__ import annotations

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.event import listen
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        # A constraint without a name could not be altered by a later migration on SQLite.
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# STRICT tables of SQLite know only INTEGER (64 bits wide), REAL, TEXT and BLOB.
WHOLE = BigInteger().with_variant(Integer(), "sqlite")
FLOATING: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")

APPEND_ONLY = (
    "transition",
    "decision",
    "audit",
    "history_source",
    "history_line",
    "exemption",
    "exemption_decision",
    "snapshot",
)

camera = Table(
    "camera",
    metadata,
    Column("key", WHOLE, nullable=False),
    Column("id", Text, nullable=False),
    PrimaryKeyConstraint("key"),
    UniqueConstraint("id"),
    sqlite_strict=True,
)

witness_answers = Table(
    "witness_answers",
    metadata,
    Column("key", WHOLE, nullable=False),
    Column("answers", Text, nullable=False),
    PrimaryKeyConstraint("key"),
    UniqueConstraint("answers"),
    sqlite_strict=True,
)

township_version = Table(
    "township_version",
    metadata,
    Column("key", WHOLE, nullable=False),
    Column("code", Text, nullable=False),
    Column("valid_from", WHOLE, nullable=False),
    Column("valid_to", WHOLE),
    Column("fields", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    PrimaryKeyConstraint("key"),
    UniqueConstraint("code", "valid_from"),
    CheckConstraint("valid_to > valid_from", name="span"),
    sqlite_strict=True,
)
Index(
    "uq_township_version_current",
    township_version.c.code,
    unique=True,
    sqlite_where=text("valid_to IS NULL"),
    postgresql_where=text("valid_to IS NULL"),
)

camera_version = Table(
    "camera_version",
    metadata,
    Column("key", WHOLE, nullable=False),
    Column("camera", WHOLE, nullable=False),
    Column("township", Text, nullable=False),
    Column("valid_from", WHOLE, nullable=False),
    Column("valid_to", WHOLE),
    Column("fields", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    PrimaryKeyConstraint("key"),
    UniqueConstraint("camera", "valid_from"),
    ForeignKeyConstraint(["camera"], ["camera.key"]),
    CheckConstraint("valid_to > valid_from", name="span"),
    sqlite_strict=True,
)
Index(
    "uq_camera_version_current",
    camera_version.c.camera,
    unique=True,
    sqlite_where=text("valid_to IS NULL"),
    postgresql_where=text("valid_to IS NULL"),
)

fleet_generation = Table(
    "fleet_generation",
    metadata,
    Column("key", WHOLE, nullable=False, autoincrement=False),
    Column("generation", WHOLE, nullable=False),
    PrimaryKeyConstraint("key"),
    CheckConstraint("key = 1", name="single"),
    sqlite_strict=True,
)

alert_case = Table(
    "alert_case",
    metadata,
    Column("key", Text, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("key"),
    sqlite_strict=True,
)

alert_digest = Table(
    "alert_digest",
    metadata,
    Column("slot", WHOLE, nullable=False, autoincrement=False),
    PrimaryKeyConstraint("slot"),
    sqlite_strict=True,
)

alert_delivery = Table(
    "alert_delivery",
    metadata,
    Column("alert", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("page", WHOLE, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("dated", Text, nullable=False),
    Column("made_at", WHOLE, nullable=False),
    Column("next_at", WHOLE, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", WHOLE, nullable=False),
    Column("ended_at", WHOLE),
    Column("error", Text, nullable=False),
    PrimaryKeyConstraint("alert", "channel", "page"),
    Index(None, "state", "made_at"),
    CheckConstraint("state IN ('waiting', 'sent', 'failed')", name="state"),
    sqlite_strict=True,
)

credential = Table(
    "credential",
    metadata,
    Column("id", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id"),
    sqlite_strict=True,
)

transition = Table(
    "transition",
    metadata,
    Column("key", WHOLE, nullable=False),
    Column("camera", WHOLE, nullable=False),
    Column("at", WHOLE, nullable=False),
    Column("condition", Text, nullable=False),
    Column("fault", Text),
    Column("cause", Text),
    Column("decided_at", WHOLE, nullable=False),
    # Seconds after ``at``, as JSON: a third of the size of full times in the one table that grows.
    Column("looks", Text, nullable=False),
    Column("witness_answers", WHOLE),
    Column("evidence_at", WHOLE),
    PrimaryKeyConstraint("key"),
    ForeignKeyConstraint(["camera"], ["camera.key"]),
    ForeignKeyConstraint(["witness_answers"], ["witness_answers.key"]),
    CheckConstraint("condition IN ('intact', 'impaired', 'offline', 'unknown')", name="condition"),
    Index(None, "camera", "at"),
    sqlite_strict=True,
)

gap = Table(
    "gap",
    metadata,
    Column("key", WHOLE, nullable=False),
    Column("began", WHOLE, nullable=False),
    Column("ended", WHOLE),
    Column("cause", Text, nullable=False),
    Column("reason", Text, nullable=False),
    # Empty for the whole county: NULLs would all be unequal, and the same gap could then be stored twice.
    Column("township", Text, nullable=False),
    PrimaryKeyConstraint("key"),
    UniqueConstraint("began", "cause", "reason", "township"),
    CheckConstraint("ended >= began", name="span"),
    sqlite_strict=True,
)

coverage = Table(
    "coverage",
    metadata,
    Column("boot", Text, nullable=False),
    Column("began", WHOLE, nullable=False),
    Column("until", WHOLE, nullable=False),
    PrimaryKeyConstraint("boot"),
    CheckConstraint("until >= began", name="span"),
    sqlite_strict=True,
)

event = Table(
    "event",
    metadata,
    Column("id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("township", Text, nullable=False),
    Column("began", WHOLE, nullable=False),
    Column("ended", WHOLE),
    Column("cameras", Text, nullable=False),
    Column("of", WHOLE, nullable=False),
    PrimaryKeyConstraint("id"),
    CheckConstraint("ended >= began", name="span"),
    Index(None, "began"),
    sqlite_strict=True,
)

decision = Table(
    "decision",
    metadata,
    Column("key", WHOLE, nullable=False),
    Column("camera", WHOLE, nullable=False),
    Column("at", WHOLE, nullable=False),
    Column("by", Text, nullable=False),
    Column("ruling", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("fault", Text),
    Column("since", WHOLE, nullable=False),
    Column("note", Text, nullable=False),
    PrimaryKeyConstraint("key"),
    ForeignKeyConstraint(["camera"], ["camera.key"]),
    CheckConstraint("ruling IN ('confirmed', 'refuted')", name="ruling"),
    Index(None, "camera", "at"),
    sqlite_strict=True,
)

evidence = Table(
    "evidence",
    metadata,
    Column("key", WHOLE, nullable=False),
    Column("camera", WHOLE, nullable=False),
    Column("at", WHOLE, nullable=False),
    Column("kind", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("faults", Text, nullable=False),
    Column("steps", Text, nullable=False),
    Column("measures", Text, nullable=False),
    # Relative to the evidence folder.
    Column("picture", Text),
    Column("sha256", Text),
    # Bytes of the picture; NULL without one, and where r0002 wrote it.
    Column("size", WHOLE),
    # Since when there is no picture any more, and why: a word of core.retention.
    Column("gone_at", WHOLE),
    Column("gone_why", Text),
    PrimaryKeyConstraint("key"),
    UniqueConstraint("camera", "at", "kind"),
    ForeignKeyConstraint(["camera"], ["camera.key"]),
    CheckConstraint("kind IN ('good', 'fault')", name="kind"),
    CheckConstraint("gone_at IS NULL OR picture IS NULL", name="gone"),
    sqlite_strict=True,
)
Index(
    "uq_evidence_good",
    evidence.c.camera,
    unique=True,
    sqlite_where=text("kind = 'good' AND gone_at IS NULL"),
    postgresql_where=text("kind = 'good' AND gone_at IS NULL"),
)

memory = Table(
    "memory",
    metadata,
    Column("camera", WHOLE, nullable=False),
    Column("at", FLOATING, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("thumb", LargeBinary, nullable=False),
    Column("clock_strip", Text),
    PrimaryKeyConstraint("camera"),
    ForeignKeyConstraint(["camera"], ["camera.key"]),
    sqlite_strict=True,
)

picture_reference = Table(
    "picture_reference",
    metadata,
    Column("camera", WHOLE, nullable=False),
    Column("light", Text, nullable=False),
    Column("at", FLOATING, nullable=False),
    Column("thumb", LargeBinary, nullable=False),
    # Empty while it is learned from good looks.
    Column("approved_by", Text, nullable=False),
    PrimaryKeyConstraint("camera", "light"),
    ForeignKeyConstraint(["camera"], ["camera.key"]),
    CheckConstraint("light IN ('day', 'night')", name="light"),
    sqlite_strict=True,
)

hold = Table(
    "hold",
    metadata,
    Column("host", Text, nullable=False),
    Column("credential", Text, nullable=False),
    Column("until", WHOLE, nullable=False),
    Column("refusals", WHOLE, nullable=False),
    PrimaryKeyConstraint("host", "credential"),
    sqlite_strict=True,
)

round_ = Table(
    "round",
    metadata,
    Column("number", WHOLE, nullable=False, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("depth", Text, nullable=False),
    Column("started", WHOLE, nullable=False),
    Column("ended", WHOLE),
    Column("counts", Text, nullable=False),
    Column("void", Text),
    PrimaryKeyConstraint("number"),
    CheckConstraint("ended >= started", name="span"),
    sqlite_strict=True,
)

audit = Table(
    "audit",
    metadata,
    Column("key", WHOLE, nullable=False),
    Column("at", WHOLE, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    PrimaryKeyConstraint("key"),
    sqlite_strict=True,
)

history_source = Table(
    "history_source",
    metadata,
    Column("key", WHOLE, nullable=False),
    Column("name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("first_at", WHOLE, nullable=False),
    Column("last_at", WHOLE, nullable=False),
    Column("imported_at", WHOLE, nullable=False),
    Column("who", Text, nullable=False),
    PrimaryKeyConstraint("key"),
    CheckConstraint("last_at >= first_at", name="span"),
    sqlite_strict=True,
)

history_line = Table(
    "history_line",
    metadata,
    Column("key", WHOLE, nullable=False),
    Column("source", WHOLE, nullable=False),
    Column("camera", WHOLE, nullable=False),
    Column("at", WHOLE, nullable=False),
    Column("condition", Text, nullable=False),
    Column("fault", Text),
    PrimaryKeyConstraint("key"),
    ForeignKeyConstraint(["source"], ["history_source.key"]),
    ForeignKeyConstraint(["camera"], ["camera.key"]),
    CheckConstraint("condition IN ('intact', 'impaired', 'offline', 'unknown')", name="condition"),
    Index(None, "camera", "at"),
    sqlite_strict=True,
)

exemption = Table(
    "exemption",
    metadata,
    Column("key", WHOLE, nullable=False),
    # One of the three scopes: a camera, a village (with or without its township), a township.
    Column("camera", WHOLE),
    Column("village", Text, nullable=False),
    Column("township", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("began", WHOLE, nullable=False),
    Column("ended", WHOLE, nullable=False),
    Column("reason", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("filed_at", WHOLE, nullable=False),
    Column("entered_at", WHOLE, nullable=False),
    Column("who", Text, nullable=False),
    PrimaryKeyConstraint("key"),
    ForeignKeyConstraint(["camera"], ["camera.key"]),
    CheckConstraint("ended > began", name="span"),
    CheckConstraint("camera IS NOT NULL OR village <> '' OR township <> ''", name="scope"),
    Index(None, "began"),
    sqlite_strict=True,
)

exemption_decision = Table(
    "exemption_decision",
    metadata,
    Column("key", WHOLE, nullable=False),
    Column("exemption", WHOLE, nullable=False),
    Column("at", WHOLE, nullable=False),
    Column("by", Text, nullable=False),
    Column("ruling", Text, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("key"),
    ForeignKeyConstraint(["exemption"], ["exemption.key"]),
    CheckConstraint("ruling IN ('approved', 'rejected')", name="ruling"),
    Index(None, "exemption"),
    sqlite_strict=True,
)

snapshot = Table(
    "snapshot",
    metadata,
    Column("month", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("revision", WHOLE, nullable=False),
    # The canonical JSON, deflated: a tenth of the size. The hash is that of the JSON.
    Column("content", LargeBinary, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("made_at", WHOLE, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("month", "state", "revision"),
    CheckConstraint("state IN ('draft', 'frozen')", name="state"),
    sqlite_strict=True,
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", WHOLE, nullable=False, autoincrement=False),
    Column("epoch", Text, nullable=False),
    Column("at", WHOLE, nullable=False),
    Column("kind", Text, nullable=False),
    # Ids and not keys: a message is read whole, and outlives nobody who could be joined to it.
    Column("camera", Text),
    Column("township", Text),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("seq"),
    sqlite_strict=True,
)

outbox_reader = Table(
    "outbox_reader",
    metadata,
    Column("name", Text, nullable=False),
    Column("done", WHOLE, nullable=False),
    Column("dropped", WHOLE, nullable=False),
    PrimaryKeyConstraint("name"),
    sqlite_strict=True,
)

# One row. Who numbers messages holds it until the commit, so that they are numbered in the order of their commits: a
# reader that has seen number 7 will not find a new number 6. A serial column of PostgreSQL would allow that.
outbox_numbering = Table(
    "outbox_numbering",
    metadata,
    Column("key", WHOLE, nullable=False, autoincrement=False),
    Column("epoch", Text, nullable=False),
    Column("last_seq", WHOLE, nullable=False),
    PrimaryKeyConstraint("key"),
    CheckConstraint("key = 1", name="single"),
    sqlite_strict=True,
)


_SQLITE_TRIGGER = (
    "CREATE TRIGGER {table}_no_{act} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
)
_POSTGRESQL_FUNCTION = (
    "CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql "
    "AS 'BEGIN RAISE EXCEPTION ''{table} is append-only''; END'"
)
_POSTGRESQL_TRIGGER = (
    "CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
    "EXECUTE FUNCTION {table}_append_only()"
)


def append_only_ddl(table: str, dialect: str) -> tuple[str, ...]:
    """The statements that make every UPDATE and DELETE of ``table`` fail.

    >>> append_only_ddl("audit", "sqlite")[0]
    "CREATE TRIGGER audit_no_update BEFORE update ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
    """
    if dialect == "sqlite":
        return tuple(_SQLITE_TRIGGER.format(table=table, act=act) for act in ("update", "delete"))
    return (
        _POSTGRESQL_FUNCTION.format(table=table),
        _POSTGRESQL_TRIGGER.format(table=table),
    )


def _forbid_change(table: Table, connection: Connection, **_: object) -> None:
    for statement in append_only_ddl(table.name, connection.dialect.name):
        connection.exec_driver_sql(statement)


for _name in APPEND_ONLY:
    listen(metadata.tables[_name], "after_create", _forbid_change)
