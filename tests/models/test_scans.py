"""Whose parcel a scan is of, when numbers are used again; and that each scan is kept once, whoever tells it."""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.tracking import Scan, TrackingStatus, scan_identity
from models import scans
from models.shipments import find
from tests.models.kit import Shop

NOW = datetime.now(UTC).replace(microsecond=0)
S = TrackingStatus

_PARCEL = (
    "INSERT INTO shipments (tenant_id, shipment_id, order_number, location_id, state, carrier, carrier_shipment_id,"
    " label_id, tracking_number, created_at, ended_at)"
    " SELECT tenant_id, :id, order_number, location_id, 'label_bought', :carrier, :there, :label, '1Z9', :made, :ended"
    " FROM shipments LIMIT 1"
)


def scan(**changes: object) -> Scan:
    """A word of a carrier that knows the number only, but for the changes."""
    plain = Scan("e1", "easypost", "", "1Z9", "", S.IN_TRANSIT, "in_transit", "", NOW)
    return replace(plain, **changes)  # type: ignore[arg-type]  # a test's shorthand


@pytest.fixture
async def numbered(shop: Shop) -> Shop:
    """One number on three labels: an old parcel's, one on its way, and one of another account."""
    await shop.buy(shop.new_sku())
    old, year = NOW - timedelta(days=380), NOW - timedelta(days=370)
    rows = (
        ("old", "easypost", "shp_1", "tx_1", old, year),
        ("new", "easypost", "shp_2", "tx_2", NOW - timedelta(days=2), None),
        ("other", "shippo", "shp_3", "tx_3", NOW - timedelta(days=1), None),
    )
    for name, carrier, there, label, made, ended in rows:
        shop.run(_PARCEL, id=name, carrier=carrier, there=there, label=label, made=made, ended=ended)
    return shop


@pytest.mark.parametrize(
    ("changes", "elsewhere", "parcel"),
    [
        ({}, False, "new"),
        ({"occurred_at": NOW - timedelta(days=375)}, False, "old"),
        ({"occurred_at": NOW - timedelta(days=320)}, False, "old"),
        ({"occurred_at": NOW - timedelta(days=200)}, False, None),
        ({"occurred_at": NOW - timedelta(days=500)}, False, None),
        ({"carrier": "shippo"}, False, "other"),
        ({"carrier": "nobody"}, False, None),
        ({"carrier": "aftership"}, True, "other"),
        ({"carrier_shipment_id": "shp_1"}, False, "old"),
        ({"carrier_shipment_id": "shp_3"}, False, None),
        ({"carrier": "shippo", "label_id": "tx_3"}, False, "other"),
        ({"carrier": "shippo", "label_id": "tx_9"}, False, None),
        ({"reference": "old", "carrier_shipment_id": "shp_1"}, False, "old"),
        ({"reference": "old", "carrier_shipment_id": "shp_2"}, False, None),
        ({"reference": "none"}, False, None),
        ({"tracking_number": "another"}, False, None),
    ],
)
async def test_whose_parcel_it_is(
    numbered: Shop, changes: dict[str, object], elsewhere: bool, parcel: str | None
) -> None:
    async with numbered.transaction() as session:
        found = await scans.matching(session, scan(**changes), bought_elsewhere=elsewhere)
        assert (found.shipment_id if found else None) == parcel


def history() -> list[Scan]:
    """A parcel's week, two scans of it in one minute."""
    steps = ((S.PICKED_UP, 0), (S.IN_TRANSIT, 5), (S.DELAYED, 5), (S.OUT_FOR_DELIVERY, 60), (S.DELIVERED, 90))
    said = [(status, NOW + timedelta(minutes=minute)) for status, minute in steps]
    ids = [scan_identity(None, "easypost", "1Z9", status, at) for status, at in said]
    return [
        scan(status=status, carrier_code=status.value, occurred_at=at, event_id=own)
        for own, (status, at) in zip(ids, said, strict=True)
    ]


class _Undo(Exception):
    """So that the next example finds nothing."""


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(history()), max_size=4).flatmap(lambda more: st.permutations([*history(), *more])))
async def test_every_order_and_repetition_of_scans_ends_alike_and_each_is_kept_once(
    shop: Shop, said: list[Scan]
) -> None:
    rows = shop.rows("SELECT shipment_id FROM shipments")
    parcel = rows[0].shipment_id if rows else (await shop.buy(shop.new_sku())).parcels[0].shipment_id
    with contextlib.suppress(_Undo):
        async with shop.transaction() as session:
            row = await find(session, parcel, lock=True)
            assert row is not None
            for place, one in enumerate(said):
                await scans.keep(session, row, one, f"webhook-{place}")
            assert (row.tracking_status, row.last_scan_at) == (S.DELIVERED, history()[-1].occurred_at)
            first = {one.event_id: f"webhook-{said.index(one)}" for one in history()}
            assert await scans.told(session, row, "easypost") == first
            raise _Undo
