"""Payment methods: test cards by name, cards kept for a customer, and cards that pay once.

The rules are those of docs.stripe.com/api/payment_methods and docs.stripe.com/payments/save-during-payment: a
method that paid, or was declined, without belonging to a customer may not be used again; one that belongs to a
customer pays for that customer only; one that was detached is of no use any more.
"""

from typing import Any

from sandbox.stripe.account import Account
from sandbox.stripe.call import Call
from sandbox.stripe.cards import CARDS, Decline, card_named, payment_method
from sandbox.stripe.errors import Obj, card_error, invalid, missing_parameter, missing_resource
from sandbox.stripe.lists import LIST, page
from sandbox.stripe.params import (
    ADDRESS,
    Check,
    anything,
    email,
    integer,
    merge_metadata,
    metadata,
    one_of,
    parse,
    shape,
    text,
)

SPENT = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a"
    " connected account without Customer attachment, or was detached from a Customer. It may not be used again. To"
    " use a PaymentMethod multiple times, you must attach it to a Customer first."
)
REDISPLAY = one_of("always", "limited", "unspecified")
BILLING = shape({"address": ADDRESS, "email": email, "name": text, "phone": text, "tax_id": text})
CARD = shape(
    {"cvc": text, "exp_month": integer, "exp_year": integer, "networks": anything, "number": text, "token": text}
)
SHARED: dict[str, Check] = {"allow_redisplay": REDISPLAY, "billing_details": BILLING, "metadata": metadata}
CREATE = SHARED | {"card": CARD, "type": one_of("card")}
UPDATE = SHARED | {"card": shape({"exp_month": integer, "exp_year": integer, "networks": anything})}
FILTERS = {**LIST, "allow_redisplay": REDISPLAY, "customer": text, "type": text}
# The card that can be attached and is declined only when it is charged (docs.stripe.com/testing).
DECLINED_LATER = "chargeCustomerFail"
WRONG_NUMBER = Decline("incorrect_number", None, "Your card number is incorrect.")
BAD_MONTH = Decline("invalid_expiry_month", None, "Your card's expiration month is invalid.")


def make(account: Account, name: str, billing: dict[str, Any] | None = None) -> Obj:
    """A new payment method of a test card."""
    key = account.new_id("pm_1")
    return account.keep("payment_method", key, payment_method(key, name, account.now(), billing))


# -- paying with one --------------------------------------------------------------------------------------


def check_given(account: Account, given: dict[str, Any], customer: str | None) -> str | None:
    """The test card a request names; None for a payment method that exists. Raises for what can't pay."""
    data = given.get("payment_method_data")
    if data:
        card = data.get("card", {}) if isinstance(data, dict) else {}
        named = card_named(str(card.get("token") or card.get("number") or ""))
        if named is None:
            raise invalid(
                "This is not one of the test cards.",
                param="payment_method_data[card]",
                code="incorrect_number",
            )
        return named[0]
    wanted = given.get("payment_method")
    if wanted is None:
        return None
    method = account.all("payment_method").get(wanted)
    if method is not None:
        check_usable(method, customer)
        return None
    return _magic(wanted)


def _magic(wanted: str) -> str:
    """The test card behind `pm_card_…`, which makes a payment method of its own each time."""
    named = card_named(wanted) if wanted.startswith("pm_card_") else None
    if named is None:
        raise missing_resource("PaymentMethod", wanted, param="payment_method", status=400)
    return named[0]


def check_usable(method: Obj, customer: str | None) -> None:
    """Raise unless the method may pay an intent of that customer, or of none."""
    owner = method["customer"]
    if owner is None and method.get("_used"):
        raise invalid(SPENT)  # Stripe names neither a code nor a parameter here
    if owner is not None and customer is None:
        message = f"The `payment_method` parameter supplied {method['id']} belongs to the Customer {owner}."
        advice = "Please include the Customer in the `customer` parameter on the PaymentIntent."
        raise invalid(f"{message} {advice}", param="payment_method")
    if owner not in (None, customer):
        message = f"The customer does not have a payment method with the ID {method['id']}."
        raise invalid(f"{message} The payment method must be attached to the customer.", param="payment_method")


def give_to_intent(account: Account, intent: Obj, given: dict[str, Any], customer: str | None) -> None:
    """Give the intent the request's payment method; a test card's name becomes an object of its own."""
    name = check_given(account, given, customer)
    key = given.get("payment_method")
    if name is not None:
        key = make(account, name, (given.get("payment_method_data") or {}).get("billing_details"))["id"]
    if key is not None:
        intent["payment_method"] = key
        if intent["status"] == "requires_payment_method":
            intent["status"] = "requires_confirmation"
        account.keep("payment_intent", intent["id"], intent)


def after_attempt(call: Call, intent: Obj, method: Obj, *, approved: bool) -> None:
    """The method has been tried: it is kept for its customer if the intent asked for that, or spent."""
    wanted = intent["setup_future_usage"] if approved else None
    if wanted == "off_session":
        method["_set_up"] = True
    if method["customer"] is None:
        # Without a customer, what was meant to be kept may still be attached to one, but not pay again before.
        method["_used"] = "kept" if wanted else "spent"
    call.account.keep("payment_method", method["id"], method)
    if wanted and intent["customer"] and method["customer"] is None:
        _attach(call, method, intent["customer"])


# -- keeping one ------------------------------------------------------------------------------------------


def _attach(call: Call, method: Obj, customer: str) -> Obj:
    method["customer"] = customer
    call.account.keep("payment_method", method["id"], method)
    call.emit("payment_method.attached", method)
    return method


def attach_to(call: Call, wanted: str, customer: str) -> Obj:
    """Make a payment method, or a test card by its name, a customer's. Raises the decline of a bad card."""
    method = call.account.all("payment_method").get(wanted)
    name = _magic(wanted) if method is None else method["_card"]
    if method is not None and method["customer"] == customer:
        return method
    if method is not None and method["customer"] is not None:
        raise invalid("The payment method you provided has already been attached to a customer.", saved=True)
    if method is not None and method.get("_used") == "spent":
        raise invalid(SPENT, saved=True)
    card = CARDS[name]
    if card.decline is not None and card.three_ds == "never" and name != DECLINED_LATER:
        raise card_error(card.decline)
    return _attach(call, method or make(call.account, name), customer)


def attach(call: Call) -> Obj:
    """`POST /v1/payment_methods/{id}/attach`."""
    given = parse(call.params, {"customer": text}, required=("customer",))
    customer = call.account.find("customer", given["customer"] or "", param="customer", status=400)
    return attach_to(call, call.key, customer["id"])


def detach(call: Call) -> Obj:
    """`POST /v1/payment_methods/{id}/detach`; it can't be attached or pay again."""
    parse(call.params, {})
    method = call.account.find("payment_method", call.key)
    owner = method["customer"]
    if owner is None:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise invalid(message, saved=True)
    _let_go(call.account, method)
    call.emit("payment_method.detached", method, previous={"customer": owner})
    return method


def _let_go(account: Account, method: Obj) -> None:
    method |= {"customer": None, "_used": "spent"}
    account.keep("payment_method", method["id"], method)


def let_all_go(account: Account, customer: str) -> None:
    """A customer is gone, and with it the right to use its cards."""
    for method in account.all("payment_method").values():
        if method["customer"] == customer:
            _let_go(account, method)


# -- the objects ------------------------------------------------------------------------------------------


def create(call: Call) -> Obj:
    """`POST /v1/payment_methods`, also for a browser: a card by token or by a test card's number."""
    given = parse(call.params, CREATE, required=("type",))
    card = given.get("card")
    if card is None:
        raise missing_parameter("card")
    if not card.get("token"):
        for name in ("number", "exp_month", "exp_year"):
            if name not in card:
                raise missing_parameter(f"card[{name}]")
    named = card_named(str(card.get("token") or card["number"]))
    if named is None:
        if card.get("token"):
            raise missing_resource("token", str(card["token"]), param="card[token]", status=400)
        raise card_error(WRONG_NUMBER, param="number")
    _check_month(card)
    method = make(call.account, named[0], given.get("billing_details"))
    _change(method, given)
    return method


def _check_month(card: dict[str, Any]) -> None:
    if not 1 <= card.get("exp_month", 1) <= 12:
        raise card_error(BAD_MONTH, param="exp_month")


def _change(method: Obj, given: dict[str, Any]) -> None:
    card = given.get("card") or {}
    method["card"].update({name: card[name] for name in ("exp_month", "exp_year") if name in card})
    method["metadata"] = merge_metadata(method["metadata"], given.get("metadata"))
    method["allow_redisplay"] = given.get("allow_redisplay") or method["allow_redisplay"]


def update(call: Call) -> Obj:
    """`POST /v1/payment_methods/{id}`; only of a method that belongs to a customer."""
    given = parse(call.params, UPDATE)
    method = call.account.find("payment_method", call.key)
    if method["customer"] is None:
        raise invalid("You must save this PaymentMethod to a customer before you can update it.", saved=True)
    _check_month(given.get("card") or {})
    _change(method, given)
    method["billing_details"] |= given.get("billing_details") or {}
    call.account.keep("payment_method", call.key, method)
    call.emit("payment_method.updated", method)
    return method


def retrieve(call: Call) -> Obj:
    """`GET /v1/payment_methods/{id}`."""
    parse(call.params, {})
    return call.account.find("payment_method", call.key)


def listing(call: Call) -> Obj:
    """`GET /v1/payment_methods`, by customer, type or time."""
    filters = parse(call.params, FILTERS)
    if filters.get("customer"):
        call.account.find("customer", filters["customer"], param="customer", status=400)
    return _page(call.account, "/v1/payment_methods", filters)


def listing_of_customer(call: Call) -> Obj:
    """`GET /v1/customers/{id}/payment_methods`."""
    filters = parse(call.params, {name: check for name, check in FILTERS.items() if name != "customer"})
    customer = call.account.find("customer", call.key)
    return _page(call.account, f"/v1/customers/{call.key}/payment_methods", filters | {"customer": customer["id"]})


def _page(account: Account, url: str, filters: dict[str, Any]) -> Obj:
    return page(account, "payment_method", url, filters, ("allow_redisplay", "customer", "type"))
