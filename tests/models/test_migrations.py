"""Migrations make, of an empty database, exactly what the models describe, and say so again when run twice."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from models.base import Base
from tests.models.kit import OWNER, SUPERUSER, Server

_COLUMNS = """
    SELECT c.table_name, c.column_name, c.data_type, c.character_maximum_length, c.is_nullable, c.column_default,
      c.is_identity
    FROM information_schema.columns c WHERE c.table_schema = 'public'"""
_CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype NOT IN ('n', 't')"""
_INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"

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
    history = ("events", "stock_movements", "tracking_events", "ledger_postings", "ledger_entries")
    rights |= dict.fromkeys(history, append)
    rights |= dict.fromkeys(("tenants", "api_keys", "legal_moves", "alembic_version"), read)
    assert dict(tuple(row) for row in granted) == rights
