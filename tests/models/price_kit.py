"""What the tests of the tables do with promotion codes."""

from domain.promotions import AppliedPromotion, PromotionKind
from models import promotions
from models.promotions import Promotion, Redemption
from tests.models.kit import Shop


async def use_a_code(shop: Shop, checkout: str) -> None:
    """A code that takes off nothing, used by a checkout."""
    code = Promotion(tenant_id=shop.tenant, code="TENOFF", name="Ten", kind=PromotionKind.PERCENT, basis_points=1000)
    shop.server.add(shop.tenant, code)
    async with shop.transaction() as session:
        use = Redemption(checkout, "cus_ada", "EUR", (AppliedPromotion("TENOFF", 0),))
        assert await promotions.redeem(session, [use]) == {}
