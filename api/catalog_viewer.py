"""For whom the catalog is read: a storefront, a customer of it, or somebody who tends it and sees everything."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession

from api.problems import Problem
from api.resources import Caller, caller_with
from api.schemas.base import Short
from api.shopper import NOBODY_KNOWN, WhoShops
from domain.access import CallerKind
from models.memberships import standing

View = Annotated[
    Literal["storefront", "all"],
    Query(description="`storefront`: what is on sale now. `all`: drafts, archived and scheduled ones as well."),
]
CustomerId = Annotated[Short | None, Query(description="Whose page it is: also what their membership lets them see.")]


@dataclass(frozen=True, slots=True)
class CatalogViewer:
    """Whose eyes; `everything` has no need of a customer."""

    tenant: str
    everything: bool
    customer_id: str | None

    def name(self) -> dict[str, object]:
        """What a cursor is bound to, beside the query."""
        return {"customer": self.customer_id}

    async def entitlements(self, session: AsyncSession) -> frozenset[str]:
        """What the customer may see beyond what everybody does."""
        if self.everything or self.customer_id is None:
            return frozenset()
        return (await standing(session, self.customer_id)).entitlements


async def get_viewer(
    caller: Annotated[Caller, caller_with("catalog:read")],
    view: View = "storefront",
    customer_id: CustomerId = None,
    shopper: WhoShops = NOBODY_KNOWN,
) -> CatalogViewer:
    """For whom it is read. A publishable key, which anybody may have, sees what anybody sees: else a 403 problem."""
    if caller.kind is CallerKind.PUBLISHABLE and (view == "all" or customer_id is not None):
        detail = "A publishable key reads the storefront, for nobody in particular. Use a secret key, on your server."
        raise Problem(403, "secret_key_required", detail)
    return CatalogViewer(caller.tenant, view == "all", shopper.number or customer_id)


Viewer = Annotated[CatalogViewer, Depends(get_viewer)]
