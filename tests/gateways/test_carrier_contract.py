"""What the workflows rely on, of every carrier that sells labels: on the stand-in always, live with a test key.

The stand-in has a face of each carrier. `EASYPOST_API_KEY` (`EZTK…`) and `SHIPPO_API_KEY` (`shippo_test_…`) run the
same tests on the carriers themselves.
"""

import os
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio

from domain.carriage import Route, choose
from domain.parcels import (
    CarrierShipment,
    CarrierShipmentState,
    Dimensions,
    Label,
    ParcelRequest,
    PostalAddress,
    Rate,
    VoidOutcome,
)
from gateways.carriers.easypost import EasyPostCarrier
from gateways.carriers.protocol import Carrier, CarrierRejected, CarrierUnavailable
from gateways.carriers.shippo import ShippoCarrier
from tests.sandbox.carrier_rig import Rig

SENDER = PostalAddress("Milepost", "350 5th Ave", "New York", "10118", "US", region="NY")
RECIPIENT = PostalAddress("City Hall", "1 Dr Carlton B Goodlett Pl", "San Francisco", "94102", "US", region="CA")
TEST_KEYS = {"easypost": ("EASYPOST_API_KEY", "EZTK"), "shippo": ("SHIPPO_API_KEY", "shippo_test_")}


@dataclass
class Account:
    """A carrier to ask, and the stand-in behind it if it is that."""

    carrier: Carrier
    rig: Rig | None


def live(kind: str) -> Any:
    """The carrier itself, when its test key is set: never one that costs money."""
    variable, prefix = TEST_KEYS[kind]
    unset = not os.environ.get(variable, "").startswith(prefix)
    skip = pytest.mark.skipif(unset, reason=f"{variable} holds no test key ({prefix}…)")
    return pytest.param(f"live {kind}", marks=[pytest.mark.live, skip])


@pytest_asyncio.fixture(scope="module")
async def stand_in() -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.start()
    yield rig
    await rig.close()


def opened(rig: Rig, kind: str) -> Account:
    """The account behind a name."""
    if kind == "live easypost":
        key = os.environ["EASYPOST_API_KEY"]
        return Account(EasyPostCarrier(name="easypost", api_key=key, webhook_secrets=[]), None)
    if kind == "live shippo":
        key = os.environ["SHIPPO_API_KEY"]
        return Account(ShippoCarrier(name="shippo", api_key=key, webhook_secrets=[]), None)
    made: dict[str, Carrier] = {"generic": rig.client(), "easypost": rig.easypost(), "shippo": rig.shippo()}
    return Account(made[kind], rig)


@pytest_asyncio.fixture(params=["generic", "easypost", "shippo", live("easypost"), live("shippo")])
async def account(request: pytest.FixtureRequest, stand_in: Rig) -> AsyncIterator[Account]:
    found = opened(stand_in, request.param)
    await stand_in.set("reset")
    stand_in.shop.got.clear()
    yield found
    await found.carrier.close()


@pytest_asyncio.fixture(params=["generic", "easypost", "shippo"])
async def own(request: pytest.FixtureRequest, stand_in: Rig) -> AsyncIterator[tuple[Carrier, Rig]]:
    """The stand-in, for tests that pull its levers."""
    found = opened(stand_in, request.param)
    await stand_in.set("reset")
    stand_in.shop.got.clear()
    yield found.carrier, stand_in
    await found.carrier.close()


def wanted(**changes: Any) -> ParcelRequest:
    reference = f"ref-{uuid.uuid4().hex[:12]}"
    plain = ParcelRequest(reference, "express", 1250, SENDER, RECIPIENT, "2 books", Dimensions(300, 200, 150))
    return replace(plain, **changes)


def cheapest(created: CarrierShipment) -> Rate | None:
    if created.rates is None:
        return None
    found = choose(created.rates, Route("any", currency=created.rates[0].currency))
    assert isinstance(found, Rate), found
    return found


async def bought(carrier: Carrier, **changes: Any) -> tuple[Label, str]:
    created = await carrier.create(wanted(**changes))
    rate = cheapest(created)
    rate_id = rate.rate_id if rate else ""
    return await carrier.buy(created.carrier_shipment_id, rate_id), rate_id


async def test_what_is_created_costs_nothing_and_is_bought_at_the_rate_that_was_quoted(account: Account) -> None:
    carrier = account.carrier
    created = await carrier.create(wanted())
    assert (created.state, created.label) == (CarrierShipmentState.CREATED, None)
    assert await carrier.rates(created.carrier_shipment_id) == created.rates
    rate = cheapest(created)
    rate_id = rate.rate_id if rate else ""
    before = await carrier.look_up(created.carrier_shipment_id, rate_id)
    assert (before.state, before.label) == (CarrierShipmentState.CREATED, None)
    label = await carrier.buy(created.carrier_shipment_id, rate_id)
    assert label.carrier == carrier.name
    assert label.tracking_number
    assert label.label_url.startswith("http")
    if rate is not None:
        assert (label.cost_minor, label.currency, label.service) == (rate.cost_minor, rate.currency, rate.service)
    after = await carrier.look_up(created.carrier_shipment_id, rate_id)
    assert (after.state, after.label) == (CarrierShipmentState.BOUGHT, label)


async def test_an_unused_label_is_given_back_and_again_is_harmless(account: Account) -> None:
    label, rate_id = await bought(account.carrier)
    first = await account.carrier.void(label)
    assert first.outcome in (VoidOutcome.VOIDED, VoidOutcome.REQUESTED)
    again = await account.carrier.void(label)
    assert again.outcome is VoidOutcome.ALREADY_VOIDED
    assert again.is_void
    found = await account.carrier.look_up(label.carrier_shipment_id, rate_id)
    assert (found.state, found.label) == (CarrierShipmentState.VOIDED, None)


async def test_a_parcel_to_nowhere_is_refused_for_good(account: Account) -> None:
    with pytest.raises(CarrierRejected) as refused:
        await bought(account.carrier, recipient=replace(RECIPIENT, country="Nowhere"))
    assert refused.value.code
    assert refused.value.message


async def test_a_wrong_key_is_ours_to_mend_and_fails_no_parcel(stand_in: Rig) -> None:
    for carrier in (stand_in.client(api_key="no"), stand_in.easypost(api_key="no"), stand_in.shippo(api_key="no")):
        with pytest.raises(CarrierUnavailable, match="401"):
            await carrier.create(wanted())
        await carrier.close()


@pytest.mark.parametrize("fault", [{"status": None}, {"status": 500}, {"status": 429, "retry_after": 3}])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_answer_that_is_lost_at_buying_is_found_by_looking_it_up(
    own: tuple[Carrier, Rig], fault: dict[str, Any], when: str
) -> None:
    carrier, rig = own
    request = wanted()
    created = await carrier.create(request)
    rate = cheapest(created)
    rate_id = rate.rate_id if rate else ""
    await rig.set("faults", operation="buy", when=when, **fault)
    with pytest.raises(CarrierUnavailable) as unknown:
        await carrier.buy(created.carrier_shipment_id, rate_id)
    assert unknown.value.retry_after_seconds == (3.0 if fault.get("retry_after") else None)
    found = await carrier.look_up(created.carrier_shipment_id, rate_id)
    assert (found.label is not None) == (when == "after")
    sold = await rig.sold(request.reference)
    assert (sold["labels_bought"], sold["repeat_buys"]) == (int(when == "after"), 0)


async def test_a_second_purchase_is_refused(own: tuple[Carrier, Rig]) -> None:
    carrier, _ = own
    label, rate_id = await bought(carrier)
    with pytest.raises(CarrierRejected):
        await carrier.buy(label.carrier_shipment_id, rate_id)


async def test_what_the_carrier_has_scanned_is_not_given_back(own: tuple[Carrier, Rig]) -> None:
    carrier, rig = own
    label, _ = await bought(carrier)
    await rig.scan(label.carrier_shipment_id, "picked_up")
    refused = await carrier.void(label)
    assert (refused.outcome, refused.is_void) == (VoidOutcome.TOO_LATE, False)


async def test_a_webhook_says_what_asking_says(own: tuple[Carrier, Rig]) -> None:
    carrier, rig = own
    label, _ = await bought(carrier)
    for status in ("picked_up", "on_hold", "out_for_delivery", "delivered"):
        await rig.scan(label.carrier_shipment_id, status)
    await rig.until_count(4)
    asked = await carrier.track(label)
    assert [scan.status.value for scan in asked] == ["picked_up", "on_hold", "out_for_delivery", "delivered"]
    messages = [await carrier.parse_webhook(headers, body, int(time.time())) for headers, body in rig.shop.got]
    assert len({message.event_id for message in messages}) == 4
    assert messages[-1].scans[-1] == asked[-1]
    told = {scan.event_id: scan for message in messages for scan in message.scans}
    assert sorted(told.values(), key=lambda scan: scan.occurred_at) == list(asked)


async def test_a_word_nobody_knows_is_kept_as_the_carrier_said_it(own: tuple[Carrier, Rig]) -> None:
    carrier, rig = own
    label, _ = await bought(carrier)
    await rig.scan(label.carrier_shipment_id, "teleported")
    (scan,) = await carrier.track(label)
    assert scan.status.value == "unknown"
    assert "teleported" in scan.carrier_code.lower()


async def test_the_weight_is_never_understated(stand_in: Rig) -> None:
    easypost = stand_in.easypost()
    for grams in (1, 28, 29, 1250, 31_499):
        request = wanted(weight_grams=grams)
        created = await easypost.create(request)
        assert created.reference == request.reference
        shipment = (await stand_in.control.get("/_control/state")).json()["references"][request.reference]["shipments"]
        assert shipment[0]["weight_grams"] >= grams
    await easypost.close()


async def test_without_its_size_a_parcel_is_refused_by_shippo(stand_in: Rig) -> None:
    shippo = stand_in.shippo()
    with pytest.raises(CarrierRejected) as refused:
        await shippo.create(wanted(dimensions=None))
    assert refused.value.code == "no_dimensions"
    await shippo.close()


async def test_easypost_finds_a_parcel_by_our_reference_and_shippo_does_not_pretend_to(stand_in: Rig) -> None:
    easypost, shippo = stand_in.easypost(), stand_in.shippo()
    request = wanted()
    assert await easypost.find(request.reference) is None
    created = await easypost.create(request)
    assert await easypost.find(request.reference) == created
    await shippo.create(request)
    assert await shippo.find(request.reference) is None
    await easypost.close()
    await shippo.close()
