"""A data directory: used again it still has everything, and only one stack has it at a time."""

import os
import socket
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from temporalio.client import Client

from sandbox import ports
from sandbox.data import DataDirectory
from sandbox.stack import DataInUse, Stack, StackOptions
from tests.sandbox.test_stack import SERVERS, connect

pytestmark = pytest.mark.stack


@pytest.fixture
def data() -> Iterator[Path]:
    """Not `tmp_path`: every pytest session closes its parent to other users, such as PostgreSQL's."""
    with tempfile.TemporaryDirectory(prefix="milepost-test-", ignore_cleanup_errors=True) as path:
        yield Path(path)


async def test_a_second_start_finds_rows_workflows_and_secrets(data: Path) -> None:
    options = StackOptions(data=data / "a b" / "data", setup=(), processes=SERVERS)
    with Stack(options) as first:
        with connect(first.links.database_owner_url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        client = await Client.connect(first.links.temporal_address)
        await client.start_workflow("Nobody", id="kept", task_queue="none")
        with (
            pytest.raises(DataInUse, match=rf"in use by the stack of process {os.getpid()};"),
            Stack(options),
        ):
            pass
        first.check()

        with Stack(StackOptions(setup=(), processes=SERVERS, prefer_ports=True)) as beside:
            assert beside.links.database_url != first.links.database_url
            temporary = beside.links.data
            with connect(beside.links.database_url) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        assert not temporary.exists()

    with Stack(options) as second:
        assert second.links.stripe_api_key == first.links.stripe_api_key
        with connect(second.links.database_owner_url) as connection:
            assert connection.execute("TABLE kept").fetchone() == (7,)
        client = await Client.connect(second.links.temporal_address)
        history = await client.get_workflow_handle("kept").fetch_history()
        assert len(history.events) >= 1
        assert (second.links.logs / "postgres.log.previous").exists()


def test_a_half_made_cluster_is_made_anew(data: Path) -> None:
    (data / "postgres.new").mkdir()
    (data / "postgres.new" / "half").write_text("")
    (data / "postgres.password").write_text("of a killed start")
    with Stack(StackOptions(data=data, setup=(), processes=frozenset({"postgres"}))) as stack:
        with connect(stack.links.database_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert not (data / "postgres.password").exists()


def test_a_port_taken_at_the_last_moment_costs_a_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as quicker:
        taken = quicker.getsockname()[1]
        tries: list[dict[str, int]] = []

        def choose(names: Iterable[str], *, prefer_friendly: bool) -> dict[str, int]:
            chosen = ports.choose(names, prefer_friendly=prefer_friendly)
            tries.append(chosen if tries else chosen | {"postgres": taken})
            return tries[-1]

        monkeypatch.setattr("sandbox.stack.ports", SimpleNamespace(choose=choose))
        with Stack(StackOptions(setup=(), processes=frozenset({"postgres"}))) as stack:
            assert len(tries) == 2
            assert f":{taken}/" not in stack.links.database_url
            with connect(stack.links.database_url) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_lock_is_free_again_after_a_failed_start(data: Path) -> None:
    (data / "secrets.json").write_text("no json")
    with pytest.raises(ValueError, match="Expecting value"):
        DataDirectory(data)
    (data / "secrets.json").unlink()
    DataDirectory(data).close()
