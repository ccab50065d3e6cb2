"""Which cameras failed together? One cause is one event, one message and one telephone call.

A group is the cameras behind one recorder, in one village, in one subnet (/24 or /64) or behind one township's link.
It failed together if at least 3 of its cameras, and more than half of all that it has, began to fail within 5
minutes.

A failed recorder may be a whole village, and a dark village most of a subnet. The group that explains the most
failures is taken; of those that explain as many, the smallest, since it says the most about where to go; of equally
small ones the first of recorder, village, subnet and link, since a subnet has no telephone number. Its cameras are
then explained, and the rest is looked at again: no camera is in two events.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv6Address

from monitor.core.condition import IMAGE_FAULTS, Fault
from monitor.core.fleet import Camera, Fleet, Registration
from monitor.core.record import Event

KINDS = ("recorder", "village", "subnet", "link")

Group = tuple[str, str]
"""kind and place"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonCause:
    """The numbers of DOMAIN's common cause."""

    members: int = 3
    window_s: int = 300


def common_causes(
    fleet: Fleet,
    failing: Mapping[str, tuple[int, Fault | None]],
    rules: CommonCause,
    previous: Iterable[Event] = (),
    *,
    now: int,
) -> tuple[Event, ...]:
    """The events that go on, and those of ``previous`` that have ended.

    ``failing`` maps cameras with an open, confirmed outage to its beginning and fault; image faults have no common
    cause. An event keeps its beginning, so its id, while it goes on, and remembers all cameras that failed in it.
    It has ended, ``now``, when so many are back that its group would not count any more. An open previous event that
    is not in the answer was taken up by one that explains more: it should not be told on its own.
    """
    since = {
        camera: began
        for camera, (began, fault) in failing.items()
        if fault not in IMAGE_FAULTS and camera in fleet.cameras
    }
    sizes, members = _groups(fleet, since)
    open_before = {(event.kind, event.place): event for event in previous if event.ended is None}
    found = [
        _event(fleet, group, cameras, sizes[group], since, open_before.get(group))
        for group, cameras in _explanations(members, sizes, since, open_before, rules)
    ]
    ids = {event.id for event in found}
    over = [event for event in open_before.values() if event.id not in ids and not _taken_up(event, found)]
    found += [replace(event, ended=max(now, event.began)) for event in over]
    return tuple(sorted(found, key=lambda event: (event.began, event.id)))


def subnet(host: str) -> str:
    """The /24 or /64 in which an address lies; "" for a name.

    >>> subnet("10.3.7.200"), subnet("2001:db8::9"), subnet("nvr.lan")
    ('10.3.7.0/24', '2001:db8:0:0::/64', '')
    """
    if ":" in host:
        try:
            words = IPv6Address(host).exploded.split(":")[:4]
        except AddressValueError:
            return ""
        return ":".join(f"{int(word, 16):x}" for word in words) + "::/64"
    network, _, last = host.rpartition(".")
    if last.isdigit() and network.count(".") == 2 and network.replace(".", "").isdigit():
        return f"{network}.0/24"
    return ""


def _taken_up(event: Event, found: Iterable[Event]) -> bool:
    """Whether another event explains all that failed in this one."""
    return any(set(event.cameras) <= set(other.cameras) for other in found)


def _groups(fleet: Fleet, since: Mapping[str, int]) -> tuple[Counter[Group], dict[Group, list[str]]]:
    """How many cameras each group has, and which of them fail."""
    sizes: Counter[Group] = Counter()
    members: dict[Group, list[str]] = defaultdict(list)
    for camera in fleet.cameras.values():
        if camera.registration is Registration.RETIRED:
            continue
        groups = _groups_of(camera)
        sizes.update(groups)
        if camera.id in since:
            for group in groups:
                members[group].append(camera.id)
    return sizes, members


def _groups_of(camera: Camera) -> list[Group]:
    groups = [("link", camera.township)]
    if camera.host:
        groups.append(("recorder", camera.address))
        if network := subnet(camera.host):
            groups.append(("subnet", network))
    if camera.village:
        groups.append(("village", f"{camera.township}/{camera.village}"))
    return groups


def _explanations(
    members: Mapping[Group, Sequence[str]],
    sizes: Mapping[Group, int],
    since: Mapping[str, int],
    open_before: Mapping[Group, Event],
    rules: CommonCause,
) -> Iterator[tuple[Group, tuple[str, ...]]]:
    """Groups that failed together, the one that explains the most first, without cameras explained before."""
    candidates = {
        group: cameras
        for group in members
        if (cameras := _together(group, members[group], sizes, since, open_before, rules))
    }
    touching: dict[str, list[Group]] = defaultdict(list)
    for group, cameras in candidates.items():
        for camera in cameras:
            touching[camera].append(group)
    while candidates:
        best = min(candidates, key=lambda group: (-len(candidates[group]), sizes[group], KINDS.index(group[0]), group))
        explained = frozenset(candidates.pop(best))
        yield best, tuple(explained)
        for group in {group for camera in explained for group in touching[camera]} & candidates.keys():
            left = [camera for camera in candidates[group] if camera not in explained]
            if again := _together(group, left, sizes, since, open_before, rules):
                candidates[group] = again
            else:
                del candidates[group]


def _together(
    group: Group,
    cameras: Sequence[str],
    sizes: Mapping[Group, int],
    since: Mapping[str, int],
    open_before: Mapping[Group, Event],
    rules: CommonCause,
) -> tuple[str, ...]:
    """The cameras of a group that failed within one window, if they are enough."""
    needed = max(rules.members, sizes[group] // 2 + 1)
    if len(cameras) < needed:
        return ()
    if event := open_before.get(group):
        near = tuple(camera for camera in cameras if abs(since[camera] - event.began) <= rules.window_s)
        if len(near) >= needed:
            return near
    ordered = sorted(cameras, key=lambda camera: since[camera])
    best: tuple[str, ...] = ()
    last = 0
    for first in range(len(ordered)):
        while last < len(ordered) and since[ordered[last]] - since[ordered[first]] <= rules.window_s:
            last += 1
        if last - first > len(best):
            best = tuple(ordered[first:last])
    return best if len(best) >= needed else ()


def _event(
    fleet: Fleet, group: Group, cameras: tuple[str, ...], of: int, since: Mapping[str, int], before: Event | None
) -> Event:
    kind, place = group
    began = min(since[camera] for camera in cameras)
    failed = set(cameras)
    if before and failed.intersection(before.cameras):
        began = before.began
        failed.update(before.cameras)
    township = Counter(fleet.cameras[camera].township for camera in cameras).most_common(1)[0][0]
    return Event(kind=kind, place=place, township=township, began=began, cameras=tuple(sorted(failed)), of=of)
