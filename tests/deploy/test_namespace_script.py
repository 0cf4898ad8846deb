"""`deploy/temporal/namespace.sh` with the real `temporal` command, against the real development server."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.ports import HOST, choose, is_free
from sandbox.temporal import SEARCH_ATTRIBUTES, binary

pytestmark = pytest.mark.stack

STARTS = 3
SCRIPT = Path(__file__).resolve().parents[2] / "deploy/temporal/namespace.sh"


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """What the script reads, for a server that knows no search attribute of ours."""
    server, port = listening_server()
    yield {
        "PATH": f"{binary().parent}:{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/"),
        "TEMPORAL_ADDRESS": f"{HOST}:{port}",
        "TEMPORAL_NAMESPACE": "shop",
        "TEMPORAL_RETENTION": "30d",
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }
    server.terminate()
    server.wait()


def listening_server() -> tuple[subprocess.Popen[bytes], int]:
    """A server that listens, if it is not healthy yet, and its port. It ends at once where a port that it chose for
    itself was taken in that moment; then another is begun."""
    for _ in range(STARTS):
        ports = choose(("temporal", "http", "metrics"), prefer_friendly=False)
        command = (
            str(binary()), "server", "start-dev", "--headless", "--ip", HOST, "--port", str(ports["temporal"]),
            "--http-port", str(ports["http"]), "--metrics-port", str(ports["metrics"]),
        )  # fmt: skip
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while server.poll() is None:
            if not is_free(ports["temporal"]):
                return server, ports["temporal"]
            time.sleep(0.1)
    raise AssertionError(f"it ended at its start, {STARTS} times")


def run(environment: dict[str, str], *command: str | Path) -> subprocess.CompletedProcess[str]:
    """The command's end, or a failure after a minute."""
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_the_namespace_and_its_search_attributes_are_made_once(environment: dict[str, str]) -> None:
    """The script waits for the server, makes what is missing, and changes nothing when it runs again."""
    for _ in range(2):
        made = run(environment, "sh", SCRIPT)
        assert made.returncode == 0, made.stderr
    listed = run(environment, "temporal", "operator", "search-attribute", "list", "--namespace", "shop").stdout
    rows = {tuple(line.split()) for line in listed.splitlines()}
    assert set(SEARCH_ATTRIBUTES.items()) <= rows
    described = run(environment, "temporal", "operator", "namespace", "describe", "--namespace", "shop").stdout
    assert "720h0m0s" in described


def test_an_attribute_of_another_type_is_an_error(environment: dict[str, str], tmp_path: Path) -> None:
    """Temporal cannot change a type; going on would make every later upsert fail."""
    other = tmp_path / "namespace.sh"
    other.write_text(SCRIPT.read_text().replace("TotalMinor Int", "TotalMinor Keyword").replace("sleep 2", "sleep 0"))
    assert run(environment, "sh", SCRIPT).returncode == 0
    refused = run(environment, "sh", other)
    assert refused.returncode == 1
    assert "different type" in refused.stderr
