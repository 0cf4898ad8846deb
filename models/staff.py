"""What the roles of a tenant's staff are good for, and whose word on them is taken."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.access import StaffIssuer, StaffRole


async def one_at_a_time(session: AsyncSession, tenant: str) -> None:
    """Whoever edits a tenant's access waits for whoever does so already, so that `If-Match` holds to the end."""
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"access/{tenant}", 0))))


async def roles(session: AsyncSession) -> Sequence[StaffRole]:
    """All of the tenant's."""
    return (await session.scalars(sa.select(StaffRole).order_by(StaffRole.role))).all()


async def role(session: AsyncSession, name: str) -> StaffRole | None:
    """One of them."""
    found: StaffRole | None = await session.scalar(sa.select(StaffRole).where(StaffRole.role == name))
    return found


async def save_role(session: AsyncSession, tenant: str, name: str, scopes: list[str]) -> StaffRole:
    """It is good for this from now on."""
    new = insert(StaffRole).values(tenant_id=tenant, role=name, scopes=scopes)
    saved = new.on_conflict_do_update(
        index_elements=["tenant_id", "role"], set_={"scopes": scopes, "version": StaffRole.version + 1}
    ).returning(StaffRole)
    return (await session.scalars(saved, execution_options={"populate_existing": True})).one()


def trust(owner_url: str, tenant: str, issuer: str, audience: str, roles_claim: str) -> None:
    """Take this issuer's word for the tenant's staff, as the owner of the tables; again, for another claim."""
    row = {"tenant_id": tenant, "issuer": issuer, "audience": audience, "roles_claim": roles_claim}
    new = insert(StaffIssuer).values(row)
    known = new.on_conflict_do_update(
        index_elements=["tenant_id", "issuer", "audience"], set_={"roles_claim": new.excluded.roles_claim}
    )
    engine = sa.create_engine(owner_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT set_config('milepost.tenant', :t, true)"), {"t": tenant})
        connection.execute(known)
    engine.dispose()
