"""The embedded stack's servers answer, obey and forget nothing when they are killed."""

import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from sandbox.stack import ProcessDied, Stack, StackOptions
from sandbox.temporal import SEARCH_ATTRIBUTES

pytestmark = pytest.mark.stack

SERVERS = frozenset({"postgres", "temporal"})


@pytest.fixture
def data() -> Iterator[Path]:
    """Not `tmp_path`: every pytest session closes its parent to other users, such as PostgreSQL's."""
    with tempfile.TemporaryDirectory(prefix="milepost-test-", ignore_cleanup_errors=True) as path:
        yield Path(path)


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to the address, which is written for SQLAlchemy."""
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True, connect_timeout=3)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    outside = {
        "TEMPORAL_API_KEY": "caller's",
        "STRIPE_API_KEY": "sk_live_caller",
        "DATABASE_URL": "postgresql://caller",
        "DATABASE_OWNER_URL": "postgresql://caller",
        "MILEPOST_LOG_LEVEL": "caller's",
        "PGOPTIONS": "-c nonsense=1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in outside.items():
            patch.setenv(name, value)
        options = StackOptions(setup=(), processes=SERVERS, env={"MILEPOST_RESERVATION_TTL": "60"})
        with Stack(options) as made:
            patch.undo()
            yield made
            made.check()


@pytest.mark.parametrize("role", ["database_url", "database_owner_url"])
def test_both_roles_answer_and_neither_passes_row_level_security(stack: Stack, role: str) -> None:
    with connect(getattr(stack.links, role)) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == (False, False, False, False)
        owner = connection.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        ).fetchone()
        assert owner == ("milepost_owner",)


def test_only_the_owner_makes_tables(stack: Stack) -> None:
    with connect(stack.links.database_owner_url) as connection:
        connection.execute("CREATE TABLE mine (id int); DROP TABLE mine")
    with connect(stack.links.database_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE TABLE mine (id int)")


def test_a_wrong_password_is_refused(stack: Stack) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(stack.links.database_url.replace("milepost_app:", "milepost_app:x"))


def test_postgres_is_durable_and_sorts_alike_everywhere(stack: Stack) -> None:
    with connect(stack.links.database_url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW max_connections").fetchone() == ("200",)
        locale = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = current_database()"
        assert connection.execute(locale).fetchone() == ("b", "C.UTF-8")


async def test_temporal_answers_and_has_the_search_attributes(stack: Stack) -> None:
    client = await Client.connect(stack.links.temporal_address)
    known = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="default"))
    names = {name: IndexedValueType.Name(kind) for name, kind in known.custom_attributes.items()}
    assert {name: kind.upper() for name, kind in SEARCH_ATTRIBUTES.items()} == {
        name: kind.removeprefix("INDEXED_VALUE_TYPE_").replace("_", "") for name, kind in names.items()
    }
    pair: SearchAttributePair[str] = SearchAttributePair(SearchAttributeKey.for_keyword("Tenant"), "demo")
    handle = await client.start_workflow(
        "Nobody", id="found", task_queue="none", search_attributes=TypedSearchAttributes([pair])
    )
    assert (await handle.describe()).typed_search_attributes.get(pair.key) == "demo"
    await handle.terminate()


def test_the_environment_is_the_stacks_and_not_the_callers(stack: Stack) -> None:
    seen = stack.environment()
    assert seen["DATABASE_URL"] == stack.links.database_url
    assert seen["STRIPE_API_KEY"].startswith("sk_test_")
    assert seen["MILEPOST_RESERVATION_TTL"] == "60"
    assert not {"DATABASE_OWNER_URL", "TEMPORAL_API_KEY", "PGOPTIONS", "MILEPOST_LOG_LEVEL"} & set(seen)
    assert stack.owner_environment()["DATABASE_OWNER_URL"] == stack.links.database_owner_url
    assert seen["DATABASE_URL"] not in repr(stack.links)
    assert (stack.links.data / "secrets.json").stat().st_mode & 0o077 == 0


def test_postgres_killed_comes_back_with_its_rows(stack: Stack) -> None:
    with connect(stack.links.database_owner_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    before = stack.pid("postgres")
    stack.kill("postgres")
    stack.check()
    assert stack.pid("postgres") is None
    with pytest.raises(psycopg.OperationalError):
        connect(stack.links.database_url)
    stack.start("postgres")
    assert stack.pid("postgres") not in {None, before}
    with connect(stack.links.database_owner_url) as connection:
        assert connection.execute("TABLE kept").fetchone() == (7,)


async def test_temporal_killed_comes_back_with_its_workflows(stack: Stack) -> None:
    client = await Client.connect(stack.links.temporal_address)
    await client.start_workflow("Nobody", id="survivor", task_queue="none")
    stack.kill("temporal")
    stack.start("temporal")
    history = await client.get_workflow_handle("survivor").fetch_history()
    assert history.events[0].event_type
    stack.check()


def test_a_frozen_server_lives_and_does_not_answer(stack: Stack) -> None:
    stack.freeze("postgres")
    try:
        assert psutil.Process(stack.pid("postgres")).status() == psutil.STATUS_STOPPED
        stack.check()
        with pytest.raises(psycopg.OperationalError, match="timeout"):
            psycopg.connect(stack.links.database_url.replace("+psycopg", ""), connect_timeout=2)
    finally:
        stack.thaw("postgres")
    with connect(stack.links.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_crash_is_named_by_check_and_by_leaving() -> None:
    def crash() -> None:
        with Stack(StackOptions(setup=(), processes=frozenset({"temporal"}))) as one:
            psutil.Process(one.pid("temporal")).kill()
            while one.pid("temporal") is not None:
                time.sleep(0.02)
            with pytest.raises(ProcessDied, match="temporal died"):
                one.check()

    with pytest.raises(ProcessDied) as seen:
        crash()
    died = seen.value
    assert died.name == "temporal"
    assert died.exit_code == -signal.SIGKILL
    assert died.log.exists()  # a temporary directory is kept for whoever looks into it
    _remove(died.log.parent.parent)


def test_a_set_up_command_that_fails_brings_everything_down(data: Path) -> None:
    options = StackOptions(data=data, setup=("no-such-command",), processes=SERVERS)
    with pytest.raises(ProcessDied, match=r"no-such-command died with exit code \d"), Stack(options):
        pass
    assert not [each for each in psutil.process_iter(["cmdline"]) if str(data) in str(each.info["cmdline"])]


def test_a_process_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown processes \\['kafka'\\]"):
        StackOptions(processes=frozenset({"kafka"}))


def _remove(path: Path) -> None:
    import shutil

    assert path.name.startswith("milepost-")
    shutil.rmtree(path)
