"""What an embedded stack consists of: its addresses, the environment of its processes, and their commands."""

import base64
import hashlib
import json
import os
import re
import shlex
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateways.stripe.events import LISTENED_TO
from sandbox import postgres, temporal
from sandbox.data import DataDirectory
from sandbox.ports import HOST
from sandbox.processes import Spec, answers

ALL = frozenset({"postgres", "temporal", "stripe", "carrier", "mail", "api", "worker"})
CODEC = "codec"
"""Opens payloads for the Temporal UI; for people who look at it, so no test starts it unless it is about that."""
TENANT = "demo"

# The caller's own accounts and databases must not leak into a sandbox, nor the other way round.
FOREIGN = re.compile(r"(TEMPORAL|STRIPE|CARRIER|DATABASE|MILEPOST|SMTP|MAIL)_|PG[A-Z]+$")

GRACE = 5
"""Seconds the API and the worker get to end their work; a laptop's Ctrl-C should not take longer."""


@dataclass(frozen=True)
class StackOptions:
    """What to start and where. Raises `ValueError` for a process that does not exist."""

    data: Path | None = None
    """Kept and re-usable; `None` for a temporary directory that is removed at the end."""
    api_processes: int = 1
    worker_processes: int = 1
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further variables of the API, the workers, the set-up commands and the stand-ins; they win."""
    worker_env: tuple[Mapping[str, str], ...] = ()
    """Further variables of the first worker, the second, and so on; they win over all."""
    prefer_ports: bool = False
    """Try the ports people expect (`sandbox.ports.FRIENDLY`) before free ones."""
    setup: tuple[str, ...] = ("migrate", "seed")
    """`milepost` commands, with arguments if need be, run in order once the database answers."""
    processes: frozenset[str] = ALL
    """The kinds to start. The others have addresses all the same, where a test may serve its own."""

    def __post_init__(self) -> None:
        if unknown := self.processes - ALL - {CODEC}:
            raise ValueError(f"unknown processes {sorted(unknown)}; there are {sorted(ALL | {CODEC})}")
        if self.api_processes < 1 or self.worker_processes < 1:
            raise ValueError("leave a kind out of `processes` to start none of it")
        if len(self.worker_env) > self.worker_processes:
            raise ValueError(f"variables of {len(self.worker_env)} workers, and {self.worker_processes} of them")

    def names(self, kind: str) -> tuple[str, ...]:
        """The processes of a kind: `api-1`, `api-2`, …, or the kind itself where there is only ever one."""
        counts = {"api": self.api_processes, "worker": self.worker_processes}
        return tuple(f"{kind}-{n + 1}" for n in range(counts[kind])) if kind in counts else (kind,)

    def port_names(self) -> tuple[str, ...]:
        """Everything that needs a port."""
        single = (
            "postgres",
            "temporal",
            "temporal-ui",
            "temporal-http",
            "temporal-metrics",
            "stripe",
            "carrier",
            "mail",
            "smtp",
            CODEC,
        )
        return (*self.names("api"), *self.names("worker"), *single)


@dataclass(frozen=True)
class Links:
    """Where everything is and what opens it. Addresses carry no slash at the end."""

    api: str
    api_urls: tuple[str, ...]
    worker_urls: tuple[str, ...]
    """The workers' health servers."""
    temporal_ui: str
    temporal_address: str
    temporal_http: str
    temporal_metrics: str
    stripe: str
    carrier: str
    mail: str
    """The page of e-mails."""
    smtp_port: int
    codec: str
    """What the Temporal UI asks to open payloads, where `codec` is among the processes."""
    logs: Path
    data: Path
    database_url: str = field(repr=False)
    database_owner_url: str = field(repr=False)
    database_admin_url: str = field(repr=False)
    """The superuser's, for a test that makes a database of its own; no process of the stack gets it."""
    stripe_api_key: str = field(repr=False)
    stripe_webhook_secret: str = field(repr=False)
    carrier_api_key: str = field(repr=False)
    carrier_webhook_secret: str = field(repr=False)
    api_key: str = field(repr=False)
    """Of the demo tenant, if `milepost seed` made it; the same each time a data directory is used."""
    payload_keys: str = field(repr=False)
    """As `MILEPOST_PAYLOAD_KEYS`: what Temporal keeps here is encrypted, as it should be anywhere."""


def links(options: StackOptions, data: DataDirectory, ports: Mapping[str, int]) -> Links:
    """The addresses that follow from the ports and the secrets."""
    urls = {name: f"http://{HOST}:{port}" for name, port in ports.items()}
    keys, port = data.secrets, ports["postgres"]
    return Links(
        api=urls["api-1"],
        api_urls=tuple(urls[name] for name in options.names("api")),
        worker_urls=tuple(urls[name] for name in options.names("worker")),
        temporal_ui=urls["temporal-ui"],
        temporal_address=f"{HOST}:{ports['temporal']}",
        temporal_http=urls["temporal-http"],
        temporal_metrics=urls["temporal-metrics"] + "/metrics",
        stripe=urls["stripe"],
        carrier=urls["carrier"],
        mail=urls["mail"],
        smtp_port=ports["smtp"],
        codec=urls[CODEC] + "/codec",
        logs=data.logs,
        data=data.path,
        database_url=postgres.address(postgres.APP, keys.app, port),
        database_owner_url=postgres.address(postgres.OWNER, keys.owner, port),
        database_admin_url=postgres.address("postgres", keys.postgres, port),
        stripe_api_key=keys.stripe_api_key,
        stripe_webhook_secret=keys.stripe_webhook_secret,
        carrier_api_key=keys.carrier_api_key,
        carrier_webhook_secret=keys.carrier_webhook_secret,
        api_key=keys.api_key,
        payload_keys="sandbox:" + base64.b64encode(hashlib.sha256(keys.payload_key.encode()).digest()).decode(),
    )


def outside_environment() -> dict[str, str]:
    """The caller's environment without what would lead a process out of the sandbox."""
    kept = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
    unproxied = ",".join(filter(None, (kept.get("NO_PROXY") or kept.get("no_proxy"), HOST, "localhost")))
    return kept | {
        "NO_PROXY": unproxied,
        "no_proxy": unproxied,
        "PYTHONUNBUFFERED": "1",
        # Temporal's own file of profiles would add the caller's cloud account.
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }


def environment(options: StackOptions, links: Links) -> dict[str, str]:
    """What the API and the workers see; the names are those of `settings.py`."""
    return {
        **outside_environment(),
        "DATABASE_URL": links.database_url,
        "STRIPE_API_KEY": links.stripe_api_key,
        "STRIPE_API_BASE": links.stripe,
        "STRIPE_WEBHOOK_SECRETS": links.stripe_webhook_secret,
        "CARRIER_API_BASE": links.carrier,
        "CARRIER_API_KEY": links.carrier_api_key,
        "CARRIER_WEBHOOK_SECRETS": links.carrier_webhook_secret,
        "CARRIER_ACCOUNTS": _accounts(links),
        "SMTP_HOST": HOST,
        "SMTP_PORT": str(links.smtp_port),
        "SMTP_SECURITY": "none",
        "SMTP_TIMEOUT": "2",
        "TEMPORAL_ADDRESS": links.temporal_address,
        "TEMPORAL_NAMESPACE": temporal.NAMESPACE,
        "MILEPOST_APP_ROLE": postgres.APP,
        "MILEPOST_PUBLIC_URL": links.api,
        "MILEPOST_TEMPORAL_UI_URL": links.temporal_ui,
        "MILEPOST_GRACEFUL_SHUTDOWN": str(GRACE),
        "MILEPOST_PAYLOAD_KEYS": links.payload_keys,
        **options.env,
    }


def _accounts(links: Links) -> str:
    """The carrier stand-in's other faces, and one who only tells where parcels are."""
    own = {"api_key": links.carrier_api_key, "webhook_secrets": [links.carrier_webhook_secret]}
    faces = {"easypost": "/easypost/v2", "shippo": "/shippo", "aftership": ""}
    return json.dumps(
        [{"name": name, "kind": name, "api_base": links.carrier + path, **own} for name, path in faces.items()]
    )


def owner_environment(options: StackOptions, links: Links) -> dict[str, str]:
    """What the set-up commands see: the owner's address and the key to seed as well."""
    return {
        "DATABASE_OWNER_URL": links.database_owner_url,
        "MILEPOST_SEED_API_KEY": links.api_key,
        **environment(options, links),
    }


def command(options: StackOptions, links: Links, line: str) -> Spec:
    """A `milepost` command that runs to its end."""
    name, *arguments = shlex.split(line)
    return Spec(
        name=name,
        argv=(sys.executable, "-m", "cli", name, *arguments),
        env=owner_environment(options, links),
        log=links.logs / f"{name}.log",
    )


def initdb(data: DataDirectory, cluster: postgres.Cluster) -> Spec:
    """Makes the database cluster; runs to its end."""
    return Spec(
        name="initdb", argv=cluster.initdb(data.secrets), env=_server_environment(),
        log=data.logs / "initdb.log", user=cluster.user, cwd=Path("/"),
    )  # fmt: skip


def servers(
    options: StackOptions,
    data: DataDirectory,
    links: Links,
    ports: Mapping[str, int],
    cluster: postgres.Cluster,
) -> dict[str, Spec]:
    """Every process that stays, by its name."""
    ours = environment(options, links)
    own = dict(zip(options.names("worker"), options.worker_env, strict=False))
    everything = (
        Spec(
            name="postgres", argv=cluster.server(ports["postgres"]), env=_server_environment(),
            log=data.logs / "postgres.log", ready=lambda: postgres.answers(ports["postgres"], data.secrets),
            port=ports["postgres"], stop=postgres.STOP, user=cluster.user, cwd=Path("/"),
            before=cluster.prepare,
        ),
        Spec(
            name="temporal",
            argv=temporal.server(
                data.path / "temporal.db", port=ports["temporal"], ui_port=ports["temporal-ui"],
                http_port=ports["temporal-http"], metrics_port=ports["temporal-metrics"],
                codec=links.codec if CODEC in options.processes else None,
            ),
            env=outside_environment(), log=data.logs / "temporal.log",
            ready=lambda: temporal.is_ready(ports["temporal-http"]), port=ports["temporal"],
        ),
        _stand_in(
            data, "stripe", ports["stripe"], ours, "--public-url", links.stripe,
            "--webhook-url", f"{links.api}/webhooks/stripe/{TENANT}", "--webhook-events", ",".join(LISTENED_TO),
            key=links.stripe_api_key, secret=links.stripe_webhook_secret,
        ),
        _stand_in(
            data, "carrier", ports["carrier"], ours,
            "--webhook-url", f"{links.api}/webhooks/carriers/sandbox/{TENANT}",
            key=links.carrier_api_key, secret=links.carrier_webhook_secret,
        ),
        Spec(
            name="mail",
            argv=(
                sys.executable, "-m", "sandbox.mail", "--port", str(ports["mail"]), "--smtp-port", str(ports["smtp"]),
            ),
            env=ours, log=data.logs / "mail.log", port=ports["mail"],
            ready=lambda: answers(f"http://{HOST}:{ports['mail']}/healthz") is not None,
        ),
        Spec(
            name=CODEC,
            argv=(
                sys.executable, "-m", "sandbox.codec", "--port", str(ports[CODEC]), "--api", links.api,
                "--api-key", owner_environment(options, links)["MILEPOST_SEED_API_KEY"],
                "--origin", links.temporal_ui,
            ),
            env=outside_environment(), log=data.logs / "codec.log", port=ports[CODEC],
            ready=lambda: answers(f"http://{HOST}:{ports[CODEC]}/healthz") is not None,
        ),
        *(_api(data, name, ports[name], ours) for name in options.names("api")),
        *(_worker(data, name, ports[name], {**ours, **own.get(name, {})}) for name in options.names("worker")),
    )  # fmt: skip
    wanted = {name for kind in options.processes for name in options.names(kind)}
    return {spec.name: spec for spec in everything if spec.name in wanted}


def _stand_in(
    data: DataDirectory, name: str, port: int, env: Mapping[str, str], *arguments: str, key: str, secret: str
) -> Spec:
    return Spec(
        name=name,
        argv=(
            sys.executable, "-m", f"sandbox.{name}", "--port", str(port), "--api-key", key,
            "--webhook-secret", secret, "--state", str(data.path / f"{name}.db"), *arguments,
        ),
        env=env, log=data.logs / f"{name}.log", port=port,
        ready=lambda: answers(f"http://{HOST}:{port}/healthz") is not None,
    )  # fmt: skip


def _api(data: DataDirectory, name: str, port: int, env: Mapping[str, str]) -> Spec:
    return Spec(
        name=name,
        argv=(
            sys.executable, "-m", "uvicorn", "api.app:app", "--host", HOST, "--port", str(port),
            "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--no-server-header",
            "--timeout-graceful-shutdown", str(GRACE),
        ),
        env=env, log=data.logs / f"{name}.log", port=port, stop=((signal.SIGTERM, GRACE + 3.0),),
        ready=lambda: answers(f"http://{HOST}:{port}/readyz") is not None,
    )  # fmt: skip


def _worker(data: DataDirectory, name: str, port: int, env: Mapping[str, str]) -> Spec:
    grace = float(env["MILEPOST_GRACEFUL_SHUTDOWN"])
    return Spec(
        name=name, argv=(sys.executable, "worker.py"),
        env={**env, "MILEPOST_WORKER_HEALTH_PORT": str(port)},
        log=data.logs / f"{name}.log", port=port, stop=((signal.SIGTERM, grace + 3.0),),
        ready=lambda: answers(f"http://{HOST}:{port}/readyz") is not None,
    )  # fmt: skip


def _server_environment() -> dict[str, str]:
    # macOS's PostgreSQL refuses to start without a valid locale.
    return outside_environment() | {"LC_ALL": "C"}
