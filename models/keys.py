"""API keys: who acts for a tenant, and what they may do. Only a key's hash is kept."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from domain.access import TOKEN_PREFIX, CallerKind, KeyKind, key_hint, key_prefix
from domain.ids import api_key_hash, api_key_id
from models.access import AccessToken
from models.base import Base, TenantRow, behind, find_one, now


def _id_of_hash(context: DefaultExecutionContext) -> str:
    return api_key_id(context.get_current_parameters()["key_hash"])  # type: ignore[no-untyped-call]


class ApiKey(TenantRow, Base):
    """A key's hash; the key itself is shown once and never kept. Its scopes never change: make another key."""

    __tablename__ = "api_keys"

    key_hash: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(default=_id_of_hash)
    name: Mapped[str]
    kind: Mapped[KeyKind] = mapped_column(server_default=KeyKind.SECRET.value)
    scopes: Mapped[list[str]] = mapped_column(server_default="{}")
    hint: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=now())
    created_by: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    rate_limit: Mapped[int | None]
    made_under: Mapped[str | None]

    __table_args__ = (
        sa.Index("uq_api_keys_key_hash", "key_hash", unique=True),
        sa.Index("uq_api_keys_tenant_id_key_id", "tenant_id", "key_id", unique=True),
        sa.Index("uq_api_keys_tenant_id_made_under", "tenant_id", "made_under", unique=True),
        sa.CheckConstraint(
            "kind <> 'publishable' OR scopes <@ ARRAY['checkouts:write', 'checkouts:read', 'catalog:read',"
            " 'prices:read']",
            name="publishable",
        ),
        sa.CheckConstraint("rate_limit > 0", name="rate_limit"),
    )


class LivingKey(NamedTuple):
    """What a request's key, or the token a machine got for its key, says of its sender."""

    tenant_id: str
    key_id: str
    name: str
    kind: CallerKind
    scopes: frozenset[str]
    expires_at: datetime | None
    last_used_at: datetime | None
    rate_limit: int | None
    origins: frozenset[str]


async def find_living(connection: AsyncConnection, key_hash: str) -> LivingKey | None:
    """The key or token with this hash, unless it is revoked or has expired; in one round trip.

    A security-definer function answers: no tenant is set yet.
    """
    query = sa.text("SELECT * FROM caller_of(:hash)")
    row: Any = (await connection.execute(query, {"hash": key_hash})).one_or_none()
    if row is None:
        return None
    sets = {"scopes": frozenset(row.scopes), "origins": frozenset(row.origins)}
    return LivingKey(**{**row._mapping, "kind": CallerKind(row.kind), **sets})


async def note_use(session: AsyncSession, key_id: str) -> None:
    """The key was used just now. The caller sees to it that this is said seldom."""
    await session.execute(sa.update(ApiKey).where(ApiKey.key_id == key_id).values(last_used_at=now()))


class Issued(NamedTuple):
    """A new key, to be shown this once, and its row."""

    secret: str
    row: ApiKey


async def issue(
    session: AsyncSession,
    tenant: str,
    *,
    kind: KeyKind,
    name: str,
    scopes: Sequence[str],
    live: bool,
    by: str,
    expires_at: datetime | None = None,
    rate_limit: int | None = None,
    made_under: str | None = None,
) -> Issued | None:
    """Make a key; None when one was made under that Idempotency-Key before. `by` is who makes it."""
    secret = key_prefix(kind, live=live) + secrets.token_urlsafe(32)
    hashed = api_key_hash(secret)
    added = (
        insert(ApiKey)
        .values(
            tenant_id=tenant,
            key_hash=hashed,
            key_id=api_key_id(hashed),
            name=name,
            kind=kind,
            scopes=sorted(set(scopes)),
            hint=key_hint(secret),
            created_by=by,
            expires_at=expires_at,
            rate_limit=rate_limit,
            made_under=made_under,
        )
        .on_conflict_do_nothing(index_elements=["tenant_id", "made_under"])
        .returning(ApiKey)
    )
    row: ApiKey | None = await session.scalar(added)
    return Issued(secret, row) if row is not None else None


async def listed(
    session: AsyncSession, after: Sequence[object] | None = None, most: int | None = None
) -> Sequence[ApiKey]:
    """Keys, the newest first, those that are gone as well, from behind a place on: (`created_at`, `key_id`)."""
    query = sa.select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.key_id.desc()).limit(most)
    if after is not None:
        query = query.where(behind((ApiKey.created_at, ApiKey.key_id), after, descending=True))
    return (await session.scalars(query)).all()


async def find(session: AsyncSession, key_id: str, *, lock: bool = False) -> ApiKey | None:
    """The key of that name, living or not."""
    return await find_one(session, ApiKey, ApiKey.key_id, key_id, lock=lock)


async def made_under(session: AsyncSession, idempotency_key: str) -> str | None:
    """The name of the key that was made under this Idempotency-Key."""
    found: str | None = await session.scalar(sa.select(ApiKey.key_id).where(ApiKey.made_under == idempotency_key))
    return found


async def clock(session: AsyncSession) -> datetime:
    """The database's, at the beginning of the transaction: what keys end by."""
    return (await session.scalars(sa.select(now()))).one()


async def revoke(session: AsyncSession, row: ApiKey) -> None:
    """Ends it now; a repeat changes nothing."""
    if row.revoked_at is None:
        row.revoked_at = await clock(session)
        await session.flush()


async def rotate(
    session: AsyncSession, row: ApiKey, *, overlap: timedelta, live: bool, by: str, made_under: str | None
) -> Issued | None:
    """A key like it, which ends by itself after the overlap. None for a repeat under the same Idempotency-Key."""
    new = await issue(
        session, row.tenant_id, kind=row.kind, name=row.name, scopes=row.scopes, live=live, by=by,
        expires_at=None, rate_limit=row.rate_limit, made_under=made_under,
    )  # fmt: skip
    if new is not None:
        end = await clock(session) + overlap
        row.expires_at = min(row.expires_at or end, end)
        await session.flush()
    return new


async def give_token(session: AsyncSession, row: LivingKey, scopes: Sequence[str], lifetime: timedelta) -> str:
    """A token for a client's key, to be shown this once."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    values = {"tenant_id": row.tenant_id, "token_hash": api_key_hash(token), "key_id": row.key_id}
    ends = now() + lifetime
    await session.execute(sa.insert(AccessToken).values(**values, scopes=list(scopes), expires_at=ends))
    return token
