"""What is written down of a dispute: its row, the ledger, the order's flag and its timeline."""

from temporalio import activity

from domain.disputes import CALLS_PERSON, RecordDispute
from domain.ids import dispute_call
from domain.money import Money
from domain.states import DisputeState
from models import disputes, events, orders, payments
from models.database import Database

_WORDS = {
    DisputeState.INQUIRY: "The bank asks about {amount} ({reason}): answer it",
    DisputeState.INQUIRY_CLOSED: "The bank's question about {amount} is closed",
    DisputeState.NEEDS_RESPONSE: "{amount} is disputed ({reason}): send evidence until {due}",
    DisputeState.UNDER_REVIEW: "The bank reviews the evidence for {amount}",
    DisputeState.WON: "The dispute over {amount} is won: the money is back",
    DisputeState.LOST: "The dispute over {amount} is lost: the money is the customer's",
}


class DisputeActivities:
    """Local activities: milliseconds each, one transaction each, harmless to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="disputes.record")
    async def record(self, asked: RecordDispute) -> bool:
        """Write down what is true of a dispute now. False: that was known already."""
        named, fact = asked.dispute, asked.fact
        async with self._database.transaction(named.tenant) as session:
            order = await orders.get(session, named.order_number) if named.order_number else None
            payment = await payments.get(session, named.payment_id)
            if not await disputes.record(session, payment, fact):
                return False
            message = words(fact.state, fact.amount_minor, fact.currency, fact.reason, fact.evidence_due_at)
            events.record(session, named.tenant, payment.subject, f"dispute.{fact.state}", message)
            if order is not None:
                reason = message if fact.state in CALLS_PERSON else None
                orders.call_person(order, dispute_call(fact.dispute_id), reason)
            return True


def words(state: DisputeState, amount_minor: int, currency: str, reason: str, due: object) -> str:
    """A dispute in a sentence for support."""
    until = f"{due:%d %b %Y %H:%M} UTC" if due else "soon"
    return _WORDS[state].format(amount=Money(amount_minor, currency), reason=reason.replace("_", " "), due=until)
