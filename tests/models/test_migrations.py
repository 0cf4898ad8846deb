"""Migrations make, of an empty database, exactly what the models describe, and say so again when run twice."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from models.base import Base
from models.migrations.rules_0006 import VIEW_NAMES
from tests.models.kit import OWNER, SUPERUSER, Server

_COLUMNS = """
    SELECT c.table_name, c.column_name, c.data_type, c.character_maximum_length, c.is_nullable, c.column_default,
      c.is_identity
    FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'"""
_CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype NOT IN ('n', 't')"""
_INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"

_BEFORE_0004 = """
    SET LOCAL session_replication_role = replica;
    INSERT INTO tenants (tenant_id, name) VALUES ('a', 'A'), ('b', 'B');
    INSERT INTO payments (tenant_id, payment_id, checkout_id, intent_id, state, currency, amount_minor,
      authorized_minor, captured_minor)
    VALUES ('a', 'pay_1', 'co_1', 'pi_1', 'captured', 'EUR', 500, 500, 400),
      ('b', 'pay_2', 'co_2', NULL, 'pending', 'JPY', 300, 0, 0);
    INSERT INTO orders (tenant_id, order_number, checkout_id, payment_id, customer_id, state, currency, shipping_minor,
      tax_minor, total_minor, address, shipping_method)
    VALUES ('a', '1001', 'co_1', 'pay_1', 'cus_1', 'shipped', 'EUR', 0, 0, 500, '{}', 'standard');
    INSERT INTO shipments (tenant_id, shipment_id, order_number, location_id, state)
    VALUES ('a', 'shp_1', '1001', 'florence', 'handed_over');
    INSERT INTO payment_operations (tenant_id, payment_id, kind, sequence, idempotency_key, amount_minor, state)
    VALUES ('a', 'pay_1', 'authorize', 1, 'k1', 500, 'succeeded'), ('a', 'pay_1', 'capture', 1, 'k2', 400, 'failed'),
      ('a', 'pay_1', 'capture', 2, 'k3', 400, 'succeeded'), ('b', 'pay_2', 'authorize', 1, 'k4', 300, 'pending')"""

_BEFORE_0015 = """
    SET LOCAL session_replication_role = replica;
    INSERT INTO tenants (tenant_id, name) VALUES ('a', 'A'), ('b', 'B');
    INSERT INTO variants (tenant_id, sku, title, weight_grams) VALUES ('a', 'A', 'Thing', 100);
    INSERT INTO prices (tenant_id, sku, currency, amount_minor) VALUES ('a', 'A', 'EUR', 1000);
    INSERT INTO shipping_rates (tenant_id, method, country, currency, amount_minor)
    VALUES ('a', 'next_day', 'FR', 'EUR', 600), ('a', 'next_day', 'DE', 'EUR', 600);
    INSERT INTO orders (tenant_id, order_number, checkout_id, payment_id, customer_id, state, currency, shipping_minor,
      tax_minor, total_minor, address, shipping_method)
    VALUES ('a', '1001', 'co_1', 'pay_1', 'cus_1', 'closed', 'EUR', 600, 467, 2800, '{}', 'next_day');
    INSERT INTO order_lines (tenant_id, order_number, sku, title, quantity, unit_minor, net_minor, tax_minor,
      gross_minor)
    VALUES ('a', '1001', 'A', 'Thing', 1, 1000, 833, 167, 1000),
      ('a', '1001', 'B', 'Thing', 1, 1000, 1000, 200, 1200)"""

MakeDatabase = Callable[[str], sa.Engine]


@pytest.fixture
def make_database(server: Server) -> Iterator[MakeDatabase]:
    """Empty databases that belong to the owner, dropped afterwards."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(_empty(server, name))


@contextmanager
def _empty(server: Server, name: str) -> Iterator[sa.Engine]:
    admin = server.engines[SUPERUSER].execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} OWNER milepost_owner"))
        engine = sa.create_engine(sa.make_url(server.urls[OWNER]).set(database=name), poolclass=sa.NullPool)
        try:
            yield engine
        finally:
            engine.dispose()
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def alembic(engine: sa.Engine) -> Config:
    """Alembic's configuration for a database, as `milepost migrate` has it."""
    config = Config()
    config.set_main_option("script_location", "models:migrations")
    config.attributes["url"] = engine.url
    return config


def shape(engine: sa.Engine, query: str) -> set[tuple[object, ...]]:
    """What the catalog tells of a database, Alembic's own table aside."""
    with engine.connect() as connection:
        return {tuple(row) for row in connection.execute(sa.text(query)) if row[0] != "alembic_version"}


def test_alembic_finds_nothing_to_add(server: Server) -> None:
    command.check(alembic(server.engines[OWNER]))


@pytest.mark.parametrize("query", [_COLUMNS, _CONSTRAINTS, _INDEXES], ids=["columns", "constraints", "indexes"])
def test_migrations_and_models_make_the_same_tables(make_database: MakeDatabase, query: str) -> None:
    """Alembic compares no CHECK and no default; the catalog knows all. Triggers are the migrations' own."""
    migrated, described = make_database("migrated"), make_database("described")
    command.upgrade(alembic(migrated), "head")
    Base.metadata.create_all(described)
    made, wanted = shape(migrated, query), shape(described, query)
    assert made - wanted == set()
    assert wanted - made == set()


def test_each_step_leads_to_the_next_and_the_last_is_repeatable(make_database: MakeDatabase) -> None:
    engine = make_database("step_by_step")
    config = alembic(engine)
    scripts = ScriptDirectory.from_config(config)
    assert len(scripts.get_heads()) == len(scripts.get_bases()) == 1
    for script in reversed(list(scripts.walk_revisions())):
        command.upgrade(config, script.revision)
        with engine.connect() as connection:
            at = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        assert at == script.revision
    before = shape(engine, _COLUMNS)
    command.upgrade(config, "head")
    assert shape(engine, _COLUMNS) == before


def test_what_was_paid_before_the_ledger_is_in_it_and_has_its_purpose(
    server: Server, make_database: MakeDatabase
) -> None:
    """The owner is bound by row-level security too, so that a plain UPDATE of all tenants would touch no row."""
    engine = make_database("lived_in")
    command.upgrade(alembic(engine), "0003")
    admin = sa.create_engine(
        sa.make_url(server.urls[SUPERUSER]).set(database=engine.url.database), poolclass=sa.NullPool
    )
    with admin.begin() as connection:
        connection.execute(sa.text(_BEFORE_0004))
    command.upgrade(alembic(engine), "head")
    with admin.connect() as connection:

        def told(query: str) -> list[tuple[object, ...]]:
            return [tuple(row) for row in connection.execute(sa.text(query))]

        assert told("SELECT idempotency_key, reference FROM payment_operations ORDER BY 1") == [
            ("k1", "checkout"), ("k2", "shp_1"), ("k3", "shp_1"), ("k4", "checkout")
        ]  # fmt: skip
        assert told("SELECT tenant_id, posting_id, payment_id, kind, currency FROM ledger_postings") == [
            ("a", "capture/pi_1/400", "pay_1", "capture", "EUR")
        ]
        assert told("SELECT account, amount_minor FROM ledger_entries ORDER BY account") == [
            ("captured", -400), ("receivable", 400)
        ]  # fmt: skip
        unforced = "SELECT relname FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity"
        assert told(unforced) == []


def test_prices_that_were_there_before_lists_are_in_the_list_that_is_for_all(
    server: Server, make_database: MakeDatabase
) -> None:
    """Every tenant gets its default list; methods get a row of their own; an order's tax and shipping still add up."""
    engine = make_database("priced")
    command.upgrade(alembic(engine), "0014")
    url = sa.make_url(server.urls[SUPERUSER]).set(database=engine.url.database)
    admin = sa.create_engine(url, poolclass=sa.NullPool)
    with admin.begin() as connection:
        connection.execute(sa.text(_BEFORE_0015))
    command.upgrade(alembic(engine), "head")
    with admin.connect() as connection:

        def told(query: str) -> list[tuple[object, ...]]:
            return [tuple(row) for row in connection.execute(sa.text(query))]

        assert told("SELECT tenant_id, list_id, priority FROM price_lists ORDER BY 1") == [
            ("a", "default", 0), ("b", "default", 0)
        ]  # fmt: skip
        assert told("SELECT sku, list_id, amount_minor FROM prices") == [("A", "default", 1000)]
        assert told("SELECT method, name FROM shipping_methods") == [("next_day", "Next Day")]
        assert told("SELECT tax_included, discount_minor FROM order_lines ORDER BY sku") == [(True, 0), (False, 0)]
        assert told("SELECT shipping_tax_minor FROM orders") == [(100,)]


def test_a_migration_that_fails_leaves_nothing_behind(make_database: MakeDatabase) -> None:
    engine = make_database("half_way")
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE FUNCTION current_tenant() RETURNS text LANGUAGE sql RETURN 'mine'"))
    with pytest.raises(sa.exc.ProgrammingError, match="already exists"):
        command.upgrade(alembic(engine), "head")
    assert shape(engine, _COLUMNS) == set()


def test_the_application_may_do_what_it_must_and_no_more(server: Server) -> None:
    granted = server.rows(
        "SELECT table_name, string_agg(privilege_type, ' ' ORDER BY privilege_type)"
        " FROM information_schema.role_table_grants WHERE grantee = 'milepost_app' GROUP BY table_name",
        role=OWNER,
    )
    everything, append, read = "DELETE INSERT SELECT UPDATE", "INSERT SELECT", "SELECT"
    rights = dict.fromkeys(Base.metadata.tables, everything)
    history = (
        "events",
        "stock_movements",
        "stock_adjustments",
        "tracking_events",
        "order_cancellations",
        "return_steps",
    )
    rights |= dict.fromkeys((*history, "ledger_postings", "ledger_entries", "api_keys", "audit_log"), append)
    rights |= dict.fromkeys(("tenants", "staff_issuers", "legal_moves", "alembic_version"), read)
    rights |= dict.fromkeys(VIEW_NAMES, read)
    assert dict(tuple(row) for row in granted) == rights
