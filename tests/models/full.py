"""A tenant with a row in every table, written by the code that writes them in production."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy.ext.asyncio import AsyncSession

from domain.books import Drift
from domain.catalog import MediaKind
from domain.disputes import DisputeFact
from domain.ids import api_key_hash, api_key_id
from domain.memberships import Interval, PlanStatus, RefundPolicy
from domain.payments import PaymentCaptured
from domain.refunds import RefundCause
from domain.returns import ReturnReason
from domain.states import (
    DisputeState,
    MembershipState,
    MovementKind,
    PeriodState,
    RefundRequestState,
    ReturnState,
    ShipmentState,
)
from domain.tracking import Scan, TrackingStatus
from models import access, answers, disputes, inbox, mails, payments, reconciliation, shipments, stock, trail
from models.cancellations import OrderCancellation
from models.catalog import Product, ProductMedia
from models.memberships import MemberPurchase, Membership, MembershipPeriod
from models.persisted import PersistedQuery
from models.plans import MembershipPlan, MembershipPrice, MembershipTier
from models.refund_requests import RefundRequest
from models.returns import Return, ReturnedLine, ReturnStep
from models.trail import AuditedAct
from tests.models.drops_kit import sale
from tests.models.kit import PLACE, TOTAL, Server, Shop, soon
from tests.models.price_kit import use_a_code

AT = datetime(2026, 1, 1, tzinfo=UTC)


async def full_shop(server: Server) -> Shop:
    """A tenant that has sold one thing, taken the money, and had all the trouble there is with it."""
    shop = server.new_shop()
    sku = shop.new_sku()
    own = {"tenant_id": shop.tenant, "product_id": "thing"}
    link = ProductMedia(**own, position=0, url="https://example.com/thing.jpg", kind=MediaKind.IMAGE)
    server.add(shop.tenant, Product(**own, title="Thing"), link)
    checkout = await shop.open(sku)
    placed = await shop.place(checkout)
    await use_a_code(shop, checkout)
    async with shop.transaction() as session:
        assert [one.milestone for one in await mails.of_checkout(session, checkout)] == ["order_placed"]
        await stock.adjust(
            session, PLACE, sku, kind=MovementKind.RECEIVED, quantity=5, reason="delivery", key="k", fingerprint="f"
        )
        await inbox.store(session, shop.tenant, "stripe", {"evt_1": b"{}"})
        parcel = await shipments.get(session, placed.parcels[0].shipment_id)
        scan = Scan("scan_1", "generic", "s", "t", "r", TrackingStatus.PICKED_UP, "PU", "Picked up", AT)
        assert await shipments.record_scan(session, parcel, scan) is not None
        payment = await payments.get(session, shop.payment_of(checkout))
        intent = payment.intent_id or ""
        await payments.keep_customer(session, shop.tenant, "cus_ada", "cus_1")
        await payments.mark_captured(session, payment, PaymentCaptured(intent, TOTAL))
        fact = DisputeFact("dp_1", intent, TOTAL, "EUR", "fraudulent", DisputeState.NEEDS_RESPONSE, withdrawn=True)
        assert await disputes.record(session, payment, fact)
        session.add(
            OrderCancellation(
                tenant_id=shop.tenant, cancellation_id="can_1", order_number=placed.order_number, actor="Mia",
                reason="asked by phone", fingerprint="f", lines={}, amount_minor=0, refund_minor=0,
            )
        )  # fmt: skip
        session.add(
            AuditedAct(
                tenant_id=shop.tenant, actor="key:mk_1", action="orders.cancel", target="1001", status=200,
                request_id="req_1",
            )
        )  # fmt: skip
        await _return(session, placed.order_number, parcel, sku)
        await reconciliation.advance(session, shop.tenant, "stripe", AT)
        drift = Drift("refunds agree", "re_1", "no such refund", "succeeded of 5", intent, payment.payment_id)
        assert await reconciliation.record(session, shop.tenant, [drift]) == {payment.payment_id}
        await _member(session, shop.tenant, checkout, sku)
        await access.replace_origins(session, shop.tenant, ["https://shop.example"])
    server.add(
        shop.tenant,
        RefundRequest(
            tenant_id=shop.tenant, refund_id="re_2", order_number=placed.order_number,
            payment_id=shop.payment_of(checkout), fingerprint="f", state=RefundRequestState.AWAITING_APPROVAL,
            cause=RefundCause.GOODWILL, amount_minor=1, currency="EUR", actor="key_1", note="a scratch",
            needs_second=True,
        ),
    )  # fmt: skip
    await sale(shop, 1, line_length=1).enter("ada", "bea", reserved=False)
    await _let_in(server, shop)
    return shop


async def _return(session: AsyncSession, number: str, parcel: shipments.Shipment, sku: str) -> None:
    """The parcel has arrived, and what was in it is to come back."""
    for state in (ShipmentState.LABEL_BOUGHT, ShipmentState.HANDED_OVER, ShipmentState.DELIVERED):
        parcel.state = state
        await session.flush()
    own = {"tenant_id": parcel.tenant_id, "return_id": "ret_1"}
    asked = {"fingerprint": "f", "location_id": PLACE, "actor": "Ada", "note": "too small"}
    money = {"refund_id": "re_1", "goods_minor": 1, "shipping_minor": 0, "label_charge_minor": 0}
    for row in (
        Return(**own, order_number=number, state=ReturnState.REQUESTED, **asked, **money),
        ReturnedLine(
            **own, shipment_id=parcel.shipment_id, sku=sku, quantity=1, reason=ReturnReason.WRONG_SIZE, restocked=1
        ),
        ReturnStep(**own, reached=ReturnState.REQUESTED, actor="Ada", note="too small"),
    ):
        session.add(row)
        await session.flush()


async def _member(session: AsyncSession, tenant: str, checkout: str, sku: str) -> None:
    """A plan of one tier, and the member of it that has bought."""
    plan, rules = {"tenant_id": tenant, "plan_id": "club"}, {"interval": Interval.MONTH, "grace_seconds": 0}
    rules |= {"retry_seconds": [], "refund_policy": RefundPolicy.PRO_RATA}
    whose, ends = {"tenant_id": tenant, "membership_id": "mem_1"}, AT + timedelta(days=31)
    price = {"currency": "EUR", "amount_minor": 0}
    for row in (
        MembershipPlan(**plan, family="club", name="Club", status=PlanStatus.ACTIVE, **rules),
        MembershipTier(
            **plan, tier_id="gold", name="Gold", rank=1, entitlements=["archive"], free_shipping=True,
            early_access_seconds=60, purchase_limit=5,
        ),
        MembershipPrice(**plan, tier_id="gold", **price),
        Membership(
            **whose, fingerprint="f", customer_id="cus_ada", family="club", plan_id="club", tier_id="gold",
            state=MembershipState.ACTIVE, period_starts_at=AT, period_ends_at=ends, benefits_until=ends,
            **rules, **price,
        ),
        MembershipPeriod(**whose, period=0, tier_id="gold", state=PeriodState.DUE, starts_at=AT, ends_at=ends, **price),
        MemberPurchase(**whose, checkout_id=checkout, sku=sku, period=0, quantity=1, most=5),
    ):  # fmt: skip
        session.add(row)
        await session.flush()


async def _let_in(server: Server, shop: Shop) -> None:
    """A machine, a member of staff, and what they did."""
    tenant, key = shop.tenant, api_key_id(api_key_hash(f"mp_test_{shop.tenant}"))
    server.add(
        tenant,
        access.AccessToken(tenant_id=tenant, token_hash=f"h-{tenant}", key_id=key, scopes=["*"], expires_at=soon()),
        access.StaffIssuer(tenant_id=tenant, issuer="https://id.example", audience=tenant, roles_claim="roles"),
        PersistedQuery(tenant_id=tenant, sha256=sha256(b"{ a }").hexdigest(), document="{ a }"),
        access.StaffRole(tenant_id=tenant, role="support", scopes=["orders:read"]),
    )
    async with server.database.one_statement() as connection:
        await trail.record(connection, tenant, [trail.Act(AT.isoformat(), key, "POST /x", "/x", 200, None, "r1")])
        assert (await answers.claim(connection, tenant, "k", "f")).verdict == "new"
        await access.take_tokens(connection, tenant, key, wanted=1, rate=1, most=1)
