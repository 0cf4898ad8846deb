"""One real PostgreSQL a session, migrated as its owner; a tenant a test."""

from collections.abc import AsyncIterator, Iterator

import pytest
import sqlalchemy as sa

from models.database import Database
from sandbox.stack import Stack, StackOptions
from tests.models.kit import APP, OWNER, SUPERUSER, Server, Shop


@pytest.fixture(scope="session")
def postgres() -> Iterator[Stack]:
    """PostgreSQL alone, with the migrations that `milepost migrate` applies."""
    with Stack(StackOptions(setup=("migrate",), processes=frozenset({"postgres"}))) as running:
        yield running


@pytest.fixture(scope="session")
async def server(postgres: Stack) -> AsyncIterator[Server]:
    """The ways in. The pool is as large as the widest crowd of a test."""
    links = postgres.links
    urls = {APP: links.database_url, OWNER: links.database_owner_url, SUPERUSER: links.database_admin_url}
    urls[SUPERUSER] = sa.make_url(urls[SUPERUSER]).set(database="milepost").render_as_string(hide_password=False)
    engines = {role: sa.create_engine(url, poolclass=sa.NullPool) for role, url in urls.items()}
    database = Database(links.database_url, pool_size=40)
    yield Server(database, urls, engines)
    await database.close()


@pytest.fixture
def shop(server: Server) -> Shop:
    """A tenant of this test's own."""
    return server.new_shop()
