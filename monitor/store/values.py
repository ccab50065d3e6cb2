"""What is handed to the store and what comes back, besides the values of ``monitor.core``.

All times are whole UTC seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from monitor.core.alert import Case
from monitor.core.condition import Condition, Fault
from monitor.core.delivery import Delivery
from monitor.core.exemption import Kind, Scope
from monitor.core.fleet import Camera, Township
from monitor.core.history import Line
from monitor.core.message import Message
from monitor.core.record import Event, Gap, Transition
from monitor.core.retention import Why
from probes.observation import Depth, Observation, PictureMemory, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionRecord:
    """A transition with what it rests on.

    ``witnesses`` are the answers of canary and witnesses at that time, by name ("canary": "ok"); equal answers are
    stored once, so they should hold no times. ``evidence_at`` is the ``at`` of the Evidence that shows it.
    """

    transition: Transition
    witnesses: Mapping[str, str] = field(default_factory=dict)
    evidence_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A transition, and what was kept of the looks that it rests on, oldest first, their pictures by path."""

    record: TransitionRecord
    looks: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The daemon started at ``began`` looked at its cameras until ``until``; ``boot`` names that run."""

    boot: str
    began: int
    until: int


class EvidenceKind(StrEnum):
    """Of good looks the last one of each camera is kept, of failed looks every one that is handed in."""

    GOOD = "good"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Since ``at`` a look has no picture any more."""

    at: int
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one look saw: its steps, its measures and its picture.

    ``jpeg`` read back is None when the file is gone or is no longer what was written, and where only ``picture`` was
    asked for: the file's path within the evidence folder, "" without one. ``gone`` says why there is no picture any
    more.
    """

    camera: str
    at: int
    kind: EvidenceKind
    outcome: str = ""
    faults: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    measures: Mapping[str, object] = field(default_factory=dict)
    jpeg: bytes | None = field(default=None, repr=False)
    picture: str = field(default="", compare=False)
    gone: Gone | None = None

    @property
    def is_pictured(self) -> bool:
        """Whether there is a picture to show."""
        return self.jpeg is not None or self.picture != ""

    @classmethod
    def of(cls, observation: Observation, kind: EvidenceKind) -> Evidence:
        """The evidence that an observation leaves."""
        return cls(
            camera=observation.camera,
            at=int(observation.at),
            kind=kind,
            outcome=observation.outcome.value,
            faults=observation.faults,
            steps=observation.steps,
            measures=observation.facts,
            jpeg=observation.jpeg,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A login held back after ``refusals`` refusals in a row; with none it is forgotten."""

    host: str
    credential: str
    until: int
    refusals: int


class Ruling(StrEnum):
    """What a person says of the machine's finding."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A person's ruling on what the machine found: ``condition`` and ``fault`` since ``since``. Both are kept."""

    camera: str
    at: int
    by: str
    ruling: Ruling
    condition: Condition
    fault: Fault | None
    since: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraMemory:
    """What the next picture look at a camera needs to know."""

    camera: str
    memory: PictureMemory


class RoundKind(StrEnum):
    """Who asked for a round: the plan of inspections, or a person."""

    INSPECTION = "inspection"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A numbered round over the fleet (巡查轮次). ``void`` says why it counts for nothing, None if it counts."""

    number: int
    kind: RoundKind
    depth: Depth
    started: int
    ended: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    void: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to which thing; ``detail`` is JSON-ready and free of secrets."""

    at: int
    who: str
    action: str
    subject: str
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadUpTo:
    """A reader of the outbox has dealt with everything up to ``seq``."""

    reader: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """A message of the outbox. ``epoch`` and ``seq`` together name it for good, however often it is sent.

    ``seq`` grows by one from message to message. Every run of the daemon has an epoch of its own, so that a database
    restored from a backup, which numbers again what was numbered before, never gives a name twice.
    """

    epoch: str
    seq: int
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How far a reader of the outbox is: how many messages wait, and how many were dropped unread for their age."""

    reader: str
    done: int
    waiting: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChange:
    """A case of an alert as it has become; None when nothing of it is left to tell."""

    key: str
    case: Case | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What belongs together: all of it is committed or none of it.

    A gap, an event or a round that is handed in again replaces its earlier self (a gap is known by beginning, cause,
    reason and township); that is how they end. ``messages`` tell others of it; ``read`` says up to which number a
    reader of the outbox has dealt with them. ``cases``, ``digests`` (when they were due) and ``deliveries`` say what
    people are to be told, and what became of it.
    """

    transitions: tuple[TransitionRecord, ...] = ()
    gaps: tuple[Gap, ...] = ()
    coverage: Coverage | None = None
    events: tuple[Event, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    holds: tuple[Hold, ...] = ()
    decisions: tuple[Decision, ...] = ()
    memories: tuple[CameraMemory, ...] = ()
    rounds: tuple[Round, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
    messages: tuple[Message, ...] = ()
    read: tuple[ReadUpTo, ...] = ()
    cases: tuple[CaseChange, ...] = ()
    digests: tuple[int, ...] = ()
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredential:
    """A login at rest. Only ``monitor.secrets`` can open ``ciphertext``."""

    id: str
    username: str
    ciphertext: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetChanges:
    """What an import changes in the ledger: added or changed entries whole, removed ones by id."""

    townships: tuple[Township, ...] = ()
    cameras: tuple[Camera, ...] = ()
    credentials: tuple[StoredCredential, ...] = ()
    removed_townships: tuple[str, ...] = ()
    removed_cameras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A camera belonged to a township in [began, ended)."""

    camera: str
    township: str
    began: int
    ended: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraVersion:
    """A camera's entry in the ledger as it stood in [began, ended), with who changed it to that and why."""

    camera: Camera
    began: int
    ended: int | None
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TownshipVersion:
    """A township's entry in the ledger as it stood in [began, ended)."""

    township: Township
    began: int
    ended: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A stretch of our own record and of imported history, by camera id, each camera's part in order of time.

    What held when the stretch began is in it, and for cameras that were failing then all of what was before, so that
    an outage has its true beginning. ``seen_before`` are the cameras that were once intact or impaired before what is
    in it. ``evidence`` maps a camera and the time of a transition to the time of the look that shows it.
    """

    own: Mapping[str, tuple[Transition, ...]]
    imported: Mapping[str, tuple[Line, ...]]
    seen_before: frozenset[str]
    evidence: Mapping[tuple[str, int], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySource:
    """A file of another system's record: its ``name``, the SHA-256 of its bytes, who brought it."""

    name: str
    sha256: str
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExemption:
    """A filing as it is handed in; ``proof`` names a file that came with it and its SHA-256."""

    scope: Scope
    kind: Kind
    began: int
    ended: int
    reason: str
    filed_at: int
    proof: str = ""


class SnapshotState(StrEnum):
    """A draft is what the monthly job found; what a person has frozen is final."""

    DRAFT = "draft"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotEntry:
    """A snapshot without its content. ``month`` is "2026-10"; ``sha256`` is that of the content."""

    month: str
    state: SnapshotState
    revision: int
    sha256: str
    made_at: int
    who: str
    reason: str = ""
