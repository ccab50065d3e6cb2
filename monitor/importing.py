"""Take a ledger into the store: dated, with who and why, and try its new logins on three cameras first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.clock import Clock
from monitor.config import Config, townships_of
from monitor.control import NoDaemonError, ask_login
from monitor.core.fleet import Camera, Fleet
from monitor.core.hold import trial
from monitor.inventory import Applied, Changes, Ledger, apply, read, targets
from monitor.secrets import KeyRing, open_key_ring
from monitor.store import Batch, FleetChanges, Hold, Store, StoredCredential
from probes.observation import Credential, Outcome, Target
from probes.observe import observe
from probes.rtsp import RtspProbe

ASK_AGAIN_S = 0.3

DAEMON_SAID = {"accepted": Outcome.OK.value, "refused": Outcome.UNAUTHORIZED.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A new login at one of the cameras that tried it first. ``outcome`` is a word of probes.observation.Outcome."""

    credential: str
    camera: str
    name: str
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import did, or with ``dry_run`` would do."""

    ledger: Ledger
    changes: Changes
    fleet: Fleet
    tried: tuple[Tried, ...] = ()

    @property
    def refused_logins(self) -> frozenset[str]:
        """New logins that a camera refused and none accepted."""
        refused = {each.credential for each in self.tried if each.outcome == Outcome.UNAUTHORIZED}
        return frozenset(refused - {each.credential for each in self.tried if each.outcome == Outcome.OK})


def open_store(config: Config, clock: Clock) -> Store:
    """The store as a command beside the daemon opens it. Raises StoreError."""
    return Store.open(config.store.url, at=int(clock.now()), evidence_dir=Path(config.evidence.dir))


def stored_logins(store: Store, keys: KeyRing) -> dict[str, Credential]:
    """All logins by id. Raises KeyMismatchError."""
    return {
        each.id: Credential(id=each.id, username=each.username, password=keys.decrypt(each.ciphertext))
        for each in store.credentials().values()
    }


def import_ledger(
    config: Config, clock: Clock, path: Path, socket: Path, *, who: str, dry_run: bool, retire_missing: bool
) -> Imported:
    """Read ``path`` and enter what it changes. Raises InventoryError, StoreError and SecretsError.

    A running daemon (at ``socket``) takes the new fleet over by itself, and is asked to try the new logins.
    """
    now = int(clock.now())
    townships = townships_of(config)
    keys = open_key_ring(Path(config.secrets.key_file))
    with open_store(config, clock) as store:
        fleet, logins = store.fleet_at(now), stored_logins(store, keys)
        ledger = read(path, townships=townships, credentials=logins)
        applied = apply(
            fleet,
            ledger,
            on=datetime.fromtimestamp(now, config.site.zone).date(),
            credentials=logins,
            townships=townships,
            retire_missing=retire_missing,
        )
        if dry_run or applied.changes.is_empty:
            return Imported(ledger=ledger, changes=applied.changes, fleet=applied.fleet)
        changes = _stored(fleet, applied, keys)
        store.save_fleet(changes, who=who, why=f"import of {path.name}", at=now)
        tried = asyncio.run(_try(applied, socket, clock, store, config))
    return Imported(ledger=ledger, changes=applied.changes, fleet=applied.fleet, tried=tried)


def _stored(before: Fleet, applied: Applied, keys: KeyRing) -> FleetChanges:
    after = applied.fleet
    return FleetChanges(
        townships=tuple(each for each in after.townships.values() if before.townships.get(each.code) != each),
        cameras=tuple(each for each in after.cameras.values() if before.cameras.get(each.id) != each),
        credentials=tuple(
            StoredCredential(id=each.id, username=each.username, ciphertext=keys.encrypt(each.password))
            for each in (applied.credentials[name] for name in applied.changes.credentials)
        ),
    )


async def _try(applied: Applied, socket: Path, clock: Clock, store: Store, config: Config) -> tuple[Tried, ...]:
    """Look at three cameras with each new login, one after the other: a lock-out must not be worked up."""
    tried: list[Tried] = []
    holds: list[Hold] = []
    ways = targets(applied.fleet, applied.credentials)
    reachable = [camera for camera in applied.fleet.cameras.values() if camera.id in ways]
    give_up = clock.monotonic() + 2 * config.looks.deadline_s
    for credential in applied.changes.credentials:
        cameras = trial(reachable, credential)
        try:
            said = await _ask_daemon(socket, credential, len(cameras), give_up, clock)
        except NoDaemonError:
            said = {camera.id: await _try_one(ways[camera.id], clock, config) for camera in cameras}
            until = int(clock.now()) + config.confirm.hold_s
            holds += _holds(credential, said, applied.fleet.cameras, until)
        tried += [
            Tried(credential=credential, camera=camera, name=applied.fleet.cameras[camera].name, outcome=outcome)
            for camera, outcome in said.items()
        ]
    if holds:
        await asyncio.wrap_future(store.write(Batch(holds=tuple(holds))))
    return tuple(tried)


async def _ask_daemon(socket: Path, credential: str, cameras: int, give_up: float, clock: Clock) -> dict[str, str]:
    """What the running daemon's own tries gave, by camera: one acceptance is enough, or as many refusals as cameras."""
    while True:
        said = await ask_login(socket, credential)
        if "accepted" in said.values() or len(said) >= cameras or clock.monotonic() > give_up:
            return {camera: DAEMON_SAID[login] for camera, login in said.items()}
        await asyncio.sleep(ASK_AGAIN_S)


async def _try_one(target: Target, clock: Clock, config: Config) -> str:
    probe = RtspProbe(to="describe", **config.probes.settings("rtsp"))
    return (await observe(probe, target, at=clock.now(), deadline_s=config.looks.deadline_s)).outcome.value


def _holds(credential: str, said: Mapping[str, str], cameras: Mapping[str, Camera], until: int) -> tuple[Hold, ...]:
    """A refused login is held back by a daemon that starts later too."""
    return tuple(
        Hold(host=cameras[camera].host, credential=credential, until=until, refusals=1)
        for camera, outcome in said.items()
        if outcome == Outcome.UNAUTHORIZED
    )
