"""What can be bought and what it costs: variants, prices, tax, shipping; and the price book a quote is made from."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.pricing import PriceBook, PricedVariant
from models.base import Base, TenantRow


class Variant(TenantRow, Base):
    """A thing that can be bought, by its SKU."""

    __tablename__ = "variants"

    sku: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    weight_grams: Mapped[int] = mapped_column(sa.CheckConstraint("weight_grams > 0", name="weight"))


class Price(TenantRow, Base):
    """What one piece costs in one currency, in minor units."""

    __tablename__ = "prices"

    sku: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), primary_key=True)
    amount_minor: Mapped[int] = mapped_column(sa.CheckConstraint("amount_minor >= 0", name="amount"))

    __table_args__ = (sa.ForeignKeyConstraint(["tenant_id", "sku"], ["variants.tenant_id", "variants.sku"]),)


class TaxRate(TenantRow, Base):
    """The tax of a country, in basis points (2000 is 20 %), and whether prices there include it."""

    __tablename__ = "tax_rates"

    country: Mapped[str] = mapped_column(sa.CHAR(2), primary_key=True)
    basis_points: Mapped[int] = mapped_column(
        sa.CheckConstraint("basis_points BETWEEN 0 AND 10000", name="basis_points")
    )
    included: Mapped[bool]


class ShippingRate(TenantRow, Base):
    """What a shipping method costs to a country, in minor units of a currency."""

    __tablename__ = "shipping_rates"

    method: Mapped[str] = mapped_column(primary_key=True)
    country: Mapped[str] = mapped_column(sa.CHAR(2), primary_key=True)
    currency: Mapped[str] = mapped_column(sa.CHAR(3), primary_key=True)
    amount_minor: Mapped[int] = mapped_column(sa.CheckConstraint("amount_minor >= 0", name="amount"))


async def load_price_book(
    session: AsyncSession, *, skus: list[str], currency: str, country: str, shipping_method: str
) -> PriceBook:
    """All a quote reads, in one statement. The tenant is the transaction's own."""
    tax = sa.select(TaxRate.basis_points, TaxRate.included).where(TaxRate.country == country).subquery()
    shipping = (
        sa.select(ShippingRate.amount_minor)
        .where(
            ShippingRate.method == shipping_method,
            ShippingRate.country == country,
            ShippingRate.currency == currency,
        )
        .subquery()
    )
    goods = (
        sa.select(Variant.sku, Variant.title, Variant.weight_grams, Price.amount_minor.label("unit_minor"))
        .outerjoin(
            Price,
            (Price.tenant_id == Variant.tenant_id) & (Price.sku == Variant.sku) & (Price.currency == currency),
        )
        .where(Variant.sku.in_(skus))
        .subquery()
    )
    one = sa.select(sa.literal(1).label("one")).subquery()
    query = (
        sa.select(
            goods.c.sku,
            goods.c.title,
            goods.c.weight_grams,
            goods.c.unit_minor,
            tax.c.basis_points,
            tax.c.included,
            shipping.c.amount_minor.label("shipping_minor"),
        )
        .select_from(one)
        .outerjoin(tax, sa.true())
        .outerjoin(shipping, sa.true())
        .outerjoin(goods, sa.true())
    )
    rows = (await session.execute(query)).all()
    return PriceBook(
        currency=currency,
        variants={
            row.sku: PricedVariant(row.sku, row.title, row.weight_grams, row.unit_minor)
            for row in rows
            if row.sku is not None
        },
        tax_basis_points=rows[0].basis_points,
        tax_included=bool(rows[0].included),
        shipping_minor=rows[0].shipping_minor,
    )
