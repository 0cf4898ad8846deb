"""Takes out of a log line what must not be in one: card numbers, secrets, e-mail addresses, and named fields."""

import re
from collections.abc import Mapping
from typing import Any

GONE = "[redacted]"

NAMES = frozenset(
    {
        "address", "api_key", "authorization", "body", "card", "client_secret", "cookie", "customer", "email", "line1",
        "line2", "parameters", "params", "password", "phone", "postal_code", "recipient", "secret", "shipping_address",
        "token",
    }
)  # fmt: skip
"""Fields whose values never are logged, whatever is in them."""

_PATTERNS = (
    re.compile(r"[\w.+%-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"),
    re.compile(r"\b(?:sk|rk|pk)_(?:live|test)_\w+"),
    re.compile(r"\b(?:carrier_)?whsec_\w+"),
    re.compile(r"\bmp_(?:(?:pk|cs)_)?(?:live|test)_\w+|\bmp_at_\w+"),
    re.compile(r"\bpi_\w+_secret_\w+|\bcos_[\w=-]{16,}|\bmct_[\w=.-]{16,}"),
    re.compile(r"(?i)\b(?:bearer|basic)\s+[\w.~+/=-]{6,}"),
    re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"),
    # PostgreSQL and SQLAlchemy quote whole rows.
    re.compile(r"(?<=Failing row contains )\(.*\)", re.DOTALL),
    re.compile(r"(?<=\[parameters: ).*?(?=\]\n|\]$)", re.DOTALL),
    re.compile(r"(?<=JSON data, line )\d+: .*"),
)
_LONG_NUMBER = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w.])")


def redacted(value: Any) -> Any:
    """The same without what must not be logged, however deep."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return _text(value.decode(errors="replace"))
    if isinstance(value, Mapping):
        return {name: GONE if str(name).lower() in NAMES else redacted(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float) else _text(str(value))


def _text(text: str) -> str:
    for pattern in _PATTERNS:
        text = pattern.sub(GONE, text)
    return _LONG_NUMBER.sub(lambda found: GONE if _is_card(found[0]) else found[0], text)


def _is_card(text: str) -> bool:
    """Luhn's sum (ISO/IEC 7812-1, annex B): nine of ten other numbers stay readable."""
    digits = [int(one) for one in reversed(text) if one.isdigit()]
    doubled = (sum(divmod(one * 2, 10)) for one in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
