"""A tenant with a row in every table, written by the code that writes them in production."""

from datetime import UTC, datetime

from domain.books import Drift
from domain.disputes import DisputeFact
from domain.payments import PaymentCaptured
from domain.states import DisputeState, MovementKind
from domain.tracking import Scan, TrackingStatus
from models import disputes, inbox, payments, reconciliation, shipments, stock
from tests.models.kit import PLACE, TOTAL, Server, Shop

AT = datetime(2026, 1, 1, tzinfo=UTC)


async def full_shop(server: Server) -> Shop:
    """A tenant that has sold one thing, taken the money, and had all the trouble there is with it."""
    shop = server.new_shop()
    sku = shop.new_sku()
    checkout = await shop.open(sku)
    placed = await shop.place(checkout)
    async with shop.transaction() as session:
        await stock.adjust(
            session, PLACE, sku, kind=MovementKind.RECEIVED, quantity=5, reason="delivery", key="k", fingerprint="f"
        )
        await inbox.store(session, shop.tenant, "stripe", "evt_1", b"{}")
        parcel = await shipments.get(session, placed.parcels[0].shipment_id)
        scan = Scan("scan_1", "generic", "s", "t", "r", TrackingStatus.PICKED_UP, "PU", "Picked up", AT)
        assert await shipments.record_scan(session, parcel, scan) is not None
        payment = await payments.get(session, shop.payment_of(checkout))
        intent = payment.intent_id or ""
        await payments.keep_customer(session, shop.tenant, "cus_ada", "cus_1")
        await payments.mark_captured(session, payment, PaymentCaptured(intent, TOTAL))
        fact = DisputeFact("dp_1", intent, TOTAL, "EUR", "fraudulent", DisputeState.NEEDS_RESPONSE, withdrawn=True)
        assert await disputes.record(session, payment, fact)
        await reconciliation.advance(session, shop.tenant, "stripe", AT)
        drift = Drift("refunds agree", "re_1", "no such refund", "succeeded of 5", intent, payment.payment_id)
        assert await reconciliation.record(session, shop.tenant, [drift]) == {payment.payment_id}
    return shop
