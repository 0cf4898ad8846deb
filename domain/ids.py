"""Every id, made in one place. Each derives from what it names, so that a repeat finds the same thing."""

import hashlib
import uuid

_NAMESPACE = uuid.UUID("6d696c65-706f-5374-8000-6f7264657273")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, in lower case


def _derive(prefix: str, *parts: str) -> str:
    """A prefixed 26-character id that is a function of `parts` alone (RFC 9562 version 5 behind it)."""
    number = uuid.uuid5(_NAMESPACE, "\x1f".join((prefix, *parts))).int
    return f"{prefix}_" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def checkout_id(tenant: str, idempotency_key: str) -> str:
    """The id of the one checkout that this key of this tenant can ever begin."""
    return _derive("co", tenant, idempotency_key)


def payment_id(tenant: str, checkout: str) -> str:
    """The id of a checkout's payment: one a checkout."""
    return _derive("pay", tenant, checkout)


def shipment_id(tenant: str, checkout: str, parcel: int) -> str:
    """The id of the n-th parcel of what a checkout ordered."""
    return _derive("shp", tenant, checkout, str(parcel))


def refund_id(tenant: str, payment: str, idempotency_key: str) -> str:
    """The id of the one refund that this key can ever ask of a payment."""
    return _derive("re", tenant, payment, idempotency_key)


def undo_refund_id(tenant: str, payment: str) -> str:
    """The id of the refund that gives back all of a payment whose order is undone. It has no workflow of its own."""
    return _derive("re", tenant, payment, "", "undo")  # no key of a shop is empty


def parcel_refund_id(tenant: str, payment: str, shipment: str) -> str:
    """The id of the one refund for a parcel that never arrived."""
    return _derive("re", tenant, payment, "", shipment)  # no key of a shop is empty


def drop_ticket_id(tenant: str, drop: str, sku: str, customer: str) -> str:
    """The id of a customer's place in the line for a SKU of a drop: one a customer, however often they ask."""
    return _derive("tkt", tenant, drop, sku, customer)


def cancellation_id(tenant: str, order_number: str, key: str) -> str:
    """The id of the one cancellation that this key of a shop can ever ask of an order."""
    return _derive("can", tenant, order_number, key)


def cancellation_refund_id(cancellation: str) -> str:
    """The id of the refund for what a cancellation took back: the same letters behind another prefix."""
    return "re_" + cancellation.removeprefix("can_")


def mail_id(tenant: str, checkout: str, milestone: str, part: str) -> str:
    """The id of the one e-mail about a milestone of a checkout, or of that part of it: a parcel, a refund."""
    return _derive("mail", tenant, checkout, milestone, part)


def return_id(tenant: str, order_number: str, idempotency_key: str) -> str:
    """The id of the one return that this key can ever ask for an order."""
    return _derive("ret", tenant, order_number, idempotency_key)


def return_refund_id(number: str) -> str:
    """The id of the refund for what came back with a return: the same letters behind another prefix."""
    return "re_" + number.removeprefix("ret_")


def exchange_shipment_id(number: str) -> str:
    """The id of the parcel that goes out for what came back with a return: the same letters behind another prefix."""
    return "shp_" + number.removeprefix("ret_")


def drift_id(tenant: str, rule: str, subject: str) -> str:
    """The id of a disagreement with the provider: the same one however often it is seen."""
    return _derive("dr", tenant, rule, subject)


def customer_id(tenant: str, email: str) -> str:
    """The id of a customer the storefront gave no id for; one an e-mail address, letter case aside."""
    return _derive("cus", tenant, email.strip().lower())


def api_key_hash(key: str) -> str:
    """What is kept of an API key: SHA-256 in hex. Keys are long and random, so no salt or stretching is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def api_key_id(key_hash: str) -> str:
    """The name of an API key, which may be shown: 80 bits of its hash, which lead nobody back to the key."""
    return f"key_{key_hash[:20]}"


def membership_id(tenant: str, customer: str, family: str, idempotency_key: str) -> str:
    """The id of the one membership that this key can ever begin for a customer."""
    return _derive("mem", tenant, customer, family, idempotency_key)


def membership_payment_id(tenant: str, membership: str, period: int) -> str:
    """The id of the one payment of a membership's period."""
    return _derive("pay", tenant, membership, str(period))


def staff_name(tenant: str, subject: str) -> str:
    """A member of staff as the audit log names them: as their issuer does, unless that is an e-mail address."""
    return _derive("per", tenant, subject.lower()) if "@" in subject else subject


def operation_key(tenant: str, payment: str, kind: str, sequence: int) -> str:
    """The idempotency key of the n-th operation of a kind on a payment; the same after any crash, retry or reset."""
    return f"{tenant}/{payment}/{kind}/{sequence}"


def checkout_workflow(tenant: str, checkout: str) -> str:
    """The workflow id of a checkout."""
    return f"checkout/{tenant}/{checkout}"


def order_workflow(tenant: str, order_number: str) -> str:
    """The workflow id of an order."""
    return f"order/{tenant}/{order_number}"


def shipment_workflow(tenant: str, shipment: str) -> str:
    """The workflow id of a shipment."""
    return f"shipment/{tenant}/{shipment}"


def refund_workflow(tenant: str, refund: str) -> str:
    """The workflow id of a refund."""
    return f"refund/{tenant}/{refund}"


def return_workflow(tenant: str, number: str) -> str:
    """The workflow id of a return."""
    return f"return/{tenant}/{number}"


def dispute_workflow(tenant: str, dispute: str) -> str:
    """The workflow id of a dispute."""
    return f"dispute/{tenant}/{dispute}"


def drop_line_workflow(tenant: str, drop: str) -> str:
    """The workflow id of a drop's line."""
    return f"drop-line/{tenant}/{drop}"


def membership_workflow(tenant: str, membership: str) -> str:
    """The workflow id of a membership."""
    return f"membership/{tenant}/{membership}"


ORDER_CALL = "order"
"""The order's own call for a person; those below are of what happens beside it."""

BOOKS_CALL = "books"


def erasure_workflow(tenant: str, customer: str) -> str:
    """The workflow that erases a customer's data."""
    return f"erasure/{tenant}/{customer}"


def parcel_call(shipment: str) -> str:
    """A parcel's call for a person."""
    return f"parcel/{shipment}"


def wait_call(shipment: str) -> str:
    """A parcel was waited for until a day, and that has come."""
    return f"waited/{shipment}"


def refund_call(refund: str) -> str:
    """A refund's call for a person."""
    return f"refund/{refund}"


def return_call(number: str) -> str:
    """A return's call for a person."""
    return f"return/{number}"


def dispute_call(dispute: str) -> str:
    """A dispute's call for a person."""
    return f"dispute/{dispute}"
