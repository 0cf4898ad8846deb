"""Connections: one pool a process, one transaction at a time, each bound to one tenant by row-level security."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction

_SET_TENANT = sa.text("SELECT set_config('milepost.tenant', :tenant, true)")


class UnsafeRole(RuntimeError):
    """The application connects as a role that row-level security does not bind."""


class TenantSession(Session):
    """A session whose every transaction carries its tenant; without one it sees no row of any."""


@sa.event.listens_for(TenantSession, "after_begin")
def _set_tenant(session: Session, _: SessionTransaction, connection: sa.Connection) -> None:
    if tenant := session.info.get("tenant"):
        connection.execute(_SET_TENANT, {"tenant": tenant})


class Database:
    """The pool of one process. Pool sizes are connections; timeouts are seconds."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=False,
            pool_recycle=1800,
            pool_use_lifo=True,  # who was used last has its statements prepared and planned
            hide_parameters=True,
        )
        self._sessions = async_sessionmaker(
            self.engine, sync_session_class=TenantSession, expire_on_commit=False, autoflush=False
        )

    @asynccontextmanager
    async def transaction(self, tenant: str | None) -> AsyncIterator[AsyncSession]:
        """One transaction as one tenant: committed at the end, rolled back when anything is raised."""
        async with self._sessions(info={"tenant": tenant}) as session, session.begin():
            yield session

    @asynccontextmanager
    async def one_statement(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose every statement is a transaction of its own: one round trip for one statement."""
        async with self.engine.connect() as connection:
            yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    def by_itself(self) -> sa.Engine:
        """For a thread: what it connects is nobody else's, and each statement is a transaction of its own."""
        return sa.create_engine(
            self.engine.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True
        )

    async def refuse_unsafe_role(self) -> None:
        """Raise `UnsafeRole` when the role is, or may become, a superuser, one that bypasses row-level security,
        or the owner of the tables."""
        query = sa.text(
            "SELECT current_user AS name, EXISTS (SELECT 1 FROM pg_roles r"
            " WHERE pg_has_role(current_user, r.oid, 'MEMBER') AND (r.rolsuper OR r.rolbypassrls"
            " OR EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid AND c.relname = 'orders'))) AS unsafe"
        )
        async with self.engine.connect() as connection:
            role = (await connection.execute(query)).one()
        if role.unsafe:
            raise UnsafeRole(
                f"DATABASE_URL connects as {role.name}, which row-level security does not bind. "
                "Use a role that is neither a superuser nor the owner of the tables, "
                "nor a member of such a role: docs/deploy.md."
            )

    async def close(self) -> None:
        """Give all connections back."""
        await self.engine.dispose()
