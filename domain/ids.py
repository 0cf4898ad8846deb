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


def drift_id(tenant: str, rule: str, subject: str) -> str:
    """The id of a disagreement with the provider: the same one however often it is seen."""
    return _derive("dr", tenant, rule, subject)


def customer_id(tenant: str, email: str) -> str:
    """The id of a customer the storefront gave no id for; one an e-mail address, letter case aside."""
    return _derive("cus", tenant, email.strip().lower())


def api_key_hash(key: str) -> str:
    """What is kept of an API key: SHA-256 in hex. Keys are long and random, so no salt or stretching is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


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


def dispute_workflow(tenant: str, dispute: str) -> str:
    """The workflow id of a dispute."""
    return f"dispute/{tenant}/{dispute}"


ORDER_CALL = "order"
"""The order's own call for a person; those below are of what happens beside it."""

BOOKS_CALL = "books"


def parcel_call(shipment: str) -> str:
    """A parcel's call for a person."""
    return f"parcel/{shipment}"


def refund_call(refund: str) -> str:
    """A refund's call for a person."""
    return f"refund/{refund}"


def dispute_call(dispute: str) -> str:
    """A dispute's call for a person."""
    return f"dispute/{dispute}"
