"""What access knows beside keys: how fast, from which pages, machines' tokens, and whose word on staff is taken."""

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TenantRow, now


class RateBucket(TenantRow, Base):
    """How many more requests a key may make at this moment. Unlogged: after a crash everybody's is full."""

    __tablename__ = "rate_buckets"

    key_id: Mapped[str] = mapped_column(primary_key=True)
    tokens: Mapped[float] = mapped_column(sa.Double())
    filled_at: Mapped[datetime]

    __table_args__ = ({"prefixes": ["UNLOGGED"]},)


class StorefrontOrigin(TenantRow, Base):
    """Pages of this origin may call us from a browser."""

    __tablename__ = "storefront_origins"

    origin: Mapped[str] = mapped_column(primary_key=True)

    __table_args__ = (
        sa.CheckConstraint(r"origin ~ '^https?://[a-z0-9.:\[\]-]+$'", name="origin"),
        sa.Index("ix_storefront_origins_origin", "origin"),
    )


class AccessToken(TenantRow, Base):
    """The hash of a token that a machine got for its key, for a short while."""

    __tablename__ = "access_tokens"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str]
    scopes: Mapped[list[str]]
    issued_at: Mapped[datetime] = mapped_column(server_default=now())
    expires_at: Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(["tenant_id", "key_id"], ["api_keys.tenant_id", "api_keys.key_id"]),
        sa.Index("uq_access_tokens_token_hash", "token_hash", unique=True),
    )


class StaffIssuer(TenantRow, Base):
    """Tokens of this issuer for this audience are of this tenant's staff. Only an operator writes it."""

    __tablename__ = "staff_issuers"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    audience: Mapped[str] = mapped_column(primary_key=True)
    roles_claim: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=now())

    __table_args__ = (sa.Index("uq_staff_issuers_issuer_audience", "issuer", "audience", unique=True),)


class StaffRole(TenantRow, Base):
    """What people with a role of the issuer's may do here."""

    __tablename__ = "staff_roles"

    role: Mapped[str] = mapped_column(primary_key=True)
    scopes: Mapped[list[str]]
    version: Mapped[int] = mapped_column(server_default="1")


class Handful(NamedTuple):
    """So many tokens were taken out of a bucket, and so many are left in it."""

    granted: float
    remaining: float


async def take_tokens(
    connection: AsyncConnection, tenant: str, key_id: str, *, wanted: float, rate: float, most: float
) -> Handful:
    """Up to `wanted` out of the bucket, which fills by `rate` a second up to `most`; in one round trip."""
    query = sa.text("SELECT * FROM take_tokens(:tenant, :key, :wanted, :rate, :most)")
    values = {"tenant": tenant, "key": key_id, "wanted": wanted, "rate": rate, "most": most}
    return Handful(*(await connection.execute(query, values)).one())


async def is_storefront(connection: AsyncConnection, origin: str) -> bool:
    """Whether any tenant has this origin; in one round trip, before a tenant is known."""
    return bool((await connection.execute(sa.text("SELECT is_storefront(:o)"), {"o": origin})).scalar_one())


async def origins(session: AsyncSession) -> list[str]:
    """The tenant's, in order."""
    return list(await session.scalars(sa.select(StorefrontOrigin.origin).order_by(StorefrontOrigin.origin)))


async def replace_origins(session: AsyncSession, tenant: str, wanted: list[str]) -> None:
    """These from now on, and no others."""
    await session.execute(sa.delete(StorefrontOrigin).where(StorefrontOrigin.origin.not_in(wanted)))
    for origin in wanted:
        await session.execute(insert(StorefrontOrigin).values(tenant_id=tenant, origin=origin).on_conflict_do_nothing())


class StaffAccess(NamedTuple):
    """The tenant whose staff it is, which claim names their roles, and what each role may do."""

    tenant_id: str
    roles_claim: str
    roles: dict[str, list[str]]


async def staff_access(connection: AsyncConnection, issuer: str, audiences: list[str]) -> list[StaffAccess]:
    """Whom a token of this issuer for these audiences may speak for; before a tenant is known."""
    query = sa.text("SELECT * FROM staff_access(:issuer, :audiences)")
    rows: Any = (await connection.execute(query, {"issuer": issuer, "audiences": audiences})).all()
    return [StaffAccess(*row) for row in rows]


async def sweep_tokens(session: AsyncSession) -> int:
    """Forget tokens that have ended; answers with how many."""
    gone = await session.execute(sa.delete(AccessToken).where(AccessToken.expires_at < now()))
    return int(gone.rowcount)  # type: ignore[attr-defined]
