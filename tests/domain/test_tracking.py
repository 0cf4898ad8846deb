"""The tracking status: the same for every order in which scans can come, and an end stays an end."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tracking import (
    DECISIVE,
    EXCEPTIONS,
    POSSESSION,
    TERMINAL,
    Scan,
    TrackingStatus,
    Verdict,
    advance,
    decides,
    scan_identity,
    status_of,
)

S = TrackingStatus
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def scan(status: TrackingStatus, minute: int = 0, event_id: str = "evt_1") -> Scan:
    return Scan(
        event_id=event_id,
        carrier="sandbox",
        carrier_shipment_id="shp_1",
        tracking_number="MP1",
        reference="ref-1",
        status=status,
        carrier_code=status.value,
        description="",
        occurred_at=NOON + timedelta(minutes=minute),
    )


def fold(scans: list[Scan]) -> tuple[TrackingStatus, datetime | None]:
    """Where a parcel is after these, kept as the database keeps it."""
    status, at = S.PENDING, None
    for one in scans:
        verdict = advance(status, at, one)
        if verdict.changed:
            status, at = verdict.status, one.occurred_at
    return status, at


def history(*steps: tuple[TrackingStatus, int]) -> list[Scan]:
    return [scan(status, minute) for status, minute in steps]


scans = st.builds(scan, st.sampled_from(S), st.integers(0, 6))  # few minutes, so that some coincide


@given(st.lists(scans, max_size=8).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_every_order_of_arrival_ends_alike(drawn: tuple[list[Scan], list[Scan]]) -> None:
    some, other = drawn
    assert fold(some) == fold(other)


@given(st.lists(scans, max_size=8), st.data())
def test_a_repeat_changes_nothing(some: list[Scan], data: st.DataObject) -> None:
    repeats = data.draw(st.lists(st.sampled_from(some), max_size=5)) if some else []
    assert fold([*some, *repeats]) == fold(some)


@given(st.lists(scans, max_size=6), scans)
def test_the_same_scan_twice_in_a_row_is_no_news(some: list[Scan], last: Scan) -> None:
    status, at = fold([*some, last])
    assert not advance(status, at, last).changed


@given(st.sampled_from(sorted(TERMINAL)), st.lists(scans, max_size=8))
def test_after_an_end_only_a_return_is_taken(end: TrackingStatus, later: list[Scan]) -> None:
    first = scan(end, minute=-1)
    status, _ = fold([first, *later])
    came_back = any(one.status is S.RETURNED for one in later)
    assert status is (S.RETURNED if came_back else end)


@given(st.sampled_from(S), st.none() | st.integers(-3, 3), scans)
def test_every_scan_gets_a_verdict(current: TrackingStatus, minute: int | None, one: Scan) -> None:
    latest = None if minute is None else NOON + timedelta(minutes=minute)
    verdict = advance(current, latest, one)
    assert verdict.status is (one.status if verdict.changed else current)


@given(st.lists(scans.filter(lambda one: one.status in POSSESSION - TERMINAL - EXCEPTIONS), min_size=1))
def test_on_the_way_the_latest_scan_tells(some: list[Scan]) -> None:
    _, at = fold(some)
    assert at == max(one.occurred_at for one in some)


@pytest.mark.parametrize(
    ("current", "at", "new", "verdict"),
    [
        (S.PENDING, None, (S.PICKED_UP, 0), Verdict(S.PICKED_UP, changed=True)),
        (S.IN_TRANSIT, 5, (S.PICKED_UP, 4), Verdict(S.IN_TRANSIT, changed=False)),
        (S.OUT_FOR_DELIVERY, 5, (S.IN_TRANSIT, 6), Verdict(S.IN_TRANSIT, changed=True)),
        (S.IN_TRANSIT, 5, (S.IN_TRANSIT, 6), Verdict(S.IN_TRANSIT, changed=True)),
        (S.IN_TRANSIT, 5, (S.PENDING, 6), Verdict(S.IN_TRANSIT, changed=False, flagged=True)),
        (S.IN_TRANSIT, 5, (S.CANCELLED, 6), Verdict(S.CANCELLED, changed=True, flagged=True)),
        (S.IN_TRANSIT, 5, (S.DELIVERED, 4), Verdict(S.DELIVERED, changed=True, flagged=True)),
        (S.IN_TRANSIT, 5, (S.UNKNOWN, 6), Verdict(S.IN_TRANSIT, changed=False, flagged=True)),
        (S.DELIVERED, 5, (S.IN_TRANSIT, 6), Verdict(S.DELIVERED, changed=False, flagged=True)),
        (S.DELIVERED, 5, (S.IN_TRANSIT, 4), Verdict(S.DELIVERED, changed=False)),
        (S.DELIVERED, 5, (S.DELIVERED, 6), Verdict(S.DELIVERED, changed=False)),
        (S.DELIVERED, 5, (S.LOST, 6), Verdict(S.DELIVERED, changed=False, flagged=True)),
        (S.DELIVERED, 5, (S.RETURNED, 9), Verdict(S.RETURNED, changed=True)),
        (S.RETURN_TO_SENDER, 5, (S.IN_TRANSIT, 6), Verdict(S.RETURN_TO_SENDER, changed=False)),
        (S.RETURN_TO_SENDER, 5, (S.RETURNED, 9), Verdict(S.RETURNED, changed=True)),
        (S.RETURN_TO_SENDER, 5, (S.DELIVERED, 9), Verdict(S.RETURN_TO_SENDER, changed=False, flagged=True)),
        (S.RETURNED, 5, (S.DELIVERED, 9), Verdict(S.RETURNED, changed=False, flagged=True)),
        (S.LOST, 5, (S.IN_TRANSIT, 6), Verdict(S.LOST, changed=False, flagged=True)),
        (S.LOST, 5, (S.RETURNED, 9), Verdict(S.RETURNED, changed=True, flagged=True)),
        (S.CANCELLED, 5, (S.PICKED_UP, 6), Verdict(S.CANCELLED, changed=False, flagged=True)),
    ],
)
def test_what_follows_what(
    current: TrackingStatus, at: int | None, new: tuple[TrackingStatus, int], verdict: Verdict
) -> None:
    latest = None if at is None else NOON + timedelta(minutes=at)
    assert advance(current, latest, scan(*new)) == verdict


def test_a_day_with_a_failed_attempt() -> None:
    day = history(
        (S.PENDING, 0),
        (S.PICKED_UP, 1),
        (S.OUT_FOR_DELIVERY, 2),
        (S.ATTEMPT_FAILED, 3),
        (S.IN_TRANSIT, 4),
        (S.OUT_FOR_DELIVERY, 5),
        (S.DELIVERED, 6),
    )
    assert fold(day) == fold(day[::-1]) == (S.DELIVERED, NOON + timedelta(minutes=6))


def test_the_workflow_hears_of_the_handover_from_whatever_proves_it() -> None:
    assert decides(scan(S.IN_TRANSIT), handed_over=False)
    assert not decides(scan(S.IN_TRANSIT), handed_over=True)
    assert not decides(scan(S.DELAYED), handed_over=False)
    assert all(decides(scan(status), handed_over=True) for status in DECISIVE)


def test_a_silent_parcel_is_waited_for_whatever_is_said() -> None:
    assert decides(scan(S.DELAYED), handed_over=True, silent=True)
    assert not decides(scan(S.DELAYED), handed_over=True)


def test_the_most_particular_code_that_is_known_tells() -> None:
    tables = ({"held": S.ON_HOLD}, {"moving": S.IN_TRANSIT})
    assert status_of("held", "moving", tables=tables) is S.ON_HOLD
    assert status_of("new", "moving", tables=tables) is S.IN_TRANSIT
    assert status_of("new", "newer", tables=tables) is S.UNKNOWN


def test_ends_and_exceptions_decide() -> None:
    assert TERMINAL | EXCEPTIONS <= DECISIVE


def test_a_time_without_a_zone_is_no_scan() -> None:
    with pytest.raises(ValueError, match="zone"):
        Scan("e", "c", "s", "n", "r", S.PICKED_UP, "PU", "", datetime(2026, 3, 1))  # noqa: DTZ001  # on purpose


def test_identity_is_the_carriers_event_id_or_what_the_scan_says() -> None:
    assert scan_identity("evt_9", "dhl", "N1", "PU", NOON) == "evt_9"
    derived = scan_identity(None, "dhl", "N1", "PU", NOON)
    assert derived == scan_identity("", "dhl", "N1", "PU", NOON.astimezone(timezone(timedelta(hours=2))))
    others = {
        scan_identity(None, "ups", "N1", "PU", NOON),
        scan_identity(None, "dhl", "N2", "PU", NOON),
        scan_identity(None, "dhl", "N1", "DL", NOON),
        scan_identity(None, "dhl", "N1", "PU", NOON + timedelta(seconds=1)),
    }
    assert len(others | {derived}) == 5
