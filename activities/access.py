"""What the command line does to keys, and what is forgotten by the clock: kept answers, and tokens that have ended."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from domain.access import KeyKind
from domain.sweeping import ForgetOld
from models import access, answers, keys, trail
from models.database import Database
from models.keys import ApiKey, Issued
from settings import Settings

OPERATOR = "operator"
"""Whoever has a shell and the database's password; in the audit log under this name."""


class AccessActivities:
    """Local activities."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="access.forget")
    async def forget(self, asked: ForgetOld) -> int:
        """How much there was to forget; fewer than were asked for when there is no more."""
        async with self._database.transaction(asked.tenant) as session:
            await access.sweep_tokens(session)
            return await answers.sweep(session, asked.most)


class NoSuchKey(LookupError):
    """The tenant has none of that name, or it is gone."""


async def create_key(
    settings: Settings, tenant: str, *, kind: KeyKind, name: str, scopes: Sequence[str], lifetime: timedelta | None
) -> Issued:
    """Make one. Raises `sqlalchemy.exc.IntegrityError` for a tenant that is not there."""
    async with _acting(settings, tenant, "milepost keys create", name) as session:
        ends = await keys.clock(session) + lifetime if lifetime else None
        made = await keys.issue(
            session, tenant, kind=kind, name=name, scopes=scopes, live=settings.live, by=OPERATOR, expires_at=ends
        )
    return _certainly(made)


async def list_keys(settings: Settings, tenant: str) -> Sequence[ApiKey]:
    """All of a tenant's."""
    async with _database(settings) as database, database.transaction(tenant) as session:
        return await keys.listed(session)


async def rotate_key(settings: Settings, tenant: str, key_id: str, overlap: timedelta) -> Issued:
    """A key like it. Raises `NoSuchKey` when there is no living one of that name."""
    async with _acting(settings, tenant, "milepost keys rotate", key_id) as session:
        row = await keys.find(session, key_id, lock=True)
        if row is None or row.revoked_at is not None:
            raise NoSuchKey(key_id)
        made = await keys.rotate(session, row, overlap=overlap, live=settings.live, by=OPERATOR, made_under=None)
    return _certainly(made)


async def revoke_key(settings: Settings, tenant: str, key_id: str) -> None:
    """End it now. Raises `NoSuchKey`."""
    async with _acting(settings, tenant, "milepost keys revoke", key_id) as session:
        row = await keys.find(session, key_id, lock=True)
        if row is None:
            raise NoSuchKey(key_id)
        await keys.revoke(session, row)


def _certainly(made: Issued | None) -> Issued:
    if made is None:
        raise AssertionError("a key without an Idempotency-Key is always a new one")
    return made


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def _acting(settings: Settings, tenant: str, action: str, target: str) -> AsyncIterator[AsyncSession]:
    """A transaction that leaves its line in the audit log."""
    async with _database(settings) as database, database.transaction(tenant) as session:
        yield session
        session.add(
            trail.AuditedAct(
                tenant_id=tenant, at=datetime.now(UTC), actor=OPERATOR, action=action, target=target, status=200,
                request_id="command line",
            )
        )  # fmt: skip
