"""The rates of the built-in tax table."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TenantRow


class TaxRate(TenantRow, Base):
    """The tax of a country, in basis points (2000 is 20 %), and whether prices there include it.

    A row may be for a region of it only (ISO 3166-2 without the country), or for a class of goods.
    """

    __tablename__ = "tax_rates"

    country: Mapped[str] = mapped_column(sa.CHAR(2), primary_key=True)
    region: Mapped[str] = mapped_column(primary_key=True, server_default="")
    tax_class: Mapped[str] = mapped_column(primary_key=True, server_default="standard")
    basis_points: Mapped[int] = mapped_column(
        sa.CheckConstraint("basis_points BETWEEN 0 AND 10000", name="basis_points")
    )
    included: Mapped[bool]

    __table_args__ = (sa.CheckConstraint("region = upper(region)", name="region"),)


async def rates(session: AsyncSession, country: str | None = None) -> Sequence[TaxRate]:
    """Every rate, or a country's; country by country, what is for all of it first."""
    query = sa.select(TaxRate).order_by(TaxRate.country, TaxRate.region, TaxRate.tax_class)
    return (await session.scalars(query if country is None else query.where(TaxRate.country == country))).all()


async def replace_rates(session: AsyncSession, country: str, wanted: Sequence[TaxRate]) -> None:
    """These are the country's rates from now on."""
    await session.execute(sa.delete(TaxRate).where(TaxRate.country == country))
    session.add_all(wanted)
    await session.flush()
