"""What may be filed, until when, for how long, and who may decide it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.core.availability import Version
from monitor.core.exemption import (
    DAY_S,
    HOUR_S,
    LONGEST_S,
    Exemption,
    Exemptions,
    Filing,
    Kind,
    Scope,
    approved_spans,
    check,
    decide,
    kind_of,
)
from monitor.core.fleet import Camera
from monitor.core.rule import RuleError

AT = 1_790_000_000
LONGEST = [
    (Kind.PLANNED_POWER_CUT, 72 * HOUR_S),
    (Kind.CONSTRUCTION, 30 * DAY_S),
    (Kind.RELOCATION, 15 * DAY_S),
    (Kind.THIRD_PARTY_CUT, 7 * DAY_S),
    (Kind.DISASTER, 15 * DAY_S),
    (Kind.CARRIER_UPGRADE, 72 * HOUR_S),
    (Kind.PLATFORM_MAINTENANCE, 72 * HOUR_S),
    (Kind.SCHOOL_HOLIDAY, 60 * DAY_S),
    (Kind.POLICE_CUSTODY, 90 * DAY_S),
]


def test_the_table_names_every_kind() -> None:
    assert [kind for kind, _ in LONGEST] == list(Kind) == list(LONGEST_S)


@pytest.mark.parametrize(("kind", "longest"), LONGEST)
def test_a_filing_covers_its_longest_span_and_not_a_second_more(kind: Kind, longest: int) -> None:
    assert check(kind, AT, AT + longest, filed_at=AT - 1, now=AT) is Filing.FILED
    with pytest.raises(RuleError, match="at most"):
        check(kind, AT, AT + longest + 1, filed_at=AT - 1, now=AT)


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.THIRD_PARTY_CUT, Kind.DISASTER}))
def test_what_is_planned_is_filed_before_it_begins(kind: Kind) -> None:
    assert check(kind, AT, AT + HOUR_S, filed_at=AT - 1, now=AT) is Filing.FILED
    assert check(kind, AT, AT + HOUR_S, filed_at=AT, now=AT) is Filing.LATE


@pytest.mark.parametrize("kind", [Kind.THIRD_PARTY_CUT, Kind.DISASTER])
def test_what_is_sudden_is_filed_within_a_day(kind: Kind) -> None:
    assert check(kind, AT, AT + HOUR_S, filed_at=AT + DAY_S, now=AT + DAY_S) is Filing.FILED
    assert check(kind, AT, AT + HOUR_S, filed_at=AT + DAY_S + 1, now=AT + 2 * DAY_S) is Filing.LATE


@pytest.mark.parametrize(("began", "ended", "filed_at"), [(AT, AT, AT), (AT, AT - 1, AT), (AT, AT + 1, AT + 1)])
def test_a_span_of_nothing_and_a_filing_from_the_future_are_refused(began: int, ended: int, filed_at: int) -> None:
    with pytest.raises(RuleError):
        check(Kind.CONSTRUCTION, began, ended, filed_at=filed_at, now=AT)


def test_a_demolished_camera_is_retired_and_not_exempt() -> None:
    with pytest.raises(RuleError, match="retire it") as caught:
        kind_of("demolition")
    assert "拆除" in caught.value.text("zh")
    with pytest.raises(RuleError, match="choose from"):
        kind_of("saving_electricity")
    assert kind_of("school_holiday") is Kind.SCHOOL_HOLIDAY


def filed(state: Filing = Filing.FILED, filed_at: int = AT - 1) -> Exemption:
    return Exemption(
        id=7,
        scope=Scope(camera="c"),
        kind=Kind.CONSTRUCTION,
        began=AT,
        ended=AT + DAY_S,
        reason="修路",
        filed_at=filed_at,
        state=state,
    )


def test_a_filing_is_approved_or_rejected_once() -> None:
    assert decide(filed(), approve=True) is Filing.APPROVED
    assert decide(filed(), approve=False) is Filing.REJECTED
    for done in (Filing.APPROVED, Filing.REJECTED):
        for approve in (True, False):
            with pytest.raises(RuleError, match="already"):
                decide(filed(done), approve=approve)


def test_a_late_filing_can_be_rejected_but_never_approved() -> None:
    late = filed(Filing.LATE, filed_at=AT + 1)
    assert late.late
    assert decide(late, approve=False) is Filing.REJECTED
    with pytest.raises(RuleError, match="after its deadline"):
        decide(late, approve=True)


def entry(township: str, village: str) -> Camera:
    return Camera(id="c", name="c", township=township, village=village)


SCOPES = [
    (Scope(camera="c"), [(0, 100)]),
    (Scope(camera="other"), None),
    (Scope(township="01"), [(0, 30)]),
    (Scope(township="02"), [(30, 100)]),
    (Scope(township="03"), None),
    (Scope(village="东"), [(0, 30), (60, 100)]),
    (Scope(village="东", township="02"), [(60, 100)]),
    (Scope(village="东", township="03"), None),
]


@pytest.mark.parametrize(("scope", "spans"), SCOPES)
def test_a_scope_covers_a_camera_only_while_it_belongs_there(scope: Scope, spans: list[tuple[int, int]] | None) -> None:
    versions = [Version(10, entry("01", "东")), Version(30, entry("02", "西")), Version(60, entry("02", "东"))]
    exemption = replace(filed(), scope=scope, began=0, ended=100)
    found = Exemptions([exemption]).covering("c", versions)
    assert found == ([] if spans is None else [(exemption, spans)])


def test_a_camera_out_of_the_ledger_belongs_nowhere() -> None:
    versions = [Version(10, entry("01", "东")), Version(30, None), Version(60, entry("01", "东"))]
    exemption = replace(filed(), scope=Scope(township="01"), began=0, ended=100)
    assert Exemptions([exemption]).covering("c", versions) == [(exemption, [(0, 30), (60, 100)])]


def test_only_approved_filings_cover_and_overlapping_ones_cover_once() -> None:
    camera = Camera(id="c1", name="n", township="01", village="v")
    versions = {"c1": (Version(AT, camera),), "c2": (Version(AT, replace(camera, id="c2", village="w")),)}

    def filed(scope: Scope, began: int, ended: int, state: Filing) -> Exemption:
        return Exemption(
            id=1,
            scope=scope,
            kind=Kind.CONSTRUCTION,
            began=AT + began,
            ended=AT + ended,
            reason="r",
            filed_at=AT,
            state=state,
        )

    found = approved_spans(
        [
            filed(Scope(camera="c1"), 10, 50, Filing.APPROVED),
            filed(Scope(village="v", township="01"), 40, 90, Filing.APPROVED),
            filed(Scope(township="01"), 200, 300, Filing.FILED),
            filed(Scope(township="01"), 200, 300, Filing.REJECTED),
        ],
        versions,
    )
    assert found == {"c1": [(AT + 10, AT + 90)]}
