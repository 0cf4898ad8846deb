"""The rooms: names resolve to our files, imports keep to the contracts, files say what they are for, and lint bites."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from importlinter import api as linter
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from api.app import create_app
from domain.access import SCOPES

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("activities", "api", "domain", "gateways", "models", "sandbox", "workflows")
MODULES = ("cli", "settings", "worker")
PRODUCTION = (*(name for name in PACKAGES if name != "sandbox"), *MODULES)
REGISTRIES = ("pypi" + ".org", "files.pythonhosted" + ".org", "registry.npmjs" + ".org", "proxy.golang" + ".org")


@cache
def tracked() -> tuple[Path, ...]:
    """The files git knows; without git, those there are."""
    command = ("git", "ls-files", "-z")
    found = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if found.returncode != 0:
        return tuple(file for room in (*PACKAGES, "tests") for file in (ROOT / room).rglob("*.py"))
    names = (name for name in found.stdout.decode().split("\0") if name)
    return tuple(file for name in names if (file := ROOT / name).is_file())


def python_files(*rooms: str) -> list[Path]:
    """Those of some rooms, or all."""
    files = [file for file in tracked() if file.suffix == ".py"]
    return [file for file in files if not rooms or file.relative_to(ROOT).parts[0].removesuffix(".py") in rooms]


def imports(tree: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    """Every module imported anywhere in it, by the first part of its name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0], node


def ruff(code: str, place: str) -> str:
    """What the linter says of a text as if it were that file."""
    command = (sys.executable, "-m", "ruff", "check", "--output-format", "concise", "--stdin-filename", place, "-")
    return subprocess.run(command, cwd=ROOT, input=code, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("name", [*PACKAGES, *MODULES])
def test_a_top_level_name_is_our_file(name: str) -> None:
    """Names as plain as these could be another package's as well."""
    file = importlib.import_module(name).__file__
    assert file is not None
    assert Path(file) == (ROOT / name / "__init__.py" if name in PACKAGES else ROOT / f"{name}.py")


def test_the_contracts_of_the_rooms_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    options = linter.read_configuration()
    assert len(options["contracts_options"]) >= 7
    assert lint_imports() == EXIT_STATUS_SUCCESS, capsys.readouterr().out


@pytest.mark.parametrize("name", PRODUCTION)
def test_production_does_not_import_the_stand_ins(name: str) -> None:
    """But the command line, which can start them: inside a function, so that a server without them runs it too."""
    files = python_files(name)
    assert files
    for file in files:
        tree = ast.parse(file.read_text())
        inside = {
            id(node)
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
            for node in ast.walk(function)
        }
        found = [node for module, node in imports(tree) if module in ("sandbox", "tests", "benchmarks")]
        allowed = name == "cli" and all(id(node) in inside for node in found)
        assert allowed or not found, f"{file} imports the sandbox in line {found[0].lineno}"


def test_every_python_file_says_what_it_is_for() -> None:
    silent = [file for file in python_files() if not (ast.get_docstring(ast.parse(file.read_text())) or "").strip()]
    assert not silent
    assert len(python_files()) > 100


def test_every_room_of_the_tests_is_a_package() -> None:
    """Else `tests/api` would stand before `api`."""
    places = {file.parent for file in python_files("tests")}
    assert not [place for place in places if not (place / "__init__.py").exists()]


def test_no_file_names_a_package_registry() -> None:
    """Where packages come from is the installing machine's choice."""
    for file in tracked():
        content = file.read_bytes().lower()
        assert not [host for host in REGISTRIES if host.encode() in content], file


@pytest.mark.parametrize("room", ["domain", "workflows"])
@pytest.mark.parametrize(
    "code",
    [
        "import time\n",
        "import random\n",
        "from time import monotonic\n",
        "from random import choice\n",
        "from datetime import datetime, UTC\n\nx = datetime.now(UTC)\n",
        "import datetime\n\nx = datetime.datetime.now(datetime.UTC)\n",
        "from datetime import datetime\n\nx = datetime.utcnow()\n",
        "from datetime import date\n\nx = date.today()\n",
        "import uuid\n\nx = uuid.uuid4()\n",
        "from uuid import uuid1\n",
        "import secrets\n",
        "import os\n\nx = os.environ\n",
        "from os import environ\n",
        "import os\n\nx = os.urandom(4)\n",
        "import os\n\nx = os.getenv('A')\n",
    ],
)
def test_clock_and_chance_are_refused(room: str, code: str) -> None:
    assert "TID251" in ruff(f'"""A file."""\n\n{code}', f"{room}/planted.py")


def test_and_nowhere_is_an_exception_made() -> None:
    for file in python_files("domain", "workflows"):
        assert "TID251" not in file.read_text()
        assert "TID251" not in ruff(file.read_text(), str(file.relative_to(ROOT)))


def test_lint_lets_a_good_file_pass() -> None:
    assert ruff('"""A file."""\n\nfrom datetime import timedelta\n\nx = timedelta(1)\n', "domain/planted.py") == (
        "All checks passed!\n"
    )


NOBODYS = {"/webhooks/stripe/{tenant}", "/webhooks/carriers/{carrier}/{tenant}", "/livez", "/readyz", "/oauth/token"}
"""Routes without an API key: webhooks are signed by their sender, probes say nothing, a client brings its own."""


def test_every_route_says_what_its_caller_must_be_allowed_to() -> None:
    """`tenant: Annotated[str, needs("orders:read")]`, from api/resources.py; a new scope goes into domain/access.py."""
    undeclared = []
    for path, methods in create_app().openapi()["paths"].items():
        for method, operation in methods.items():
            declared = {scope for way in operation.get("security", []) for scope in way["api_key"]}
            if path not in NOBODYS and not (declared and declared <= SCOPES):
                undeclared.append(f"{method.upper()} {path}")
    assert undeclared == [], 'declare a scope: `tenant: Annotated[str, needs("orders:read")]`'
