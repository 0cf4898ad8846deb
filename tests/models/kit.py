"""What the tests of the tables work with: a server's three roles, and tenants with a shop of their own."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from activities.checkouts import CheckoutActivities
from activities.orders import OrderActivities
from domain.checkouts import (
    CheckoutInput,
    CloseCheckout,
    Customer,
    GivenBack,
    OpenCheckout,
    OrderPlaced,
    PlaceOrder,
    Policy,
)
from domain.ids import api_key_hash, checkout_id, payment_id
from domain.parcels import PostalAddress
from domain.payments import Fee, PaymentAuthorized, PaymentCaptured, PaymentMode
from domain.pricing import CartLine
from domain.refusals import Refusal, RefusalCode
from domain.states import CheckoutState, MovementKind, ReservationState
from models import payments, stock
from models.base import Base
from models.catalog import Variant
from models.database import Database
from models.keys import ApiKey
from models.prices import Price
from models.reserving import Wish, reserve_many
from models.shipping_methods import ShippingMethod, ShippingRate
from models.stock import Location, StockLevel, StockMovement
from models.tax import TaxRate
from models.tenancy import OrderCounter, Tenant

PRICE = 10_000
SHIPPING = 1_500
TOTAL = PRICE + SHIPPING
PLACE = "florence"
HOME = {"name": "Ada", "line1": "12 Rue de la Paix", "city": "Paris", "postal_code": "75002", "country": "FR"}

APP, OWNER, SUPERUSER = "app", "owner", "superuser"

Answer = TypeVar("Answer")


def soon() -> datetime:
    """Fifteen minutes from now."""
    return datetime.now(UTC) + timedelta(minutes=15)


def complaint(error: DBAPIError) -> tuple[str | None, str | None]:
    """What PostgreSQL said: the SQLSTATE, and the constraint that was hurt if there is one."""
    assert isinstance(error.orig, psycopg.Error)
    return error.orig.sqlstate, error.orig.diag.constraint_name


async def reserve(session: AsyncSession, checkout: str, *lines: tuple[str, int]) -> str | None:
    """One reservation in this transaction: where (several with a plus between them), or None."""
    wish = Wish(checkout, [CartLine(*line) for line in lines], soon())
    if (await reserve_many(session, [wish])).short:
        return None
    return "+".join(sorted({one.location_id for one in await stock.reservations(session, checkout)}))


async def at_once(acts: Iterable[Callable[[], Awaitable[Answer]]]) -> list[Answer]:
    """The answers of acts that are let go in the same moment."""
    crowd = list(acts)
    start = asyncio.Barrier(len(crowd))

    async def one(act: Callable[[], Awaitable[Answer]]) -> Answer:
        await start.wait()
        return await act()

    return await asyncio.gather(*(one(act) for act in crowd))


@dataclass(frozen=True)
class Server:
    """A migrated database and the ways into it: the application's pool, and an engine a role for hand-written SQL."""

    database: Database
    urls: dict[str, str]
    engines: dict[str, sa.Engine]

    def connect(self, role: str = APP, tenant: str | None = None) -> sa.Connection:
        """A connection in a transaction of that tenant; closing it rolls back."""
        connection = self.engines[role].connect()
        if tenant is not None:
            connection.execute(sa.text("SELECT set_config('milepost.tenant', :tenant, true)"), {"tenant": tenant})
        return connection

    def rows(self, query: str, *, role: str = APP, tenant: str | None = None, **values: object) -> list[Any]:
        """What a query finds."""
        with self.connect(role, tenant) as connection:
            return list(connection.execute(sa.text(query), values).all())

    def run(self, *statements: str, role: str = APP, tenant: str | None = None, **values: object) -> int:
        """Run and commit; how many rows the last statement touched."""
        with self.connect(role, tenant) as connection:
            touched = [connection.execute(sa.text(one), values).rowcount for one in statements]
            connection.commit()
            return touched[-1]

    def refusal(self, *statements: str, role: str = APP, tenant: str | None = None, **values: object) -> str:
        """Run what must be refused: the SQLSTATE, and behind a slash the constraint if one was hurt."""
        try:
            self.run(*statements, role=role, tenant=tenant, **values)
        except DBAPIError as error:
            return "/".join(filter(None, complaint(error)))
        raise AssertionError(f"not refused: {statements[-1]}")

    async def someone_waits(self) -> None:
        """Return once a statement waits for a lock that another transaction has."""
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        for _ in range(1000):
            if self.rows(waiting, role=SUPERUSER):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("nobody waits for a lock")

    def add(self, tenant: str, *rows: Base) -> None:
        """Write rows one by one as the owner of the tables."""
        with self.connect(OWNER, tenant) as connection, Session(connection) as session:
            for row in rows:
                session.add(row)
                session.flush()
            connection.commit()

    def new_shop(self) -> "Shop":
        """A tenant of its own, with a location, tax and shipping, and an order counter at 1000."""
        tenant = f"t-{uuid.uuid4().hex[:12]}"
        self.add(
            tenant,
            Tenant(tenant_id=tenant, name="Maison"),
            ApiKey(tenant_id=tenant, key_hash=api_key_hash(f"mp_test_{tenant}"), name="test", scopes=["*"]),
            OrderCounter(tenant_id=tenant, last_number=1000),
            TaxRate(tenant_id=tenant, country="FR", basis_points=2000, included=True),
            ShippingMethod(tenant_id=tenant, method="standard", name="Standard"),
            ShippingRate(tenant_id=tenant, method="standard", country="FR", currency="EUR", amount_minor=SHIPPING),
            Location(tenant_id=tenant, location_id=PLACE, name="Florence", address={**HOME}),
        )
        return Shop(self, tenant)


@dataclass(frozen=True)
class Shop:
    """One tenant, and what happens there."""

    server: Server
    tenant: str

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """As production code has it: the application's role, this tenant."""
        async with self.server.database.transaction(self.tenant) as session:
            yield session

    def rows(self, query: str, *, role: str = APP, **values: object) -> list[Any]:
        """What this tenant sees."""
        return self.server.rows(query, role=role, tenant=self.tenant, **values)

    def run(self, *statements: str, role: str = APP, **values: object) -> int:
        """Hand-written SQL of this tenant, committed."""
        return self.server.run(*statements, role=role, tenant=self.tenant, **values)

    def refusal(self, *statements: str, role: str = APP, **values: object) -> str:
        """Hand-written SQL of this tenant that must be refused: SQLSTATE and constraint."""
        return self.server.refusal(*statements, role=role, tenant=self.tenant, **values)

    def new_sku(self, count: int = 10, *, named: str | None = None) -> str:
        """A thing at €100.00, so many of it in stock."""
        sku, own = named or f"T-{uuid.uuid4().hex[:12]}", {"tenant_id": self.tenant}
        self.server.add(
            self.tenant,
            Variant(**own, sku=sku, title="Thing", weight_grams=100),
            Price(**own, sku=sku, currency="EUR", amount_minor=PRICE),
            StockLevel(**own, location_id=PLACE, sku=sku, on_hand=count),
            StockMovement(
                **own, location_id=PLACE, sku=sku, kind=MovementKind.RECEIVED, quantity=count, cause="opening stock"
            ),
        )
        return sku

    def level(self, sku: str) -> tuple[int, int]:
        """On hand and reserved."""
        ((on_hand, reserved),) = self.rows("SELECT on_hand, reserved FROM stock_levels WHERE sku = :s", s=sku)
        return on_hand, reserved

    async def reserve(self, checkout: str, *lines: tuple[str, int]) -> str | None:
        """One reservation in a transaction of its own: where (several with a plus between them), or None."""
        async with self.transaction() as session:
            return await reserve(session, checkout, *lines)

    async def move(self, checkout: str, to: ReservationState) -> int:
        """Move on what a checkout has, in a transaction of its own: how many lines moved."""
        async with self.transaction() as session:
            return await stock.move_reservations(session, checkout, to, "test")

    async def open(self, sku: str, key: str | None = None, *, codes: tuple[str, ...] = ()) -> str:
        """An open checkout of one piece: stock held, codes used, payment journaled. Its id."""
        asked = self.asked(sku, key, codes=codes)
        opened = await CheckoutActivities(self.server.database).open(OpenCheckout(asked, soon()))
        assert opened.refusal is None, opened.refusal
        return asked.checkout_id

    def asked(
        self, sku: str, key: str | None = None, *, codes: tuple[str, ...] = (), quantity: int = 1, name: str = "Ada"
    ) -> CheckoutInput:
        """A checkout that nobody has opened yet."""
        return CheckoutInput(
            tenant=self.tenant,
            checkout_id=checkout_id(self.tenant, key or uuid.uuid4().hex),
            fingerprint="f",
            currency="EUR",
            lines=(CartLine(sku, quantity),),
            customer=Customer("cus_ada", "ada@example.com", name),
            address=PostalAddress(**HOME),
            shipping_method="standard",
            payment_mode=PaymentMode.SERVER,
            payment_method="pm_card_visa",
            return_url=None,
            expected_total_minor=None,
            policy=Policy(900, 3, 86_400),
            promotion_codes=codes,
        )

    async def place(self, checkout: str, fact: PaymentAuthorized | None = None) -> OrderPlaced:
        """Its payment is authorized, plainly or as told; the order it becomes."""
        fact = fact or self.authorized(checkout, TOTAL)
        return await OrderActivities(self.server.database).place(PlaceOrder(self.tenant, checkout, fact))

    def authorized(self, checkout: str, amount: int) -> PaymentAuthorized:
        """The provider holds that much for it."""
        return PaymentAuthorized(f"pi_{checkout}", amount, soon(), "visa 4242")

    async def give_up(self, checkout: str) -> None:
        """The shopper cancels before paying: the stock goes back, the payment is void."""
        why = Refusal(RefusalCode.CANCELLED_BY_SHOPPER, "Cancelled.")
        asked = CloseCheckout(self.tenant, checkout, CheckoutState.CANCELLED, why, None, GivenBack.VOIDED)
        await CheckoutActivities(self.server.database).close(asked)

    async def buy(self, sku: str) -> OrderPlaced:
        """Open and place."""
        return await self.place(await self.open(sku))

    def payment_of(self, checkout: str) -> str:
        """The id of its payment."""
        return payment_id(self.tenant, checkout)

    async def sell(self, taken: int = TOTAL, *, fee: int = 0, final: bool = True) -> str:
        """An order whose money was taken, all or so much of it. Its payment's id."""
        checkout = await self.open(self.new_sku())
        await self.place(checkout)
        async with self.transaction() as session:
            payment = await payments.get(session, self.payment_of(checkout))
            kept = Fee(f"txn_{checkout}", fee, "EUR") if fee else None
            fact = PaymentCaptured(f"pi_{checkout}", taken, f"ch_{checkout}", final, kept)
            await payments.mark_captured(session, payment, fact)
        return self.payment_of(checkout)

    def ledger(self) -> dict[str, int]:
        """What each account comes to, in minor units; one that comes to nothing is left out."""
        told = self.rows("SELECT account, sum(amount_minor)::int AS total FROM ledger_entries GROUP BY account")
        return {row.account: row.total for row in told if row.total}
