"""The account's balance, and the transactions that move it (docs.stripe.com/api/balance_transactions).

What is made when (docs.stripe.com/reports/balance-transaction-types, /reports/reporting-categories):

- a capture: `charge`, of the captured amount and the fee on it, also where that is a part of what was held
  (docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow).
  With multicapture each capture makes one of its own amount; the charge names the last.
- with `capture_method=automatic_async` it comes a moment after the payment, together with `charge.updated`
  (docs.stripe.com/payments/payment-intents/asynchronous-capture).
- a refund: `refund`, once it is not pending; one that fails afterwards: `refund_failure`.
- a dispute: `adjustment` (`dispute`), and one the other way (`dispute_reversal`) when it is won.
- a release of what was held and never captured: nothing.

The prices are the stand-in's own: 2.9 % and 0.30 of the currency a charge, 15.00 a dispute, rounded half up to
the minor unit; a refund gives no fee back, a won dispute neither. A charge's money is pending until midnight
(UTC) two days on; everything else counts at once. Nothing is ever converted or paid out.
"""

from collections import Counter

from sandbox.stripe.account import Account, Cause
from sandbox.stripe.call import Call
from sandbox.stripe.currencies import exponent
from sandbox.stripe.errors import Obj
from sandbox.stripe.lists import LIST, page
from sandbox.stripe.params import parse, text

DAY = 86_400
PENDING_DAYS = 2


def charge_fee(amount: int, currency: str) -> int:
    """2.9 % + 0.30, in minor units, rounded half up: 1250 eur → 66, 500 jpy → 15, 10000 kwd → 590."""
    thousandths: int = amount * 29 + 300 * 10 ** exponent(currency)
    return (thousandths + 500) // 1000


def dispute_fee(currency: str) -> int:
    """15.00 of the currency in minor units."""
    fee: int = 15 * 10 ** exponent(currency)
    return fee


def book_capture(account: Account, charge: Obj, amount: int, *, at_once: bool) -> None:
    """Money of a charge arrives: now, or with the next tick of the clock."""
    if not at_once:
        account.schedule("book", charge["id"], account.now())
        return
    fee = charge_fee(amount, charge["currency"])
    transaction = _record(account, "charge", amount, charge, charge, fee=fee, pending=not _bypasses(account, charge))
    charge["balance_transaction"] = transaction["id"]
    account.keep("charge", charge["id"], charge)


def book(account: Account, key: str) -> None:
    """Do what `book_capture` put off; nothing to do for a charge that is booked."""
    charge = account.find("charge", key)
    account.unschedule("book", key)
    if charge["captured"] and charge["balance_transaction"] is None:
        book_capture(account, charge, charge["amount_captured"], at_once=True)
        account.emit("charge.updated", charge, Cause(), previous={"balance_transaction": None})


def book_refund(account: Account, charge: Obj, refund: Obj) -> None:
    """Money of a charge goes back to the card."""
    transaction = _record(account, "refund", -refund["amount"], refund, charge)
    refund["balance_transaction"] = transaction["id"]
    account.keep("refund", refund["id"], refund)


def book_refund_failure(account: Account, charge: Obj, refund: Obj) -> None:
    """A refund comes back, if it had left."""
    if refund["balance_transaction"] is not None:
        transaction = _record(account, "refund_failure", refund["amount"], refund, charge)
        refund["failure_balance_transaction"] = transaction["id"]
        account.keep("refund", refund["id"], refund)


def book_dispute(account: Account, charge: Obj, dispute: Obj, *, won: bool) -> None:
    """The bank takes the disputed amount and a fee, or gives the amount back."""
    amount = dispute["amount"] if won else -dispute["amount"]
    category, fee = ("dispute_reversal", 0) if won else ("dispute", dispute_fee(dispute["currency"]))
    transaction = _record(account, "adjustment", amount, dispute, charge, category=category, fee=fee)
    dispute["balance_transactions"].append(transaction)
    account.keep("dispute", dispute["id"], dispute)


def mature(account: Account, key: str) -> None:
    """A charge's money becomes available."""
    transaction = account.find("balance_transaction", key)
    account.keep("balance_transaction", key, transaction | {"status": "available"})


def _bypasses(account: Account, charge: Obj) -> bool:
    """Whether the card is the one whose payments are available at once (docs.stripe.com/testing)."""
    method = account.all("payment_method").get(charge["payment_method"], {})
    return method.get("_card") == "bypassPending"


def _record(
    account: Account,
    kind: str,
    amount: int,
    source: Obj,
    charge: Obj,
    *,
    category: str | None = None,
    fee: int = 0,
    pending: bool = False,
) -> Obj:
    key, now = account.new_id("txn_3"), account.now()
    available_on = (now // DAY + PENDING_DAYS) * DAY if pending else now
    details: Obj = {
        "amount": fee, "application": None, "currency": charge["currency"],
        "description": "Dispute fee" if category == "dispute" else "Stripe processing fees", "type": "stripe_fee",
    }  # fmt: skip
    transaction: Obj = {
        "id": key, "object": "balance_transaction", "amount": amount, "available_on": available_on,
        "balance_type": "payments", "created": now, "currency": charge["currency"],
        "description": charge["description"] if kind == "charge" else f"{kind} for {charge['id']}",
        "exchange_rate": None, "fee": fee, "fee_details": [details] if fee else [], "net": amount - fee,
        "reporting_category": category or kind, "source": source["id"],
        "status": "pending" if pending else "available", "type": kind,
    }  # fmt: skip
    if pending:
        account.schedule("available", key, available_on)
    return account.keep("balance_transaction", key, transaction)


def retrieve_transaction(call: Call) -> Obj:
    """`GET /v1/balance_transactions/{id}`."""
    parse(call.params, {})
    return call.account.find("balance_transaction", call.key)


def list_transactions(call: Call) -> Obj:
    """`GET /v1/balance_transactions`, by currency, source, type or time; no payout has any."""
    equal = ("currency", "payout", "source", "type")
    filters = parse(call.params, {**LIST, **dict.fromkeys(equal, text)})
    if filters.get("currency"):
        filters["currency"] = filters["currency"].lower()
    return page(call.account, "balance_transaction", "/v1/balance_transactions", filters, equal)


def retrieve(call: Call) -> Obj:
    """`GET /v1/balance`: what is available and what is pending, in each currency there has been."""
    parse(call.params, {})
    sums: dict[str, Counter[str]] = {"available": Counter(), "pending": Counter()}
    for transaction in call.account.all("balance_transaction").values():
        sums[transaction["status"]][transaction["currency"]] += transaction["net"]
    currencies = sorted({currency for amounts in sums.values() for currency in amounts})
    lines = {
        status: [
            {"amount": amounts[one], "currency": one, "source_types": {"card": amounts[one]}} for one in currencies
        ]
        for status, amounts in sums.items()
    }
    return {"object": "balance", "livemode": False, **lines}
