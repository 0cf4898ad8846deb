"""Tenants are apart: by the catalog for every table there will ever be, and by trying for every table there is."""

import pytest
import sqlalchemy as sa

from domain.ids import api_key_hash
from models import events
from models.base import Base, TenantRow
from models.database import Database, UnsafeRole
from models.keys import find_living, note_use
from models.tenancy import all_tenants
from tests.models.full import full_shop
from tests.models.kit import APP, OWNER, SUPERUSER, Server, Shop

TENANT_TABLES = sorted(table.name for table in Base.metadata.tables.values() if "tenant_id" in table.columns)
READ_ONLY = {"tenants", "api_keys", "staff_issuers"}
APPEND_ONLY = {
    "events", "stock_movements", "stock_adjustments", "tracking_events", "ledger_postings", "ledger_entries",
    "order_cancellations", "return_steps",
    "audit_log",
}  # fmt: skip

READ_BY_OWNER = {
    "tenants", "api_keys", "inbox", "products", "variants", "access_tokens", "staff_issuers", "staff_roles",
    "storefront_origins", "mails", "events",
}  # fmt: skip
"""What security-definer functions must find before a tenant is known, and views that keep to the tenant themselves."""

NO_RIGHT = "42501"
"""insufficient_privilege; row-level security refuses a written row with the same code."""

TAKEN = "23505"
"""unique_violation: the row itself may be written, but it is there."""

_UNSEPARATED = """
    SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
      AND NOT (c.relrowsecurity AND c.relforcerowsecurity
               AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid))"""
_KEYS = """
    SELECT c.relname, (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = i.indkey[0])
    FROM pg_class c LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"""


@pytest.fixture(scope="module")
async def pair(server: Server) -> tuple[Shop, Shop]:
    """Two tenants that have everything."""
    return await full_shop(server), await full_shop(server)


def test_every_table_with_a_tenant_is_separated_for_the_owner_too(server: Server) -> None:
    assert server.rows(_UNSEPARATED, role=SUPERUSER) == []


def test_a_tenant_comes_first_in_every_primary_key(server: Server) -> None:
    first = dict(tuple(row) for row in server.rows(_KEYS, role=SUPERUSER))
    others = {name for name, column in first.items() if column != "tenant_id"}
    assert others == {"legal_moves", "alembic_version"}
    assert set(TENANT_TABLES) == set(first) - others


def test_every_tenant_row_belongs_to_a_tenant_that_exists() -> None:
    for mapper in Base.registry.mappers:
        if issubclass(mapper.class_, TenantRow):
            keys = mapper.local_table.columns["tenant_id"].foreign_keys
            assert "tenants.tenant_id" in {key.target_fullname for key in keys}


@pytest.mark.parametrize("table", TENANT_TABLES)
def test_two_tenants_see_their_own_rows_only(pair: tuple[Shop, Shop], table: str) -> None:
    for shop in pair:
        seen = shop.rows(f"SELECT DISTINCT tenant_id FROM {table}")
        assert seen == [(shop.tenant,)]
        owner = shop.rows(f"SELECT DISTINCT tenant_id FROM {table}", role=OWNER)
        assert (shop.tenant,) in owner
        assert len(owner) == 1 or table in READ_BY_OWNER


@pytest.mark.parametrize("table", TENANT_TABLES)
def test_a_tenant_cannot_change_delete_or_take_anothers_rows(pair: tuple[Shop, Shop], table: str) -> None:
    mine, theirs = pair
    count = f"SELECT count(*) FROM {table}"
    before = theirs.rows(count)
    change = f"UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = :other"
    remove = f"DELETE FROM {table} WHERE tenant_id = :other"
    if table in READ_ONLY | APPEND_ONLY:
        assert mine.refusal(change, other=theirs.tenant) == NO_RIGHT
        assert mine.refusal(remove, other=theirs.tenant) == NO_RIGHT
    else:
        assert mine.run(change, other=theirs.tenant) == 0
        assert mine.run(remove, other=theirs.tenant) == 0
        assert mine.refusal(f"UPDATE {table} SET tenant_id = :other", other=theirs.tenant) == NO_RIGHT
    assert theirs.rows(count) == before


@pytest.mark.parametrize("role", [APP, OWNER])
@pytest.mark.parametrize("table", TENANT_TABLES)
def test_a_row_cannot_be_written_for_another_tenant_nor_without_one(
    server: Server, pair: tuple[Shop, Shop], table: str, role: str
) -> None:
    mine, theirs = pair
    written = ", ".join(column.name for column in Base.metadata.tables[table].columns if column.computed is None)
    forged = (
        f"INSERT INTO {table} ({written}) OVERRIDING SYSTEM VALUE SELECT {written} FROM"
        f" (SELECT (jsonb_populate_record(t, CAST(:new AS jsonb))).* FROM {table} t"
        f" WHERE tenant_id = '{mine.tenant}' LIMIT 1) AS forged"
    )
    assert mine.refusal(forged, role=role, new=f'{{"tenant_id": "{theirs.tenant}"}}') == NO_RIGHT
    if role == OWNER or table not in READ_ONLY:
        assert mine.refusal(forged, role=role, new="{}").startswith(TAKEN)
    blind = (
        f"INSERT INTO {table} ({written}) OVERRIDING SYSTEM VALUE"
        f" SELECT {written} FROM jsonb_populate_record(null::{table}, CAST(:row AS jsonb))"
    )
    ((row,),) = mine.rows(f"SELECT to_jsonb(t)::text FROM {table} t LIMIT 1")
    for tenant in (None, ""):
        assert server.refusal(blind, role=role, tenant=tenant, row=row) == NO_RIGHT


@pytest.mark.parametrize("table", TENANT_TABLES)
def test_without_a_tenant_nothing_is_there(server: Server, pair: tuple[Shop, Shop], table: str) -> None:
    assert server.rows(f"SELECT 1 FROM {table}") == []
    assert server.rows(f"SELECT 1 FROM {table}", tenant="") == []
    if table not in READ_ONLY | APPEND_ONLY:
        assert server.run(f"UPDATE {table} SET tenant_id = tenant_id") == 0
        assert server.run(f"DELETE FROM {table}") == 0


def test_no_tenant_is_null_which_equals_nothing(server: Server, shop: Shop) -> None:
    assert server.rows("SELECT current_tenant()") == server.rows("SELECT current_tenant()", tenant="") == [(None,)]
    assert shop.rows("SELECT current_tenant()") == [(shop.tenant,)]


async def test_the_tenant_ends_with_its_transaction(server: Server, shop: Shop) -> None:
    async with shop.transaction() as session:
        events.record(session, shop.tenant, "co_1", "noted", "Noted")
    pool = Database(server.urls[APP], pool_size=1)
    try:
        async with pool.transaction(shop.tenant) as session:
            assert len(await events.timeline(session, "co_1")) == 1
        async with pool.transaction(None) as session:
            assert await events.timeline(session, "co_1") == []
    finally:
        await pool.close()


async def test_a_living_key_finds_its_tenant_before_any_is_set(server: Server, shop: Shop) -> None:
    mine = api_key_hash(f"mp_test_{shop.tenant}")

    async def found(key_hash: str) -> str | None:
        async with server.database.one_statement() as connection:
            key = await find_living(connection, key_hash)
        return key.tenant_id if key else None

    assert await found(mine) == shop.tenant
    assert await found(api_key_hash("another")) is None
    shop.run("UPDATE api_keys SET expires_at = now() + interval '1 hour'")
    assert await found(mine) == shop.tenant
    shop.run("UPDATE api_keys SET expires_at = now()")
    assert await found(mine) is None
    shop.run("UPDATE api_keys SET expires_at = NULL, revoked_at = now()")
    assert await found(mine) is None


async def test_the_application_cannot_give_a_key_more_scopes(server: Server, shop: Shop) -> None:
    assert shop.refusal("UPDATE api_keys SET scopes = '{admin}'") == NO_RIGHT
    assert shop.refusal("UPDATE api_keys SET key_hash = 'mine'") == NO_RIGHT
    publishable = (
        "INSERT INTO api_keys (tenant_id, key_hash, key_id, name, kind, scopes)"
        " VALUES (:t, 'h', 'key_h', 'web', 'publishable', CAST(:scopes AS text[]))"
    )
    assert shop.run(publishable, t=shop.tenant, scopes="{checkouts:write}") == 1
    assert shop.refusal(publishable, t=shop.tenant, scopes="{orders:read}").endswith("ck_api_keys_publishable")
    async with shop.transaction() as session:
        await note_use(session, "key_h")
    assert shop.rows("SELECT last_used_at IS NOT NULL FROM api_keys WHERE key_id = 'key_h'") == [(True,)]


async def test_scheduled_work_learns_the_names_of_all_tenants_and_nothing_else(server: Server, shop: Shop) -> None:
    async with server.database.transaction(None) as session:
        assert shop.tenant in await all_tenants(session)
    assert server.rows("SELECT 1 FROM tenants") == []


_ROLES = {
    "superuser": "CREATE ROLE {} LOGIN SUPERUSER PASSWORD 'p'",
    "bypassing": "CREATE ROLE {} LOGIN BYPASSRLS PASSWORD 'p'",
    "standing_in_for_the_owner": "CREATE ROLE {} LOGIN IN ROLE milepost_owner PASSWORD 'p'",
    "standing_in_for_a_superuser": "CREATE ROLE {} LOGIN NOINHERIT IN ROLE postgres PASSWORD 'p'",
}


@pytest.mark.parametrize("kind", sorted(_ROLES))
async def test_a_role_that_row_level_security_does_not_bind_is_refused(server: Server, kind: str) -> None:
    name = f"unsafe_{kind}"
    server.run(_ROLES[kind].format(name), role=SUPERUSER)
    url = sa.make_url(server.urls[APP]).set(username=name, password="p").render_as_string(hide_password=False)
    unsafe = Database(url, pool_size=1)
    try:
        with pytest.raises(UnsafeRole, match=name):
            await unsafe.refuse_unsafe_role()
    finally:
        await unsafe.close()
        server.run(f"DROP ROLE {name}", role=SUPERUSER)


async def test_the_owner_is_refused_and_the_applications_own_role_is_not(server: Server) -> None:
    owner = Database(server.urls[OWNER], pool_size=1)
    try:
        with pytest.raises(UnsafeRole, match="milepost_owner"):
            await owner.refuse_unsafe_role()
    finally:
        await owner.close()
    await server.database.refuse_unsafe_role()
