"""The `milepost` command: the embedded stack, the demo, migrations, a seeded shop, the audit, keys."""

import asyncio
import getpass
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from domain.access import EVERYTHING, SCOPES, STOREFRONT, KeyKind
from domain.ids import checkout_workflow, order_workflow, shipment_workflow
from domain.states import ShipmentState
from domain.support import CHECKOUT_ACTS, ORDER_ACTS, Act, OrderFacts, Resolution, act_of, parcel_act_of
from gateways.temporal import connect
from settings import OwnerSettings, SeedSettings, get_settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
keys = typer.Typer(no_args_is_help=True, help="API keys: make, list, rotate, revoke.")
staff = typer.Typer(no_args_is_help=True, help="Whose word is taken on who a tenant's staff are.")
app.add_typer(keys, name="keys")
app.add_typer(staff, name="staff")
order = typer.Typer(no_args_is_help=True, help="What support may do to an order; docs/support.md says when.")
app.add_typer(order, name="order")
checkout = typer.Typer(no_args_is_help=True, help="What support may do to a checkout.")
app.add_typer(checkout, name="checkout")
parcel = typer.Typer(no_args_is_help=True, help="What support may do to a parcel.")
app.add_typer(parcel, name="parcel")
console = Console()

TenantOption = Annotated[str, typer.Option(help="Whose keys.")]
ParcelArgument = Annotated[str, typer.Argument(help="The parcel's id, as `milepost order show` has it.")]
NumberArgument = Annotated[str, typer.Argument(help="The order's number.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it stands in the timeline, so no personal data.")]
ActorOption = Annotated[str | None, typer.Option(help="Who you are; else the operating system's user.")]
KeyOption = Annotated[str | None, typer.Option("--key", help="Names this one act: the same key is done once.")]
ShopOption = Annotated[str, typer.Option("--tenant", help="Whose order.")]


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
        settings = get_settings()
        return await audit_tenant(settings, tenant, await connect(settings, lazy=True))

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
        settings = get_settings()
        return await reconcile_now(await connect(settings), settings.task_queue)

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


@app.command()
def import_products(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON lines, or .csv.")],
    tenant: Annotated[str, typer.Option(help="Whose catalog.")] = "demo",
) -> None:
    """Make the catalog say what a file says, a result for each refused row. Exit code 1 when a row was refused."""
    from api.product_import import import_file

    counts = asyncio.run(import_file(get_settings(), tenant, file, console))
    console.print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    raise typer.Exit(1 if counts["refused"] else 0)


@keys.command("create")
def keys_create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help="What it may do; again for more. docs/access.md has them all.")],
    tenant: TenantOption = "demo",
    kind: Annotated[KeyKind, typer.Option(help="Who keeps it.")] = KeyKind.SECRET,
    days: Annotated[int | None, typer.Option(min=1, help="It ends by itself after so many.")] = None,
) -> None:
    """Make a key, and show it this once."""
    from activities.access import create_key

    unknown = set(scope) - SCOPES - {EVERYTHING}
    if unknown or (kind is KeyKind.PUBLISHABLE and not set(scope) <= STOREFRONT):
        there_are = ", ".join(sorted(STOREFRONT if kind is KeyKind.PUBLISHABLE else SCOPES))
        raise typer.BadParameter(f"the scopes of a {kind} key are {there_are}")
    lifetime = timedelta(days=days) if days else None
    made = asyncio.run(create_key(get_settings(), tenant, kind=kind, name=name, scopes=scope, lifetime=lifetime))
    console.print(f"{made.row.key_id}: {made.secret}", soft_wrap=True)


@keys.command("list")
def keys_list(tenant: TenantOption = "demo") -> None:
    """All keys of a tenant; those that are gone as well."""
    from activities.access import list_keys

    table = Table("id", "name", "key", "scopes", "ends", "last used")
    for row in asyncio.run(list_keys(get_settings(), tenant)):
        ends = "revoked" if row.revoked_at else f"{row.expires_at:%Y-%m-%d %H:%M}" if row.expires_at else ""
        used = f"{row.last_used_at:%Y-%m-%d %H:%M}" if row.last_used_at else "never"
        table.add_row(row.key_id, row.name, row.hint, " ".join(row.scopes), ends, used)
    console.print(table)


@keys.command("rotate")
def keys_rotate(
    key_id: str,
    tenant: TenantOption = "demo",
    overlap_hours: Annotated[int, typer.Option(min=0, max=720, help="The old one goes on for so long.")] = 24,
) -> None:
    """Make a key like it, and show it this once; the old one ends by itself."""
    from activities.access import NoSuchKey, rotate_key

    try:
        made = asyncio.run(rotate_key(get_settings(), tenant, key_id, timedelta(hours=overlap_hours)))
    except NoSuchKey:
        raise typer.BadParameter("there is no such living key") from None
    console.print(f"{made.row.key_id}: {made.secret}", soft_wrap=True)


@keys.command("revoke")
def keys_revoke(key_id: str, tenant: TenantOption = "demo") -> None:
    """End a key now."""
    from activities.access import NoSuchKey, revoke_key

    try:
        asyncio.run(revoke_key(get_settings(), tenant, key_id))
    except NoSuchKey:
        raise typer.BadParameter("there is no such key") from None
    console.print("It is revoked: within five seconds nobody is let in with it.")


@staff.command("trust")
def staff_trust(
    issuer: Annotated[str, typer.Argument(help="As `iss` says it: https://login.example.com/realms/shop")],
    audience: Annotated[str, typer.Option(help="As `aud` says it; of this tenant only.")],
    tenant: TenantOption = "demo",
    roles_claim: Annotated[str, typer.Option(help="Where the roles are; a dot leads inside.")] = "roles",
) -> None:
    """Take an OpenID Connect issuer's word on who the tenant's staff are, as the database's owner."""
    from models.staff import trust

    trust(OwnerSettings().database_owner_url.get_secret_value(), tenant, issuer.rstrip("/"), audience, roles_claim)
    console.print(f"{issuer} is believed about {tenant}'s staff. PUT /v1/access/roles/ROLE says what a role may do.")


@order.command("show")
def order_show(number: NumberArgument, tenant: ShopOption = "demo") -> None:
    """Where an order is, what may be done to it and its parcels, and what has happened."""
    from api.by_command import NotDone, show_order

    try:
        show_order(get_settings(), tenant, number, console)
    except NotDone as no:
        _refuse(no)


@order.command("cancel", help=act_of("cancel").help)
def order_cancel(
    number: NumberArgument,
    reason: ReasonOption,
    line: Annotated[list[str] | None, typer.Option(help="SKU=PIECES, again for more; else all that is here.")] = None,
    actor: ActorOption = None,
    key: KeyOption = None,
    tenant: ShopOption = "demo",
) -> None:
    """As `domain/support.py` says."""
    from domain.checkouts import CancelRequest
    from domain.pricing import CartLine

    pieces = [one.rpartition("=") for one in line or ()]
    if not all(sku and count.isdecimal() and int(count) for sku, _, count in pieces):
        raise typer.BadParameter("write each line as SKU=PIECES")
    lines = tuple(CartLine(sku, int(count)) for sku, _, count in pieces)
    name = key or uuid.uuid4().hex
    _act(tenant, number, "cancel", CancelRequest(_who(actor), reason, lines, name), name)


@order.command("change-address", help=act_of("change_address").help)
def order_change_address(
    number: NumberArgument,
    reason: ReasonOption,
    file: Annotated[typer.FileText, typer.Option(help="The address as the API takes it, JSON; `-`: from the input.")],
    actor: ActorOption = None,
    key: KeyOption = None,
    tenant: ShopOption = "demo",
) -> None:
    """As `domain/support.py` says."""
    from pydantic import ValidationError

    from api.schemas.checkouts import AddressIn
    from domain.addresses import ChangeAddress
    from domain.parcels import PostalAddress

    try:
        told = AddressIn.model_validate_json(file.read())
    except ValidationError as wrong:
        fields = ", ".join(".".join(map(str, one["loc"])) or "file" for one in wrong.errors())
        raise typer.BadParameter(f"wrong or missing: {fields}") from None
    asked = ChangeAddress(_who(actor), reason, PostalAddress(**told.model_dump()), key or "")
    _act(tenant, number, "change_address", asked, key)


@order.command("resolve", help=act_of("resolve").help)
def order_resolve(
    number: NumberArgument,
    reason: ReasonOption,
    parcel: Annotated[str, typer.Option(help="The parcel's id, as `milepost order show` has it.")],
    how: Annotated[Resolution, typer.Option(help="What becomes of it.")],
    until: Annotated[datetime | None, typer.Option(help="With `wait`: UTC, such as 2026-12-04T09:00:00.")] = None,
    actor: ActorOption = None,
    key: KeyOption = None,
    tenant: ShopOption = "demo",
) -> None:
    """As `domain/support.py` says."""
    from domain.resolving import Resolve

    at = until.replace(tzinfo=UTC) if until else None
    _act(tenant, number, "resolve", Resolve(_who(actor), reason, parcel, how, at, key or ""), key)


def _by_reason(act: Act[OrderFacts]) -> Callable[..., None]:
    def do(
        number: NumberArgument,
        reason: ReasonOption,
        actor: ActorOption = None,
        key: KeyOption = None,
        tenant: ShopOption = "demo",
    ) -> None:
        from domain.checkouts import CancelRequest

        _act(tenant, number, act.name, CancelRequest(_who(actor), reason, key=key or ""), key)

    return do


@parcel.command("retry", help=parcel_act_of("retry").help)
def parcel_retry(
    number: ParcelArgument,
    reason: ReasonOption,
    actor: ActorOption = None,
    key: KeyOption = None,
    tenant: ShopOption = "demo",
) -> None:
    """As `domain/support.py` says."""
    from domain.checkouts import CancelRequest

    request = CancelRequest(_who(actor), reason, key=key or "")
    _act_on(shipment_workflow(tenant, number), "retry", request, key)


@parcel.command("settle", help=parcel_act_of("settle").help)
def parcel_settle(
    number: ParcelArgument,
    reason: ReasonOption,
    state: Annotated[ShipmentState, typer.Option(help="`delivered`, `lost` or `returned_to_sender`.")],
    actor: ActorOption = None,
    key: KeyOption = None,
    tenant: ShopOption = "demo",
) -> None:
    """As `domain/support.py` says."""
    from domain.shipments import Settled

    _act_on(shipment_workflow(tenant, number), "settle", Settled(state, _who(actor), reason), key)


@checkout.command("extend", help=CHECKOUT_ACTS[0].help)
def checkout_extend(
    number: Annotated[str, typer.Argument(help="The checkout's id.")],
    reason: ReasonOption,
    seconds: Annotated[int, typer.Option(min=1, max=86_400, help="So much longer.")],
    actor: ActorOption = None,
    key: KeyOption = None,
    tenant: ShopOption = "demo",
) -> None:
    """As `domain/support.py` says."""
    from domain.checkouts import ExtendReservation

    asked = ExtendReservation(_who(actor), reason, seconds, key or "")
    _act_on(checkout_workflow(tenant, number), "extend_reservation", asked, key)


def _act(tenant: str, number: str, act: str, request: object, key: str | None) -> None:
    _act_on(order_workflow(tenant, number), act, request, key)


def _act_on(workflow: str, act: str, request: object, key: str | None) -> None:
    from api.by_command import NotDone, act_on

    try:
        done = act_on(get_settings(), workflow, act, request, key)
    except NotDone as no:
        _refuse(no)
    console.print("Done." if done else "It is under way: look again with `milepost order show`.")


def _refuse(no: Exception) -> NoReturn:
    console.print(str(no), style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1)


def _who(actor: str | None) -> str:
    return actor or getpass.getuser()


for _one in ORDER_ACTS:
    if _one.takes_reason_only:
        order.command(_one.path, help=_one.help)(_by_reason(_one))


if __name__ == "__main__":
    app()
