"""Whether what is in a cart may be sold, and to this shopper: asked where a cart is priced."""

from collections.abc import Collection, Iterable
from typing import Protocol

from domain.refusals import Refusal, RefusalCode, Refused


class Sellable(Protocol):
    """A variant as a price book has it: whether it and its product are on sale now, and the entitlement it takes."""

    @property
    def sku(self) -> str: ...

    @property
    def for_sale(self) -> bool: ...

    @property
    def access(self) -> str | None: ...


def refuse_unsold(wanted: Iterable[Sellable], entitlements: Collection[str]) -> None:
    """Raise `Refused` for a cart with something that is not on sale now, or that takes an entitlement not held."""
    variants = list(wanted)
    if gone := [one.sku for one in variants if not one.for_sale]:
        message = f"{', '.join(gone)} is not for sale now. Take it out of the cart."
        raise Refused(Refusal(RefusalCode.NOT_FOR_SALE, message, {"skus": ",".join(gone)}))
    if closed := [one.sku for one in variants if one.access is not None and one.access not in entitlements]:
        message = f"{', '.join(closed)} is for members only."
        raise Refused(Refusal(RefusalCode.MEMBERS_ONLY, message, {"skus": ",".join(closed)}))
