"""Payment intents: create, read, change, list and search (docs.stripe.com/api/payment_intents)."""

from typing import Any

from sandbox.stripe import attempts, payment_methods
from sandbox.stripe.account import token
from sandbox.stripe.call import Call
from sandbox.stripe.currencies import check_amount, check_currency
from sandbox.stripe.errors import Obj, invalid, unauthorized, unexpected_state
from sandbox.stripe.lists import LIST, page, search
from sandbox.stripe.params import (
    ADDRESS,
    Check,
    Raw,
    anything,
    boolean,
    email,
    integer,
    merge_metadata,
    metadata,
    one_of,
    parse,
    shape,
    strings,
    text,
)  # fmt: skip

UPDATABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
CAPTURE_METHOD = one_of("automatic", "automatic_async", "manual")
USAGE = one_of("off_session", "on_session")
SHIPPING = shape(
    {"address": ADDRESS, "carrier": text, "name": text, "phone": text, "tracking_number": text},
    required=("address", "name"),
)


def _off_session(name: str, value: Raw) -> bool:
    return True if value in ("one_off", "recurring") else boolean(name, value)


# What creating, updating and confirming have in common; accepted and kept where the object has the field.
COMMON: dict[str, Check] = {
    "amount_details": anything, "capture_method": CAPTURE_METHOD, "excluded_payment_method_types": strings,
    "hooks": anything, "payment_details": anything, "payment_method": text, "payment_method_data": anything,
    "payment_method_options": anything, "receipt_email": email, "setup_future_usage": USAGE,
    "shipping": SHIPPING,
}  # fmt: skip
UPDATE: dict[str, Check] = COMMON | {
    "amount": integer, "application_fee_amount": integer, "currency": text, "customer": text,
    "description": text,
    "metadata": metadata, "payment_method_configuration": text, "payment_method_types": strings,
    "statement_descriptor": text, "statement_descriptor_suffix": text, "transfer_data": anything,
    "transfer_group": text,
}  # fmt: skip
ATTEMPT: dict[str, Check] = {
    "error_on_requires_action": boolean, "mandate": text, "mandate_data": anything, "off_session": _off_session,
    "radar_options": anything, "return_url": text, "use_stripe_sdk": boolean,
}  # fmt: skip
CREATE: dict[str, Check] = UPDATE | ATTEMPT | {
    "automatic_payment_methods": shape({"enabled": boolean, "allow_redirects": one_of("always", "never")}),
    "confirm": boolean, "confirmation_method": one_of("automatic", "manual"), "on_behalf_of": text,
}  # fmt: skip
CONFIRM: dict[str, Check] = COMMON | ATTEMPT | {"amount_to_confirm": integer, "client_secret": text}

# What a browser sees of an intent, holding a publishable key only.
PUBLIC = (
    "id", "object", "amount", "amount_details", "automatic_payment_methods", "canceled_at",
    "cancellation_reason",
    "capture_method", "client_secret", "confirmation_method", "created", "currency", "description",
    "last_payment_error", "livemode", "next_action", "payment_method", "payment_method_configuration_details",
    "payment_method_types", "processing", "receipt_email", "setup_future_usage", "shipping", "source",
    "status",
)  # fmt: skip


def create(call: Call) -> Obj:
    """`POST /v1/payment_intents`, and its first attempt when `confirm` is true."""
    given = parse(call.params, CREATE, required=("amount", "currency"))
    currency = check_currency(given["currency"])
    check_amount(given["amount"], currency)
    _check_create(given)
    if given.get("customer"):
        call.account.find("customer", given["customer"], param="customer", status=400)
    payment_methods.check_given(call.account, given, given.get("customer"))
    key = call.account.new_id("pi_3")
    automatic = given.get("automatic_payment_methods") or {}
    types: list[str] = given.get("payment_method_types") or ["card"]
    if _chosen_by_dashboard(given):
        automatic = {"allow_redirects": automatic.get("allow_redirects") or "always", "enabled": True}
    intent: Obj = {
        "id": key, "object": "payment_intent", "amount": given["amount"], "amount_capturable": 0,
        "amount_details": {"tip": {}}, "amount_received": 0, "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic if automatic.get("enabled") else None,
        "canceled_at": None, "cancellation_reason": None,
        "capture_method": given.get("capture_method") or "automatic_async",
        "client_secret": f"{key}_secret_{token(25)}",
        "confirmation_method": given.get("confirmation_method") or "automatic", "created": call.account.now(),
        "currency": currency, "customer": given.get("customer"), "description": given.get("description"),
        "excluded_payment_method_types": given.get("excluded_payment_method_types"),
        "last_payment_error": None,
        "latest_charge": None, "livemode": False, "metadata": merge_metadata({}, given.get("metadata")),
        "next_action": None, "on_behalf_of": None, "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": given.get("payment_method_options") or {
            "card": {"installments": None, "mandate_options": None, "network": None,
                     "request_three_d_secure": "automatic"},
        },
        "payment_method_types": types, "processing": None, "receipt_email": given.get("receipt_email"),
        "review": None, "setup_future_usage": given.get("setup_future_usage"),
        "shipping": given.get("shipping"),
        "source": None, "statement_descriptor": given.get("statement_descriptor"),
        "statement_descriptor_suffix": given.get("statement_descriptor_suffix"),
        "status": "requires_payment_method", "transfer_data": None,
        "transfer_group": given.get("transfer_group"),
    }  # fmt: skip
    call.account.keep("payment_intent", key, intent)
    payment_methods.give_to_intent(call.account, intent, given, intent["customer"])
    call.emit("payment_intent.created", intent)
    if given.get("confirm"):
        attempts.attempt(call, intent, given)
    return intent


def _chosen_by_dashboard(given: dict[str, Any]) -> bool:
    """Payment methods are automatic unless the request says otherwise (since API version 2023-08-16)."""
    automatic = given.get("automatic_payment_methods") or {}
    return "payment_method_types" not in given and automatic.get("enabled") is not False


def _check_create(given: dict[str, Any]) -> None:
    """The combinations Stripe refuses when an intent is made."""
    confirm = given.get("confirm", False)
    for name in ATTEMPT.keys() - {"use_stripe_sdk", "radar_options"} if not confirm else ():
        if given.get(name):
            raise invalid(f"{name} is only permitted when confirm is true.", param=name)
    automatic = given.get("automatic_payment_methods") or {}
    if automatic.get("enabled") and "payment_method_types" in given:
        both = "automatic_payment_methods, payment_method_types"
        raise invalid(f"You may only specify one of these parameters: {both}.", param="automatic_payment_methods")
    may_redirect = _chosen_by_dashboard(given) and automatic.get("allow_redirects") != "never"
    if confirm and may_redirect and not given.get("return_url"):
        raise invalid(
            "This PaymentIntent accepts payment methods that may redirect the customer: give a `return_url`,"
            " or set `automatic_payment_methods[allow_redirects]` to `never`.",
            param="return_url",
        )
    if confirm and not given.get("payment_method") and not given.get("payment_method_data"):
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise invalid(message, param="payment_method", code="payment_intent_unexpected_state")
    if len(given.get("statement_descriptor_suffix") or "") > 22:
        raise invalid("The suffix is limited to 22 characters.", param="statement_descriptor_suffix")


def find_for(call: Call, given: dict[str, Any]) -> Obj:
    """The intent of this request; with a publishable key, only against its client secret."""
    intent = call.account.find("payment_intent", call.key, param="intent")
    secret = given.pop("client_secret", None)
    if call.publishable and secret is None:
        raise unauthorized("With a publishable key, client_secret must be given.", code="secret_key_required")
    if secret is not None and secret != intent["client_secret"]:
        raise invalid("The client_secret does not match this PaymentIntent.", param="client_secret")
    return intent


def public(call: Call, intent: Obj) -> Obj:
    """The whole intent for a secret key, the public part of it for a browser."""
    return {name: intent[name] for name in PUBLIC if name in intent} if call.publishable else intent


def retrieve(call: Call) -> Obj:
    """`GET /v1/payment_intents/{id}`, also for a browser."""
    return public(call, find_for(call, parse(call.params, {"client_secret": text})))


def update(call: Call) -> Obj:
    """`POST /v1/payment_intents/{id}`; money only before it is confirmed, words and metadata always."""
    given = parse(call.params, UPDATE)
    intent = call.account.find("payment_intent", call.key, param="intent")
    for name in ("amount", "currency", "payment_method", "payment_method_data", "customer", "capture_method"):
        if name in given and intent["status"] not in UPDATABLE:
            message = f"This PaymentIntent's {name} could not be updated because it has a status of"
            raise unexpected_state(f"{message} {intent['status']}.", intent)
    currency = check_currency(given["currency"]) if "currency" in given else intent["currency"]
    check_amount(given["amount"] if "amount" in given else intent["amount"], currency)
    if given.get("customer"):
        call.account.find("customer", given["customer"], param="customer", status=400)
    payment_methods.give_to_intent(call.account, intent, given, given.get("customer", intent["customer"]))
    intent["metadata"] = merge_metadata(intent["metadata"], given.pop("metadata", None))
    given.pop("payment_method", None)
    intent.update({name: value for name, value in given.items() if name in intent} | {"currency": currency})
    call.account.keep("payment_intent", call.key, intent)
    return intent


def confirm(call: Call) -> Obj:
    """`POST /v1/payment_intents/{id}/confirm`, by the server or by a browser."""
    given = parse(call.params, CONFIRM)
    intent = find_for(call, given)
    if intent["status"] not in UPDATABLE:
        why = (
            "it has already succeeded" if intent["status"] == "succeeded" else f"it has a status of {intent['status']}"
        )
        raise unexpected_state(f"You cannot confirm this PaymentIntent because {why}.", intent)
    if call.publishable and intent["confirmation_method"] == "manual":
        raise unauthorized("This PaymentIntent is confirmed by the server only.", code="secret_key_required")
    automatic = intent["automatic_payment_methods"]
    if automatic and automatic["allow_redirects"] != "never" and not given.get("return_url"):
        raise invalid("This PaymentIntent may redirect the customer: give a `return_url`.", param="return_url")
    if given.get("amount_to_confirm", intent["amount"]) != intent["amount"]:
        raise invalid("The amount to confirm is not the intent's amount.", param="amount_to_confirm")
    payment_methods.check_given(call.account, given, intent["customer"])
    if intent["payment_method"] is None and not given.get("payment_method") and not given.get("payment_method_data"):
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise unexpected_state(message, intent)
    payment_methods.give_to_intent(call.account, intent, given, intent["customer"])
    payment_methods.check_usable(call.account.find("payment_method", intent["payment_method"]), intent["customer"])
    fields = ("capture_method", "receipt_email", "setup_future_usage", "shipping")
    intent.update({name: given[name] for name in fields if given.get(name) is not None})
    attempts.attempt(call, intent, given)
    return public(call, intent)


def listing(call: Call) -> Obj:
    """`GET /v1/payment_intents`, by customer or time."""
    filters = parse(call.params, {**LIST, "customer": text})
    return page(call.account, "payment_intent", "/v1/payment_intents", filters, ("customer",))


def searching(call: Call) -> Obj:
    """`GET /v1/payment_intents/search`."""
    given = parse(call.params, {"query": text, "limit": LIST["limit"], "page": text}, required=("query",))
    url = "/v1/payment_intents/search"
    query, limit = given["query"] or "", given.get("limit", 10)
    return search(call.account, "payment_intent", url, query, limit, given.get("page"))
