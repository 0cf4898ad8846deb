"""Disputes through the official SDK: opened by test cards or by control, answered, given up, won and lost."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.sandbox.test_stripe_stand import HOLD, StandIn

DAY = 86_400
SALE: Any = HOLD | {"capture_method": "automatic"}


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[StandIn]:
    """One process for this file."""
    stand = StandIn()
    await stand.start()
    yield stand
    await stand.stop()


@pytest.fixture
async def stand(running: StandIn) -> StandIn:
    """The process, emptied."""
    await running.control("reset")
    return running


async def disputed(stand: StandIn, card: str = "pm_card_createDispute") -> Any:
    """The dispute of a fresh sale."""
    sold = await stand.intents.create_async(SALE | {"payment_method": card})
    (dispute,) = (await stand.stripe.v1.disputes.list_async({"payment_intent": sold.id})).data
    return dispute


async def again(stand: StandIn, dispute: Any) -> Any:
    """The dispute as it is now, with what the clock owes it."""
    await stand.control("advance", seconds=1)
    return await stand.stripe.v1.disputes.retrieve_async(dispute.id)


async def told(stand: StandIn, dispute: Any) -> list[str]:
    """The dispute's events, oldest first, without their prefix."""
    events = (await stand.stripe.v1.events.list_async({"type": "charge.dispute.*", "limit": 100})).data
    mine = [event.type for event in events if event.data.object["id"] == dispute.id]
    return [kind.removeprefix("charge.dispute.") for kind in reversed(mine)]


def answer(text: str, **more: Any) -> Any:
    """Evidence with one of the test phrases."""
    return {"evidence": {"uncategorized_text": text}, **more}


@pytest.mark.parametrize(
    ("card", "reason"),
    [("pm_card_createDispute", "fraudulent"), ("pm_card_createDisputeProductNotReceived", "product_not_received")],
)
async def test_a_test_card_is_disputed_when_it_is_captured(stand: StandIn, card: str, reason: str) -> None:
    held = await stand.intents.create_async(HOLD | {"payment_method": card})
    assert (await stand.stripe.v1.disputes.list_async()).data == []
    await stand.intents.capture_async(held.id, {"amount_to_capture": 1000})
    listed: Any = await stand.stripe.v1.disputes.list_async({"expand": ["data.charge"]})
    (dispute,) = listed.data
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", reason, 1000)
    assert (dispute.payment_intent, dispute.charge.payment_intent, dispute.charge.disputed) == (held.id, held.id, True)
    assert (dispute.is_charge_refundable, dispute.livemode, dispute.currency) == (False, False, "eur")
    details = dispute.evidence_details
    assert (details.has_evidence, details.past_due, details.submission_count) == (False, False, 0)
    assert details.due_by > dispute.created
    (money,) = dispute.balance_transactions
    assert (money.type, money.reporting_category, money.source) == ("adjustment", "dispute", dispute.id)
    assert (money.amount, money.fee, money.net) == (-1000, 1500, -2500)
    assert await told(stand, dispute) == ["created", "funds_withdrawn"]
    assert (await stand.state())["payment_intents"][0]["disputes"] == 1


async def test_winning_evidence_brings_the_money_back(stand: StandIn) -> None:
    dispute = await disputed(stand)
    dispute = await stand.stripe.v1.disputes.update_async(dispute.id, answer("winning_evidence"))
    assert (dispute.status, dispute.evidence_details.submission_count) == ("under_review", 1)
    dispute = await again(stand, dispute)
    assert (dispute.status, dispute.is_charge_refundable) == ("won", True)
    assert [(money.reporting_category, money.net) for money in dispute.balance_transactions] == [
        ("dispute", -2750), ("dispute_reversal", 1250),
    ]  # fmt: skip
    assert await told(stand, dispute) == ["created", "funds_withdrawn", "updated", "funds_reinstated", "closed"]
    refund = await stand.stripe.v1.refunds.create_async({"charge": dispute.charge})
    assert refund.status == "succeeded"


async def test_losing_evidence_does_not(stand: StandIn) -> None:
    dispute = await disputed(stand)
    await stand.stripe.v1.disputes.update_async(dispute.id, answer("losing_evidence"))
    dispute = await again(stand, dispute)
    assert (dispute.status, len(dispute.balance_transactions)) == ("lost", 1)
    assert await told(stand, dispute) == ["created", "funds_withdrawn", "updated", "closed"]
    with pytest.raises(stripe.InvalidRequestError):
        await stand.stripe.v1.disputes.update_async(dispute.id, answer("winning_evidence"))
    noted = await stand.stripe.v1.disputes.update_async(dispute.id, {"metadata": {"case": "7"}})
    assert (noted.status, noted.metadata.to_dict()) == ("lost", {"case": "7"})


async def test_evidence_may_be_staged_before_it_is_submitted(stand: StandIn) -> None:
    dispute = await disputed(stand)
    order = answer("winning_evidence", submit=False)
    order["evidence"]["shipping_tracking_number"] = "TRACK1"
    staged: Any = await stand.stripe.v1.disputes.update_async(dispute.id, order)
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    assert (staged.evidence.shipping_tracking_number, staged.evidence_details.submission_count) == ("TRACK1", 0)
    sent = await stand.stripe.v1.disputes.update_async(dispute.id, {"submit": True})
    assert sent.status == "under_review"
    with pytest.raises(stripe.InvalidRequestError):
        await stand.stripe.v1.disputes.update_async(dispute.id, {"evidence": {"customer_name": "A"}})
    assert (await again(stand, dispute)).status == "won"


async def test_other_evidence_waits_for_the_bank(stand: StandIn) -> None:
    dispute = await disputed(stand)
    await stand.stripe.v1.disputes.update_async(dispute.id, {"evidence": {"customer_name": "A. Buyer"}})
    await stand.control("advance", seconds=60 * DAY)
    assert (await again(stand, dispute)).status == "under_review"
    ended = await stand.control(f"disputes/{dispute.id}/end", outcome="won")
    assert (ended["status"], (await again(stand, dispute)).status) == ("won", "won")
    twice = await stand.http.post(f"/_control/disputes/{dispute.id}/end", json={"outcome": "lost"})
    assert twice.status_code == 409


async def test_a_dispute_may_be_given_up(stand: StandIn) -> None:
    dispute = await disputed(stand)
    closed = await stand.stripe.v1.disputes.close_async(dispute.id)
    assert closed.status == "lost"
    with pytest.raises(stripe.InvalidRequestError):
        await stand.stripe.v1.disputes.close_async(dispute.id)
    assert await told(stand, dispute) == ["created", "funds_withdrawn", "closed"]


async def test_a_dispute_nobody_answers_is_lost(stand: StandIn) -> None:
    dispute = await disputed(stand)
    left = dispute.evidence_details.due_by - dispute.created
    await stand.control("advance", seconds=left - 60)
    assert (await stand.stripe.v1.disputes.retrieve_async(dispute.id)).status == "needs_response"
    await stand.control("advance", seconds=61)
    assert (await stand.stripe.v1.disputes.retrieve_async(dispute.id)).status == "lost"


async def test_a_charge_taken_back_cannot_be_refunded(stand: StandIn) -> None:
    dispute = await disputed(stand)
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await stand.stripe.v1.refunds.create_async({"payment_intent": dispute.payment_intent})
        assert (refused.value.http_status, refused.value.code) == (400, "charge_disputed")
        await stand.control("advance", seconds=30 * DAY)


async def test_an_inquiry_moves_no_money_and_ends_with_the_refund(stand: StandIn) -> None:
    dispute = await disputed(stand, "pm_card_createDisputeInquiry")
    assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])
    assert dispute.is_charge_refundable is True
    await stand.stripe.v1.refunds.create_async({"charge": dispute.charge, "amount": 250})
    assert (await again(stand, dispute)).status == "warning_needs_response"
    await stand.stripe.v1.refunds.create_async({"charge": dispute.charge})
    assert (await again(stand, dispute)).status == "warning_closed"
    assert await told(stand, dispute) == ["created", "closed"]


async def test_an_inquiry_may_become_a_chargeback(stand: StandIn) -> None:
    dispute = await disputed(stand, "pm_card_createDisputeInquiry")
    sent = await stand.stripe.v1.disputes.update_async(dispute.id, answer("escalate_inquiry_evidence"))
    assert sent.status == "warning_under_review"
    dispute = await again(stand, dispute)
    assert (dispute.status, len(dispute.balance_transactions)) == ("needs_response", 1)
    await stand.stripe.v1.disputes.update_async(dispute.id, answer("winning_evidence"))
    assert (await again(stand, dispute)).status == "won"


async def test_an_inquiry_is_forgotten_after_120_days(stand: StandIn) -> None:
    dispute = await disputed(stand, "pm_card_createDisputeInquiry")
    await stand.control("advance", seconds=119 * DAY)
    assert (await again(stand, dispute)).status == "warning_needs_response"
    await stand.control("advance", seconds=DAY)
    assert (await again(stand, dispute)).status == "warning_closed"


async def test_any_captured_charge_can_be_disputed_by_control(stand: StandIn) -> None:
    held = await stand.intents.create_async(HOLD)
    path = "/_control/disputes"
    assert (await stand.http.post(path, json={"payment_intent": held.id})).status_code == 409
    assert (await stand.http.post(path, json={"payment_intent": "pi_none"})).status_code == 404
    await stand.intents.capture_async(held.id)
    assert (await stand.http.post(path, json={"payment_intent": held.id, "amount": 1251})).status_code == 409
    opened = await stand.control("disputes", payment_intent=held.id, amount=250, reason="duplicate")
    assert (opened["amount"], opened["reason"], opened["status"]) == (250, "duplicate", "needs_response")
    ended = await stand.control(f"disputes/{opened['id']}/end", outcome="lost")
    assert ended["status"] == "lost"
    assert (await stand.http.post(f"{path}/du_none/end", json={"outcome": "won"})).status_code == 404
    assert (await stand.http.post(f"{path}/{opened['id']}/end", json={"outcome": "?"})).status_code == 422


async def test_an_answer_is_given_once_a_key(stand: StandIn) -> None:
    dispute = await disputed(stand)
    for _ in range(2):
        sent = await stand.stripe.v1.disputes.update_async(dispute.id, answer("x"), {"idempotency_key": "evidence"})
        assert sent.evidence_details.submission_count == 1
    assert (await stand.http.get(f"/v1/disputes/{dispute.id}")).status_code == 401


async def test_a_dispute_survives_a_sigkill(tmp_path: Path) -> None:
    stand = StandIn("--state", str(tmp_path / "stripe.db"))
    try:
        await stand.start()
        dispute = await disputed(stand)
        stand.kill()
        await stand.start()
        assert (await again(stand, dispute)).status == "needs_response"
        await stand.stripe.v1.disputes.update_async(dispute.id, answer("winning_evidence"))
        assert len((await again(stand, dispute)).balance_transactions) == 2
    finally:
        await stand.stop()
