"""The `milepost` command: the embedded stack, the demo, migrations, a seeded shop, the audit."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gateways.temporal import connect
from settings import OwnerSettings, SeedSettings, get_settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
console = Console()


@app.command()
def migrate() -> None:
    """Bring the database up to date, as its owner (DATABASE_OWNER_URL)."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "models:migrations")
    command.upgrade(config, "head")
    console.print("The database is up to date.")


@app.command()
def seed() -> None:
    """Make the demo shop, once, and show an API key for it (MILEPOST_SEED_API_KEY, or a new one)."""
    from models.demo import TENANT
    from models.demo import seed as make

    given = SeedSettings().api_key
    key = make(OwnerSettings().database_owner_url.get_secret_value(), given.get_secret_value() if given else None)
    console.print(f"Tenant {TENANT} is there. API key: {key}")


@app.command()
def up(
    data: Annotated[Path | None, typer.Option(help="Keep everything in this directory and use it again.")] = None,
) -> None:
    """Start everything on this machine and leave it running until Ctrl-C."""
    from sandbox.demo import run_up

    raise typer.Exit(run_up(data, console))


@app.command()
def demo(
    once: Annotated[bool, typer.Option(help="End by yourself: exit code 0 when all went well, else 1.")] = False,
) -> None:
    """One order from an HTTP request to the doorstep, one declined card, one expired reservation, the audit."""
    from sandbox.demo import run_demo

    raise typer.Exit(run_demo(console, once=once))


@app.command()
def audit(
    tenant: Annotated[str, typer.Option(help="Whose books.")] = "demo",
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
) -> None:
    """Check the promise against the database, Stripe and Temporal. Exit code 1 when something must not be."""
    from activities.audit import Finding, audit_tenant

    async def run() -> list[Finding]:
        return await audit_tenant(get_settings(), tenant, await connect(lazy=True))

    findings = asyncio.run(run())
    if as_json:
        console.print_json(json.dumps([{"check": f.check, "subject": f.subject, "detail": f.detail} for f in findings]))
    else:
        table = Table("check", "subject", "what is wrong")
        for finding in findings:
            table.add_row(finding.check, finding.subject, finding.detail)
        console.print(table if findings else "[green]The audit is clean.[/green]")
    raise typer.Exit(1 if findings else 0)


@app.command()
def reconcile() -> None:
    """Compare Stripe's books with ours now, instead of at the next hour. Exit code 1 when something disagrees."""
    from workflows.schedules import reconcile_now

    async def run() -> dict[str, int]:
        client = await connect()
        return await reconcile_now(client, get_settings().task_queue)

    found = asyncio.run(run())
    for tenant, count in found.items():
        console.print(f"{tenant}: {count} disagreements" if count else f"{tenant}: the books agree")
    raise typer.Exit(1 if any(found.values()) else 0)


@app.command()
def drifts(tenant: Annotated[str, typer.Option(help="Whose books.")] = "demo") -> None:
    """What disagrees between Stripe's books and ours at present."""
    from activities.audit import drifts_of

    table = Table("since", "rule", "subject", "expected", "found")
    rows = asyncio.run(drifts_of(get_settings(), tenant))
    for row in rows:
        table.add_row(f"{row.first_seen_at:%Y-%m-%d %H:%M}", row.rule, row.subject, row.expected, row.found)
    console.print(table if rows else "[green]The books agree.[/green]")
    raise typer.Exit(1 if rows else 0)


if __name__ == "__main__":
    app()
