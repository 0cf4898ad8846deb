"""Disputes of captured charges (docs.stripe.com/disputes, docs.stripe.com/api/disputes).

The test cards open one as soon as their charge is captured (docs.stripe.com/testing#disputes); the control
`/_control/disputes` opens one on any captured charge. A chargeback takes the money at once; an inquiry takes
nothing, leaves the charge refundable, and is over when the charge is refunded in full or after 120 days.

Evidence is submitted once. Its `uncategorized_text` decides: `winning_evidence`, `losing_evidence`, and for an
inquiry `escalate_inquiry_evidence`, with the next tick of the clock; any other leaves the bank undecided until
the control `/_control/disputes/{id}/end`. A chargeback that nobody answers by `due_by` is lost.
"""

from typing import Any, Literal

from sandbox.stripe import balance
from sandbox.stripe.account import Account, Cause
from sandbox.stripe.call import Call
from sandbox.stripe.cards import CARDS
from sandbox.stripe.errors import Obj, invalid
from sandbox.stripe.lists import LIST, page
from sandbox.stripe.params import Check, anything, boolean, merge_metadata, metadata, one_of, parse, shape, text

Outcome = Literal["won", "lost"]

# Banks give one to three weeks to answer; an inquiry that never became a chargeback is closed after 120 days.
DUE_SECONDS = 9 * 86_400
INQUIRY_SECONDS = 120 * 86_400
OPEN = ("needs_response", "warning_needs_response")
# What forbids a refund; an inquiry does not, nor does a dispute that was won.
BLOCKING = ("needs_response", "under_review", "lost")
NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}

EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation",
    "duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt", "refund_policy",
    "refund_policy_disclosure", "refund_refusal_explanation", "service_date", "service_documentation",
    "shipping_address", "shipping_carrier", "shipping_date", "shipping_documentation",
    "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip
EVIDENCE_CHARACTERS = 150_000


def _statement(name: str, value: Any) -> str | None:
    """Evidence may be longer than other text: up to 20,000 characters a field."""
    if not isinstance(value, str) or len(value) > 20_000:
        raise invalid("Evidence is text of up to 20000 characters.", param=name)
    return value or None


UPDATE: dict[str, Check] = {
    "evidence": shape({**dict.fromkeys(EVIDENCE, _statement), "enhanced_evidence": anything}),
    "intended_submission_method": one_of("manual", "prefer_manual", "prefer_smart_disputes", "smart_disputes"),
    "metadata": metadata,
    "submit": boolean,
}


def open_by_card(account: Account, charge: Obj) -> None:
    """The dispute of a test card whose charge has just been captured, once a charge."""
    method = account.all("payment_method").get(charge["payment_method"])
    card = CARDS[method["_card"]] if method else None
    if card is not None and card.dispute is not None and not charge["disputed"]:
        open_dispute(account, charge, charge["amount_captured"], card.dispute, inquiry=card.inquiry)


def open_dispute(account: Account, charge: Obj, amount: int, reason: str, *, inquiry: bool = False) -> Obj:
    """The cardholder's bank asks for the money back, or asks what it was for."""
    balance.book(account, charge["id"])
    key, now = account.new_id("du_1"), account.now()
    card = charge["payment_method_details"]["card"]
    code = NETWORK_CODES.get(reason)
    dispute: Obj = {
        "id": key, "object": "dispute", "amount": amount, "balance_transactions": [], "charge": charge["id"],
        "created": now, "currency": charge["currency"], "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + DUE_SECONDS, "enhanced_eligibility": {}, "has_evidence": False, "past_due": False,
            "submission_count": 0, "submission_method": "not_submitted",
        },
        "is_charge_refundable": inquiry, "livemode": False, "metadata": {}, "network_reason_code": code,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": card["brand"], "case_type": "inquiry" if inquiry else "chargeback",
                "network": card["network"], "network_reason_code": code,
            },
            "type": "card",
        },
        "reason": reason, "status": "warning_needs_response" if inquiry else "needs_response",
    }  # fmt: skip
    account.keep("dispute", key, dispute)
    charge["disputed"] = True
    account.keep("charge", charge["id"], charge)
    account.schedule("dispute_lapse", key, now + (INQUIRY_SECONDS if inquiry else DUE_SECONDS))
    account.emit("charge.dispute.created", dispute, Cause())
    if not inquiry:
        _withdraw(account, dispute)
    return dispute


def _withdraw(account: Account, dispute: Obj) -> None:
    balance.book_dispute(account, account.find("charge", dispute["charge"]), dispute, won=False)
    account.emit("charge.dispute.funds_withdrawn", dispute, Cause())


def end(account: Account, dispute: Obj, outcome: Outcome, cause: Cause | None = None) -> Obj:
    """The bank's last word. An inquiry has no winner: it is closed."""
    won = outcome == "won"
    if _is_inquiry(dispute):
        dispute |= {"status": "warning_closed", "is_charge_refundable": True}
    else:
        dispute |= {"status": outcome, "is_charge_refundable": won}
        if won:
            balance.book_dispute(account, account.find("charge", dispute["charge"]), dispute, won=True)
            account.emit("charge.dispute.funds_reinstated", dispute, cause or Cause())
    account.unschedule("dispute_lapse", dispute["id"])
    account.unschedule("dispute_review", dispute["id"])
    account.keep("dispute", dispute["id"], dispute)
    account.emit("charge.dispute.closed", dispute, cause or Cause())
    return dispute


def is_over(dispute: Obj) -> bool:
    """Whether the bank has spoken."""
    return dispute["status"] in ("won", "lost", "warning_closed")


def _is_inquiry(dispute: Obj) -> bool:
    return str(dispute["status"]).startswith("warning_")


def review(account: Account, key: str) -> None:
    """The bank reads the evidence, if it is one of the test phrases."""
    dispute = account.find("dispute", key)
    match dispute["evidence"]["uncategorized_text"]:
        case "winning_evidence":
            end(account, dispute, "won")
        case "losing_evidence":
            end(account, dispute, "lost")
        case "escalate_inquiry_evidence" if _is_inquiry(dispute):
            _escalate(account, dispute)
        case _:
            return


def _escalate(account: Account, dispute: Obj) -> None:
    """The inquiry becomes a chargeback, to be answered again."""
    due = account.now() + DUE_SECONDS
    dispute |= {"status": "needs_response", "is_charge_refundable": False}
    dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    dispute["evidence_details"] |= {"due_by": due, "submission_count": 0, "submission_method": "not_submitted"}
    account.schedule("dispute_lapse", dispute["id"], due)
    account.keep("dispute", dispute["id"], dispute)
    account.emit("charge.dispute.updated", dispute, Cause())
    _withdraw(account, dispute)


def lapse(account: Account, key: str) -> None:
    """Nobody answered in time, or nobody asked further."""
    end(account, account.find("dispute", key), "lost")


def blocks_refund(account: Account, charge: Obj) -> bool:
    """Whether a dispute forbids to refund the charge."""
    return any(
        dispute["status"] in BLOCKING
        for dispute in account.all("dispute").values()
        if charge["disputed"] and dispute["charge"] == charge["id"]
    )


def settle_by_refund(account: Account, charge: Obj) -> None:
    """A charge refunded in full leaves nothing to inquire about."""
    if charge["disputed"] and charge["refunded"]:
        for dispute in account.all("dispute").values():
            if dispute["charge"] == charge["id"] and _is_inquiry(dispute) and not is_over(dispute):
                end(account, dispute, "lost")


def update(call: Call) -> Obj:
    """`POST /v1/disputes/{id}`: evidence, submitted unless `submit` is false, and metadata at any time."""
    given = parse(call.params, UPDATE)
    dispute = call.account.find("dispute", call.key)
    evidence: Obj = given.get("evidence") or {}
    submitted = given.get("submit", bool(evidence))
    if (evidence or submitted) and dispute["status"] not in OPEN:
        message = f"Evidence can't be submitted for this dispute: it has a status of {dispute['status']}."
        raise invalid(message, saved=True)
    merged = dispute["evidence"] | evidence
    if sum(len(value) for value in merged.values() if isinstance(value, str)) > EVIDENCE_CHARACTERS:
        raise invalid(f"Evidence takes up to {EVIDENCE_CHARACTERS} characters in all.", param="evidence")
    details = dispute["evidence_details"]
    details["has_evidence"] = any(value for value in merged.values())
    dispute |= {"evidence": merged, "metadata": merge_metadata(dispute["metadata"], given.get("metadata"))}
    if given.get("intended_submission_method"):
        dispute["intended_submission_method"] = given["intended_submission_method"]
    if submitted:
        details |= {"submission_count": details["submission_count"] + 1, "submission_method": "manual"}
        dispute["status"] = dispute["status"].replace("needs_response", "under_review")
        call.account.unschedule("dispute_lapse", call.key)
        call.account.schedule("dispute_review", call.key, call.account.now())
    call.account.keep("dispute", call.key, dispute)
    call.emit("charge.dispute.updated", dispute)
    return dispute


def close(call: Call) -> Obj:
    """`POST /v1/disputes/{id}/close`: give in; there is no way back."""
    parse(call.params, {})
    dispute = call.account.find("dispute", call.key)
    if dispute["status"] not in OPEN:
        raise invalid(f"This dispute can't be closed: it has a status of {dispute['status']}.", saved=True)
    return end(call.account, dispute, "lost", call.cause)


def retrieve(call: Call) -> Obj:
    """`GET /v1/disputes/{id}`."""
    parse(call.params, {})
    return call.account.find("dispute", call.key)


def listing(call: Call) -> Obj:
    """`GET /v1/disputes`, by charge, intent or time."""
    filters = parse(call.params, {**LIST, "charge": text, "payment_intent": text})
    return page(call.account, "dispute", "/v1/disputes", filters, ("charge", "payment_intent"))
