"""The compose files against the Compose Specification's own JSON schema, which check-jsonschema carries."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = ("docker-compose.yml", "deploy/compose.external.yml")


def check(file: Path) -> subprocess.CompletedProcess[str]:
    """The validator's verdict on one file: 0 is valid."""
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("file", FILES)
def test_compose_takes_the_file(file: str) -> None:
    """Every key is Compose's and has a value of its type."""
    verdict = check(ROOT / file)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("healthcheck:", "healthchek:"),
        ("condition: service_healthy", "condition: healthy"),
        ("read_only: true", "read_only: [true]"),
    ],
)
def test_a_slip_is_found(right: str, wrong: str, tmp_path: Path) -> None:
    """The validator does look: a misspelt key, an unknown condition, a value of another type."""
    text = (ROOT / FILES[0]).read_text()
    assert right in text
    slip = tmp_path / "docker-compose.yml"
    slip.write_text(text.replace(right, wrong, 1))
    verdict = check(slip)
    assert verdict.returncode == 1
    assert "Schema validation errors" in verdict.stdout
