"""Reads the form encoding of Stripe's API: `metadata[order]=1`, `expand[]=latest_charge`."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl


def parse(encoded: str) -> dict[str, Any]:
    """A nested dict of strings and lists of strings."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        head, *rest = [name.split("[")[0], *re.findall(r"\[(.*?)\]", name)]
        _put(tree, [head, *rest], value)
    return tree


def _put(tree: dict[str, Any], path: list[str], value: str) -> None:
    head, *rest = path
    if not rest:
        tree[head] = value
    elif rest == [""] or (len(rest) == 1 and rest[0].isdigit()):
        tree.setdefault(head, []).append(value)
    else:
        _put(tree.setdefault(head, {}), rest, value)


def unknown(params: dict[str, Any], known: Iterable[str]) -> str | None:
    """The first parameter the endpoint does not take."""
    names = set(known)
    return next((name for name in params if name not in names), None)


def truth(value: object) -> bool:
    """`true` is true; anything else is not."""
    return value == "true"
