"""Form-encoded parameters with nested brackets, decoded and checked against a table a request."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe.errors import invalid, missing_parameter, unknown_parameter

Raw = str | dict[str, Any]
Check = Callable[[str, Raw], Any]
Table = Mapping[str, Check]

_NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_PART = re.compile(r"\[([^\[\]]*)\]")


def decode(encoded: bytes | str) -> dict[str, Any]:
    """`a[b][]=1` into `{"a": {"b": {"0": "1"}}}`: lists stay maps from position until a check says `list`."""
    text = encoded.decode("utf-8", errors="replace") if isinstance(encoded, bytes) else encoded
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        match = _NAME.match(name)
        if match is None:
            raise invalid(f"Invalid parameter name: {name}", param=name)
        path = [match[1], *_PART.findall(match[2])]
        node = tree
        for part in path[:-1]:
            child = node.setdefault(part or str(len(node)), {})
            if not isinstance(child, dict):
                raise invalid("Invalid hash", param=name)
            node = child
        node[path[-1] or str(len(node))] = value
    return tree


def parse(raw: dict[str, Any], table: Table, *, required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The parameters by name, each checked. Unknown and missing ones raise, as do wrong types."""
    for name in raw:
        if name not in table:
            raise unknown_parameter(name)
    for name in required:
        if name not in raw:
            raise missing_parameter(name)
    return {name: table[name](name, value) for name, value in raw.items()}


def text(name: str, value: Raw) -> str | None:
    """A string of up to 5,000 characters; the empty string unsets and comes back as None."""
    if not isinstance(value, str):
        raise invalid("Invalid string", param=name)
    if len(value) > 5000:
        raise invalid(f"Invalid string: {name} is longer than 5000 characters", param=name)
    return value or None


def email(name: str, value: Raw) -> str | None:
    """An e-mail address, checked for its shape only."""
    found = text(name, value)
    if found is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", found):
        raise invalid(f"Invalid email address: {found}", param=name, code="email_invalid")
    return found


def integer(name: str, value: Raw) -> int:
    """A whole number, possibly negative; whether it is big enough is for the endpoint to say."""
    if value == "":
        raise invalid(f"You passed an empty string for '{name}'.", param=name, code="parameter_invalid_empty")
    if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,18}", value):
        raise invalid(f"Invalid integer: {value}", param=name, code="parameter_invalid_integer")
    return int(value)


def boolean(name: str, value: Raw) -> bool:
    """`true` or `false`."""
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}", param=name)
    return value == "true"


def one_of(*choices: str) -> Check:
    """One of a closed list of words."""

    def check(name: str, value: Raw) -> str | None:
        if value == "":
            return None
        if value not in choices:
            raise invalid(f"Invalid {name}: must be one of {', '.join(choices)}", param=name)
        return str(value)

    return check


def strings(name: str, value: Raw) -> list[str]:
    """`name[]=a&name[]=b` or `name[0]=a`."""
    if value == "":
        return []
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise invalid("Invalid array", param=name)
    return [str(item) for item in value.values()]


def metadata(name: str, value: Raw) -> dict[str, str]:
    """Up to 50 keys of 40 characters with values of 500 (docs.stripe.com/api/metadata)."""
    if value == "":
        return {}
    if not isinstance(value, dict):
        raise invalid("Invalid hash", param=name)
    if len(value) > 50:
        raise invalid("Metadata takes up to 50 keys.", param=name)
    for key, item in value.items():
        if not isinstance(item, str):
            raise invalid("Metadata values must be strings.", param=f"{name}[{key}]")
        if len(key) > 40:
            raise invalid(f"Metadata keys take up to 40 characters: {key}", param=name)
        if len(item) > 500:
            raise invalid(f"Metadata values take up to 500 characters: {key}", param=f"{name}[{key}]")
    return dict(value)


def anything(_name: str, value: Raw) -> Any:
    """A parameter that is accepted and kept, or ignored, as it comes."""
    return value


def shape(table: Table, *, required: tuple[str, ...] = ()) -> Check:
    """A nested hash with its own table; its errors name `outer[inner]`."""

    def check(name: str, value: Raw) -> dict[str, Any] | None:
        if value == "":
            return None
        if not isinstance(value, dict):
            raise invalid("Invalid hash", param=name)
        for inner in value:
            if inner not in table:
                raise unknown_parameter(f"{name}[{inner}]")
        for inner in required:
            if inner not in value:
                raise missing_parameter(f"{name}[{inner}]")
        return {inner: table[inner](f"{name}[{inner}]", item) for inner, item in value.items()}

    return check


ADDRESS = shape(dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), text))


def merge_metadata(current: dict[str, str], change: dict[str, str] | None) -> dict[str, str]:
    """Stripe's rule: keys given are set, given empty are removed, others stay; empty `metadata` clears."""
    if change is None:
        return current
    if not change:
        return {}
    merged = {**current, **change}
    return {key: value for key, value in merged.items() if value != ""}
