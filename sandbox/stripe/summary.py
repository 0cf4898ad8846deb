"""The auditor's view of the account: `GET /_control/state`."""

from collections import Counter, defaultdict

from sandbox.stripe.account import Account
from sandbox.stripe.errors import Obj

SHOWN = (
    "id", "status", "amount", "currency", "amount_capturable", "amount_received", "latest_charge",
    "created", "canceled_at", "cancellation_reason", "metadata",
)  # fmt: skip


def summary(account: Account) -> Obj:
    """What an auditor wants to know: counts, sums by currency in minor units, and one line an intent."""
    intents = list(account.all("payment_intent").values())
    charges = list(account.all("charge").values())
    refunds = [item for item in account.all("refund").values() if item["status"] != "failed"]
    deliveries = list(account.all("delivery").values())
    captured = [item for item in charges if item["captured"]]
    return {
        "now": account.now(), "intents": len(intents),
        "by_status": Counter(item["status"] for item in intents),
        "authorizations_live": sum(item["status"] == "requires_capture" for item in intents),
        "captures": len(captured), "captured_amount": _sums(captured, "amount_captured"),
        "refunds": len(refunds), "refunded_amount": _sums(refunds, "amount"), "charges": len(charges),
        "failed_charges": sum(item["status"] == "failed" for item in charges),
        "events": len(account.all("event")),
        "deliveries_pending": sum(not item["held"] for item in deliveries),
        "deliveries_held": sum(item["held"] for item in deliveries),
        "idempotency_keys": len(account.all("idempotency")),
        "payment_intents": _lines(account),
    }  # fmt: skip


def _sums(items: list[Obj], name: str) -> Obj:
    sums: Counter[str] = Counter()
    for item in items:
        sums[item["currency"]] += item[name]
    return dict(sums)


def _lines(account: Account) -> list[Obj]:
    """One an intent. `attempts` counts failed charges too, `charges` those that hold or took money.

    `captures` counts each capture of a multicapture, `cancels` the cancellations asked for. `amount_refunded` leaves
    out the refunds that failed or were cancelled.
    """
    charges, refunds, disputes = (_by_intent(account, kind) for kind in ("charge", "refund", "dispute"))
    return [
        {name: intent[name] for name in SHOWN}
        | _taken(charges[key])
        | _returned(refunds[key])
        | {"cancels": intent.get("_cancels", 0), "disputes": len(disputes[key])}
        for key, intent in account.all("payment_intent").items()
    ]


def _by_intent(account: Account, kind: str) -> defaultdict[str, list[Obj]]:
    found: defaultdict[str, list[Obj]] = defaultdict(list)
    for item in account.all(kind).values():
        found[item["payment_intent"]].append(item)
    return found


def _taken(charges: list[Obj]) -> Obj:
    return {
        "attempts": len(charges), "charges": sum(item["status"] != "failed" for item in charges),
        "captures": sum(item.get("_captures", int(item["captured"])) for item in charges),
        "amount_captured": sum(item["amount_captured"] for item in charges),
    }  # fmt: skip


def _returned(refunds: list[Obj]) -> Obj:
    counts: Counter[str] = Counter(item["status"] for item in refunds)
    amounts = {status: sum(item["amount"] for item in refunds if item["status"] == status) for status in counts}
    return {
        "refunds": len(refunds),
        "refunds_by_status": {one: {"count": counts[one], "amount": amounts[one]} for one in sorted(counts)},
        "amount_refunded": sum(amounts.values()) - amounts.get("failed", 0) - amounts.get("canceled", 0),
    }
