"""The only SQL: one writer thread, many readers."""

from monitor.store.errors import (
    AlreadyRunning,
    Holder,
    LedgerConflictError,
    SchemaTooNewError,
    StoreClosedError,
    StoreDamagedError,
    StoreError,
    UpgradeBlockedError,
)
from monitor.store.reader import Reader
from monitor.store.store import Store
from monitor.store.values import (
    AuditEntry,
    Batch,
    CameraMemory,
    CameraVersion,
    Coverage,
    Decision,
    Evidence,
    EvidenceKind,
    FleetChanges,
    Hold,
    Membership,
    Round,
    RoundKind,
    Ruling,
    StoredCredential,
    TransitionRecord,
)
from monitor.store.writer import Health, WriteSeconds

__all__ = [
    "AlreadyRunning",
    "AuditEntry",
    "Batch",
    "CameraMemory",
    "CameraVersion",
    "Coverage",
    "Decision",
    "Evidence",
    "EvidenceKind",
    "FleetChanges",
    "Health",
    "Hold",
    "Holder",
    "LedgerConflictError",
    "Membership",
    "Reader",
    "Round",
    "RoundKind",
    "Ruling",
    "SchemaTooNewError",
    "Store",
    "StoreClosedError",
    "StoreDamagedError",
    "StoreError",
    "StoredCredential",
    "TransitionRecord",
    "UpgradeBlockedError",
    "WriteSeconds",
]
