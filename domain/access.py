"""Who may do what: the scopes there are, the kinds of keys, and what a key looks like."""

from collections.abc import Collection
from enum import StrEnum
from typing import Literal, get_args

Scope = Literal[
    "checkouts:write",
    "checkouts:read",
    "orders:read",
    "orders:act",
    "payments:refund",
    "payments:approve",
    "shipments:read",
    "shipments:act",
    "stock:read",
    "stock:write",
    "catalog:read",
    "catalog:write",
    "prices:read",
    "prices:write",
    "memberships:read",
    "memberships:write",
    "drops:read",
    "drops:write",
    "customers:write",
    "customers:export",
    "histories:read",
    "admin",
]
"""What a route may need. `admin` is keys, staff and the audit log; it does not imply the others."""

SCOPES: frozenset[str] = frozenset(get_args(Scope))

EVERYTHING = "*"
"""Every scope there is and will be: for a trial and for tests, not for a shop."""

STOREFRONT: frozenset[str] = frozenset({"checkouts:write", "checkouts:read", "catalog:read", "prices:read"})
"""The most that a publishable key may have: it stands in the source of a web page."""


class KeyKind(StrEnum):
    """A secret key stays on a server; a publishable one is in everybody's browser; a client's is changed for tokens."""

    SECRET = "secret"  # noqa: S105
    PUBLISHABLE = "publishable"
    CLIENT = "client"


class CallerKind(StrEnum):
    """What somebody came with: a key of some kind, a token got for a client's key, or an issuer's word on a person."""

    SECRET = "secret"  # noqa: S105
    PUBLISHABLE = "publishable"
    CLIENT = "client"
    TOKEN = "token"  # noqa: S105
    STAFF = "staff"


def allows(granted: Collection[str], scope: str) -> bool:
    """Whether these scopes hold that one."""
    return scope in granted or EVERYTHING in granted


_PREFIXES = {KeyKind.SECRET: "mp", KeyKind.PUBLISHABLE: "mp_pk", KeyKind.CLIENT: "mp_cs"}
TOKEN_PREFIX = "mp_at_"  # noqa: S105


def key_prefix(kind: KeyKind, *, live: bool) -> str:
    """How a key begins, so that people and secret scanners know one when they see it."""
    return f"{_PREFIXES[kind]}_{'live' if live else 'test'}_"


def key_hint(key: str) -> str:
    """What may be shown of a key ever after: its prefix and its last four characters."""
    return f"{key[: key.rindex('_') + 1]}…{key[-4:]}"
