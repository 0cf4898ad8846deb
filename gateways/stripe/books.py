"""Stripe's books: what it holds, took, gave back and kept, intent by intent, to be compared with ours."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import stripe

from domain.books import FeeBook, IntentBook, IntentStatus, RefundBook
from domain.states import OperationState
from gateways.stripe.faults import fault

_INTENTS = {
    "requires_capture": IntentStatus.HELD,
    "succeeded": IntentStatus.TAKEN,
    "canceled": IntentStatus.CANCELLED,
}
_REFUNDS = {
    "succeeded": OperationState.SUCCEEDED,
    "pending": OperationState.SETTLING,
    "requires_action": OperationState.SETTLING,
    "failed": OperationState.FAILED,
    "canceled": OperationState.FAILED,
}

_CHARGE_AND_REFUNDS = ["latest_charge.refunds"]

PAGE = 100
"""The most that Stripe lists at once."""

EVENTS_SECONDS = 900
"""So much of Stripe's log is read at a time: with ten orders a second some 25,000 events, 60 MB."""


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event of Stripe's log as its webhook would bring it."""

    event_id: str
    kind: str
    tenant: str | None
    intent_id: str | None
    body: bytes


class StripeBooks:
    """Reads only. Raises as the calls do."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client

    async def everything(self) -> AsyncIterator[IntentBook]:
        """Every intent of the account. For the audit: three long lists, whatever the number of intents."""
        try:
            refunds: dict[str, list[stripe.Refund]] = defaultdict(list)
            listed = await self._client.v1.refunds.list_async({"limit": PAGE})
            async for refund in listed.auto_paging_iter():
                refunds[_id(refund.payment_intent)].append(refund)
            moved: dict[str, list[stripe.BalanceTransaction]] = defaultdict(list)
            page = await self._client.v1.balance_transactions.list_async({"limit": PAGE, "expand": ["data.source"]})
            async for transaction in page.auto_paging_iter():
                moved[_id(getattr(transaction.source, "payment_intent", None))].append(transaction)
            intents = await self._client.v1.payment_intents.list_async({"limit": PAGE})
            async for intent in intents.auto_paging_iter():
                yield _book(intent, refunds[intent.id], moved[intent.id])
        except stripe.StripeError as error:
            raise fault(error) from error

    async def of_intent(self, intent_id: str) -> IntentBook:
        """One intent: a question to Stripe if nothing was taken, two if all was kept, one more for each refund and for
        disputes. Up to ten refunds come with their charge (docs.stripe.com/api/charges/object).
        """
        try:
            intent = await self._client.v1.payment_intents.retrieve_async(intent_id, {"expand": _CHARGE_AND_REFUNDS})
            charge, refunds, moved = intent.latest_charge, list[stripe.Refund](), list[stripe.BalanceTransaction]()
            if isinstance(charge, stripe.Charge) and charge.amount_captured:
                refunds = await self._refunds_of(charge)
                moved = await self._moved_by(charge.id)
                moved += [one for refund in refunds for one in await self._moved_by(refund.id)]
                if charge.disputed:
                    listed = await self._client.v1.disputes.list_async({"charge": charge.id, "limit": PAGE})
                    moved += [
                        one async for dispute in listed.auto_paging_iter() for one in dispute.balance_transactions
                    ]
            return _book(intent, refunds, moved)
        except stripe.StripeError as error:
            raise fault(error) from error

    async def _refunds_of(self, charge: stripe.Charge) -> list[stripe.Refund]:
        if charge.refunds is not None and not charge.refunds.has_more:
            return charge.refunds.data
        listed = await self._client.v1.refunds.list_async({"charge": charge.id, "limit": PAGE})
        return [refund async for refund in listed.auto_paging_iter()]

    async def _moved_by(self, source: str) -> list[stripe.BalanceTransaction]:
        page = await self._client.v1.balance_transactions.list_async({"source": source, "limit": PAGE})
        return [transaction async for transaction in page.auto_paging_iter()]

    async def events(self, since: int, until: int) -> AsyncIterator[list[RawEvent]]:
        """The log from `since` up to and without `until` (seconds since the epoch), oldest first, in pages.

        Stripe lists it newest first, so it is read in pieces of time, and one of them is in memory.
        """
        for begin in range(since, until, EVENTS_SECONDS):
            end = min(begin + EVENTS_SECONDS, until)
            try:
                page = await self._client.v1.events.list_async({"limit": PAGE, "created": {"gte": begin, "lt": end}})
                found = [_raw(event) async for event in page.auto_paging_iter()]
            except stripe.StripeError as error:
                raise fault(error) from error
            found.reverse()
            for first in range(0, len(found), PAGE):
                yield found[first : first + PAGE]


def _raw(event: stripe.Event) -> RawEvent:
    subject = event.data.object.to_dict()
    name = "id" if subject.get("object") == "payment_intent" else "payment_intent"
    tenant = (subject.get("metadata") or {}).get("tenant")
    return RawEvent(event.id, event.type, tenant, subject.get(name), str(event).encode())


def _book(
    intent: stripe.PaymentIntent,
    refunds: Iterable[stripe.Refund],
    moved: Iterable[stripe.BalanceTransaction],
) -> IntentBook:
    transactions = list({transaction.id: transaction for transaction in moved}.values())
    net: dict[str, int] = defaultdict(int)
    for transaction in transactions:
        net[transaction.currency.upper()] += transaction.net
    metadata = intent.metadata.to_dict()
    return IntentBook(
        intent_id=intent.id,
        tenant=str(metadata.get("tenant", "")),
        status=_INTENTS.get(intent.status, IntentStatus.UNDECIDED),
        held_minor=intent.amount_capturable,
        taken_minor=intent.amount_received,
        refunds=tuple(_refund(refund) for refund in refunds),
        fees=tuple(FeeBook(one.id, one.fee, one.currency.upper()) for one in transactions if one.fee),
        net={currency: total for currency, total in net.items() if total},
    )


def _refund(refund: stripe.Refund) -> RefundBook:
    metadata = refund.metadata.to_dict() if refund.metadata else {}
    state = _REFUNDS.get(refund.status or "", OperationState.SETTLING)
    return RefundBook(refund.id, refund.amount, state, metadata.get("operation"))


def _id(value: object) -> str:
    return value if isinstance(value, str) else str(getattr(value, "id", "") or "")
