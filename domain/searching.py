"""What may be asked of the catalog: words, filters and an order; pure, so that a cursor can name it."""

import re
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from domain.catalog import ListingStatus


class SortBy(StrEnum):
    """The order of a list; a `-` in front begins at the other end. Ties are in the order of ids."""

    RELEVANCE = "relevance"
    ID = "id"
    TITLE = "title"
    CREATED = "created"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class AttributeRange:
    """A number of that name between both ends, which belong to it; None is no end."""

    name: str
    least: Decimal | None
    most: Decimal | None


@dataclass(frozen=True, slots=True)
class ProductQuery:
    """Which products. Several values of one filter mean any of them, but `tags`: all of them.

    `everything`: as a merchandiser sees it, else as a storefront shows it to somebody with `entitlements`.
    """

    words: str | None = None
    everything: bool = False
    entitlements: frozenset[str] = frozenset()
    statuses: tuple[ListingStatus, ...] = ()
    types: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    options: tuple[tuple[str, tuple[str, ...]], ...] = ()
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    ranges: tuple[AttributeRange, ...] = ()
    updated_since: datetime | None = None
    sort: SortBy = SortBy.CREATED
    descending: bool = True

    def name(self) -> dict[str, object]:
        """What is listed, and in which order, as JSON values: what a cursor is bound to. Who asks is named apart."""
        told: dict[str, object] = {
            one.name: repr(getattr(self, one.name)) for one in fields(self) if one.name != "entitlements"
        }
        return told | {"list": "products"}


_WORD = re.compile(r"(?:^|\s)(\w{2,})$")


def split_prefix(words: str) -> tuple[str, str | None]:
    """(all before the last word, the last word) if a shopper may still be typing it, else (everything, None).

    Quoted and excluded words and `or` are meant as they are; so is a word with a space behind it.
    """
    found = _WORD.search(words)
    if found is None or words.count('"') % 2 or found[1].lower() == "or" or "_" in found[1]:
        return words, None
    head = words[: found.start(1)].rstrip()
    return (words, None) if re.search(r"(?:^|\s)or$", head, re.IGNORECASE) else (head, found[1])


_SKU = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,63}")


def sku_begun(words: str) -> str | None:
    """The words in capitals if they may be a SKU, or the beginning of one of three characters at least."""
    return words.strip().upper() if _SKU.fullmatch(words.strip()) else None


_NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?")


def readings(value: str) -> list[str | int | float | bool]:
    """What an attribute may hold that is asked for by this text: the text, and the number or the truth it writes."""
    found: list[str | int | float | bool] = [value]
    if value in ("true", "false"):
        found.append(value == "true")
    elif _NUMBER.fullmatch(value):
        number = Decimal(value)
        found.append(int(number) if number == number.to_integral_value() else float(number))
    return found


def number(text: str) -> Decimal | None:
    """A plain decimal number; None for anything else."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None
