"""All that prices are made of, as one router: quotes, lists, codes, ways to send, taxes."""

from fastapi import APIRouter

from api import price_lists, promotions, quotes, shipping_methods, tax_rates

router = APIRouter()
for part in (quotes, price_lists, promotions, shipping_methods, tax_rates):
    router.include_router(part.router)
