"""One period of a membership is charged, once at most: asked for, looked up, withdrawn."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.workflow import ParentClosePolicy

from activities.dues import DuesActivities
from activities.journal import JournalActivities
from activities.payments import PaymentActivities
from domain.ids import membership_payment_id, refund_id, refund_workflow
from domain.joining import (
    BeginCharge,
    CancelMembership,
    ChargeBegun,
    LeftOpen,
    MembershipInput,
    Progress,
    RecordCharge,
    Terms,
)
from domain.journal import BeginVoid
from domain.memberships import period_start
from domain.money import Money
from domain.payments import (
    AuthorizationFact,
    AuthorizationFound,
    FindAuthorization,
    KeySpent,
    LookUpPayment,
    PaymentAuthorized,
    PaymentDeclined,
    PaymentFact,
    PaymentProcessing,
    VoidFact,
    VoidRefused,
)
from domain.refunds import RefundInput
from domain.refusals import RefusalCode
from workflows import attributes
from workflows.desk import Desk, until_known
from workflows.money_back import renew
from workflows.policies import in_database
from workflows.refund import RefundWorkflow


class Dues:
    """What a period costs, and where its payment stands. `number` counts the periods from 0."""

    def __init__(self, desk: Desk, begin: BeginCharge) -> None:
        self._desk, self._begin = desk, begin
        self._payment_id: str | None = None
        self.fact: AuthorizationFact | None = None
        self.paid = False

    @property
    def begin(self) -> BeginCharge:
        """What is charged for."""
        return self._begin

    @property
    def intent_id(self) -> str | None:
        """The provider's intent, once there is one."""
        return self.fact.intent_id if self.fact else None

    @property
    def client_secret(self) -> str | None:
        """What the customer confirms the payment with."""
        return getattr(self.fact, "client_secret", None)

    @property
    def action_url(self) -> str | None:
        """Where the customer confirms it, if that is elsewhere."""
        return getattr(self.fact, "action_url", None)

    @property
    def only_the_customer_can(self) -> bool:
        """Whether it would be refused again without them."""
        return isinstance(self.fact, PaymentDeclined) and (
            self.fact.refusal.code is RefusalCode.AUTHENTICATION_REQUIRED
        )

    async def charge(self, begin: BeginCharge | None = None) -> None:
        """Ask for the money until the outcome is known; write it down. `begin`: this once in another way."""
        while True:
            begun: ChargeBegun = await in_database(DuesActivities.begin, begin or self._begin, f"Journal {self._price}")
            self._payment_id = begun.payment_id
            if begun.call is None:
                return await self._record(None)
            trouble = "the charge's outcome is not known"
            fact: PaymentFact = await until_known(
                self._desk, PaymentActivities.authorize, begun.call, f"Charge {self._price}", trouble
            )
            if not isinstance(fact, KeySpent):
                return await self._record(fact)
            await renew(self._begin.tenant, begun.call.payment_id, begun.call.idempotency_key, fact)

    async def adopt(self, left: LeftOpen) -> None:
        """Find out what became of what an earlier process asked for. Nothing is charged anew."""
        if left.payment_id is None:
            await self.charge()  # it costs nothing
            return
        self._payment_id, intent_id = left.payment_id, left.intent_id
        tenant, trouble = self._begin.tenant, "it is not known whether the payment was made"
        if intent_id is None and left.key is not None and left.begun_at is not None:
            find = FindAuthorization(tenant, left.payment_id, left.key, left.begun_at)
            found: AuthorizationFound = await until_known(
                self._desk, PaymentActivities.find_authorization, find, "Was it paid?", trouble
            )
            intent_id = found.intent_id
        if intent_id is not None:
            look_up = LookUpPayment(tenant, left.payment_id, intent_id)
            fact: AuthorizationFact = await until_known(
                self._desk, PaymentActivities.look_up, look_up, "Look up the payment", trouble
            )
            await self._record(fact)

    async def look(self) -> None:
        """What is true at the provider now: news are late, twice or out of order, so they only make us look."""
        if self._payment_id is None or self.intent_id is None:
            return
        look_up = LookUpPayment(self._begin.tenant, self._payment_id, self.intent_id)
        trouble = "the payment cannot be looked up"
        fact: AuthorizationFact = await until_known(
            self._desk, PaymentActivities.look_up, look_up, "Look up the payment", trouble
        )
        if fact != self.fact:
            await self._record(fact)

    async def try_again(self) -> None:
        """A declined charge on the kept card once more; nothing, while the customer or the bank has it in hand."""
        await self.look()
        if self.paid or self.only_the_customer_can:
            return
        if self.fact is None or isinstance(self.fact, PaymentDeclined) or self.intent_id is None:
            await self.charge()

    async def withdraw(self) -> bool:
        """Nothing is asked for any more. False: it was paid in the last moment."""
        if self._payment_id is None:
            return True
        while True:
            void = await in_database(
                JournalActivities.begin_void, BeginVoid(self._begin.tenant, self._payment_id), "Journal the void"
            )
            fact: VoidFact = await until_known(
                self._desk, PaymentActivities.void, void, "Withdraw the charge", "the charge could not be withdrawn"
            )
            if isinstance(fact, KeySpent):
                await renew(self._begin.tenant, self._payment_id, void.idempotency_key, fact)
                continue
            if isinstance(fact, VoidRefused):
                await self.look()
                return not self.paid
            return True

    async def _record(self, fact: AuthorizationFact | None) -> None:
        self.fact, begin = fact, self._begin
        self.paid = fact is None or isinstance(fact, PaymentAuthorized)
        until = begin.ends_at + timedelta(seconds=begin.terms.grace_seconds)
        told = "Paid" if self.paid else "The bank decides" if isinstance(fact, PaymentProcessing) else "Not paid"
        await in_database(
            DuesActivities.record,
            RecordCharge(begin.tenant, begin.membership_id, begin.period, begin.terms, until, fact),
            f"{told}: {self._price}",
        )

    @property
    def _price(self) -> str:
        return f"{Money(self._begin.terms.amount_minor, self._begin.terms.currency)} for period {self._begin.period}"


def due(tenant: str, membership_id: str, terms: Terms, anchor: datetime, number: int) -> BeginCharge:
    """The charge of the `number`-th period, without the customer there."""
    return BeginCharge(
        tenant=tenant,
        membership_id=membership_id,
        period=number,
        terms=terms,
        starts_at=period_start(anchor, terms.interval, number),
        ends_at=period_start(anchor, terms.interval, number + 1),
        off_session=True,
    )


async def refund_of_period(asked: MembershipInput, going: Progress, amount: int, cancel: CancelMembership) -> None:
    """So many minor units of the period that goes on go back, as a refund like every other."""
    payment = membership_payment_id(asked.tenant, asked.membership_id, going.period)
    number = refund_id(asked.tenant, payment, "membership cancelled")
    await workflow.start_child_workflow(
        RefundWorkflow.run,
        RefundInput(
            tenant=asked.tenant,
            refund_id=number,
            fingerprint="",
            payment_id=payment,
            order_number=None,
            amount_minor=amount,
            currency=going.terms.currency,
            reason=cancel.reason,
            actor=cancel.actor,
        ),
        id=refund_workflow(asked.tenant, number),
        parent_close_policy=ParentClosePolicy.ABANDON,
        search_attributes=attributes.beside_order(asked.tenant, None, "refund"),
        static_summary="Refund of a membership",
    )
