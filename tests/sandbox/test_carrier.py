"""The carrier stand-in: parcels that move by themselves, webhooks that are told until taken, and survival."""

import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from sandbox.carrier.pages import bars
from tests.sandbox.carrier_rig import Rig, label_of, parcel

JOURNEY = ["picked_up", "in_transit", "out_for_delivery", "delivered"]


@pytest_asyncio.fixture(scope="module")
async def shared() -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.start()
    yield rig
    await rig.close()


@pytest_asyncio.fixture
async def rig(shared: Rig) -> Rig:
    await shared.set("reset")
    await shared.set("pace", seconds=0)
    shared.shop.got.clear()
    shared.shop.answers.clear()
    return shared


async def test_a_parcel_moves_by_itself_once_its_label_is_bought(rig: Rig) -> None:
    await rig.set("pace", seconds=0.05)
    await rig.carrier.create(parcel("ref-still"))
    shipment = await rig.bought("ref-moves")
    await rig.until(lambda: len(rig.shop.got) == 4)
    assert rig.statuses() == JOURNEY
    scans = await rig.carrier.track(label_of(shipment))
    assert [scan.status.value for scan in scans] == JOURNEY
    assert (await rig.sold("ref-still"))["shipments"][0]["position"] == "label_bought"


async def test_a_voided_parcel_does_not_move(rig: Rig) -> None:
    await rig.set("pace", seconds=0.3)
    voided = await rig.bought("ref-voided")
    await rig.carrier.void(label_of(voided))
    await rig.set("pace", seconds=0.02)
    await rig.bought("ref-other")
    await rig.until(lambda: "delivered" in rig.statuses())
    assert await rig.carrier.track(label_of(voided)) == ()


async def test_an_exception_stops_a_parcel_until_it_is_told_to_move(rig: Rig) -> None:
    shipment = await rig.bought("ref-held")
    await rig.scan(shipment, "on_hold")
    await rig.set("pace", seconds=0.02)
    moving = await rig.bought("ref-moving")
    await rig.until(lambda: len(rig.shop.got) == 5)
    assert len(await rig.carrier.track(label_of(moving))) == 4
    await rig.scan(shipment, "out_for_delivery")
    await rig.until(lambda: len(rig.shop.got) == 7)
    statuses = [scan.status.value for scan in await rig.carrier.track(label_of(shipment))]
    assert statuses == ["on_hold", "out_for_delivery", "delivered"]


async def test_a_webhook_is_told_until_it_is_taken_with_the_same_event_id(rig: Rig) -> None:
    rig.shop.answers[:] = [500, 302]
    shipment = await rig.bought("ref-again")
    sent = await rig.scan(shipment, "picked_up")
    await rig.until(lambda: len(rig.shop.got) == 3)
    assert {rig.carrier.parse(body).event_id for _, body in rig.shop.got} == {sent["event_id"]}


async def test_held_webhooks_are_released_in_order_or_backwards(rig: Rig) -> None:
    await rig.set("webhooks", mode="hold")
    shipment = await rig.bought("ref-hold")
    for status in JOURNEY[:3]:
        await rig.scan(shipment, status)
    assert rig.shop.got == []
    assert await rig.set("webhooks/release") == {"released": 3}
    await rig.until(lambda: len(rig.shop.got) == 3)
    assert rig.statuses() == JOURNEY[:3]
    for status in JOURNEY[:3]:
        await rig.scan(shipment, status)
    await rig.set("webhooks", reorder=True)
    await rig.set("webhooks/release")
    await rig.until(lambda: len(rig.shop.got) == 6)
    assert rig.statuses()[3:] == JOURNEY[2::-1]


async def test_a_dropped_webhook_is_seen_in_tracking_only(rig: Rig) -> None:
    shipment = await rig.bought("ref-drop")
    await rig.set("webhooks", mode="drop")
    await rig.scan(shipment, "picked_up")
    await rig.set("webhooks", mode="normal")
    await rig.scan(shipment, "in_transit")
    await rig.until(lambda: len(rig.shop.got) == 1)
    assert rig.statuses() == ["in_transit"]
    assert len(await rig.carrier.track(label_of(shipment))) == 2


async def test_webhooks_come_twice_and_in_the_wrong_order_when_told(rig: Rig) -> None:
    shipment = await rig.bought("ref-unruly")
    await rig.set("webhooks", duplicate=1, reorder=True)
    await rig.scan(shipment, "picked_up")
    await rig.scan(shipment, "in_transit")
    await rig.until(lambda: len(rig.shop.got) == 4)
    assert rig.statuses() == ["in_transit", "in_transit", "picked_up", "picked_up"]


async def test_a_webhook_without_a_successor_is_not_held_for_ever(rig: Rig) -> None:
    shipment = await rig.bought("ref-alone")
    await rig.set("webhooks", reorder=True)
    await rig.scan(shipment, "picked_up")
    await rig.until(lambda: rig.statuses() == ["picked_up"])


@pytest_asyncio.fixture
async def lasting(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(pace=0.3, state=tmp_path / "carrier.state")
    await rig.start()
    yield rig
    await rig.close()


async def test_it_survives_sigkill_and_goes_on(lasting: Rig) -> None:
    rig = lasting
    shipment = await rig.bought("ref-kill")
    rig.shop.answers[:] = [503] * 100
    await rig.until(lambda: len(rig.shop.got) >= 1)
    before = await rig.carrier.find("ref-kill")
    await rig.kill()
    rig.shop.answers.clear()
    rig.shop.got.clear()
    await rig.start()
    assert await rig.carrier.find("ref-kill") == before
    assert (await rig.sold("ref-kill"))["labels_bought"] == 1
    await rig.until(lambda: set(JOURNEY) <= set(rig.statuses()))
    scans = await rig.carrier.track(label_of(shipment))
    assert [scan.status.value for scan in scans] == JOURNEY
    assert len({scan.event_id for scan in scans}) == 4


async def test_the_label_prints_and_is_gone_once_voided(rig: Rig) -> None:
    created = await rig.carrier.create(parcel("ref-<label>"))
    label = await rig.carrier.buy(created.carrier_shipment_id)
    async with httpx.AsyncClient() as browser:
        printed = await browser.get(label.label_url)
        assert printed.headers["content-type"].startswith("image/svg+xml")
        drawing = ET.fromstring(printed.content)
        words = " ".join(drawing.itertext())
        for expected in (
            label.tracking_number,
            "Zoë Łuczak & <Co>",
            "80-827 Gdańsk",
            "ref-<label>",
            "1.250 kg",
        ):
            assert expected in words
        await rig.carrier.void(label_of(created.carrier_shipment_id))
        assert (await browser.get(label.label_url)).status_code == 410


async def test_people_can_follow_a_parcel(rig: Rig) -> None:
    created = await rig.carrier.create(parcel("ref-page"))
    label = await rig.carrier.buy(created.carrier_shipment_id)
    await rig.scan(created.carrier_shipment_id, "on_hold", description="<b>Customs</b>")
    async with httpx.AsyncClient() as browser:
        page = await browser.get(label.tracking_url)
        assert "&lt;b&gt;Customs" in page.text
        assert (await browser.get(label.tracking_url + "0")).status_code == 404


def test_code_39_has_three_wide_elements_a_sign() -> None:
    number = "MP0123456789"
    drawn = bars(number)
    assert len(drawn) == 5 * (len(number) + 2)
    assert drawn[-1][0] + drawn[-1][1] == (len(number) + 2) * (6 + 3 * 3 + 1) - 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"operation": "sell"}),
        ("faults", {"operation": "buy", "when": "later"}),
        ("faults", {"operation": "buy", "colour": "red"}),
        ("webhooks", {"mode": "sulk"}),
        ("webhooks", {"speed": 1}),
        ("pace", {"seconds": -1}),
        ("shipments/none/scan", {"status": ""}),
    ],
)
async def test_a_lever_that_does_not_exist_is_refused(rig: Rig, path: str, body: dict[str, object]) -> None:
    answer = await rig.control.post(f"/_control/{path}", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_fault_hits_the_call_it_was_asked_for(rig: Rig) -> None:
    await rig.set("faults", operation="find", status=503, nth=2, times=2)
    headers = {"Authorization": f"Bearer {rig.key}"}
    answers = [(await rig.control.get("/v1/shipments", headers=headers)).status_code for _ in range(4)]
    assert answers == [200, 503, 503, 200]
    await rig.set("faults", operation="*", status=503, times=9)
    await rig.control.delete("/_control/faults")
    assert await rig.carrier.find("none") is None
