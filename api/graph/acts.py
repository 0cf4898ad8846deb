"""What may be done: each act is the function that the route beside it calls, written down under its own name."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Any, TypeVar, cast

import strawberry

from api import cancellations, checkouts, refunds
from api.exchange import Deed
from api.graph.asking import Asking, Info
from api.graph.errors import problem_of
from api.graph.orders import Order, Refund
from api.graph.scalars import MinorUnits
from api.own_checkout import refuse_others
from api.problems import Problem, not_found
from api.remembering import parse_key
from api.resources import Caller, Resources
from api.schemas.cancellations import OrderCancelIn
from api.schemas.checkouts import CancelIn, CheckoutIn
from api.schemas.refunds import RefundDecisionIn, RefundIn, RefundOut
from domain.refunds import RefundCause
from domain.states import CheckoutState
from models import answers, in_bulk

strawberry.enum(CheckoutState)

Done = TypeVar("Done")


@strawberry.type
class NextAction:
    """What the shopper must do."""

    client_secret: str | None
    redirect_url: str | None


@strawberry.type
class Promised:
    """Units that are sold before they are there, and when they are expected."""

    sku: str
    quantity: int
    expected_on: date | None


@strawberry.type
class Checkout:
    """Where a checkout stands. `secret` is in the answer that begins it."""

    id: strawberry.ID
    state: CheckoutState
    currency: str
    total: MinorUnits | None
    order_number: strawberry.ID | None
    next_action: NextAction | None
    expires_at: datetime | None
    reason: str | None
    reason_detail: str | None
    secret: str | None
    backordered: list[Promised]


@strawberry.input
class LineInput:
    """So many of a SKU."""

    sku: str
    quantity: int


@strawberry.input
class CustomerInput:
    """Who buys. `id` is your own customer number, with a secret key only."""

    email: str
    name: str
    id: str | None = None


@strawberry.input
class AddressInput:
    """Where it goes."""

    name: str
    line1: str
    city: str
    postal_code: str
    country: str
    line2: str | None = None
    region: str | None = None


@strawberry.input
class PaymentInput:
    """`server`: confirmed in this call with `payment_method`. `client`: in the browser."""

    mode: str
    payment_method: str | None = None
    return_url: str | None = None
    capture: str = "manual"
    save_card: bool = False


@strawberry.input
class CheckoutInput:
    """A cart that someone wants to buy."""

    currency: str
    lines: list[LineInput]
    customer: CustomerInput
    shipping_address: AddressInput
    shipping_method: str
    payment: PaymentInput
    promotion_codes: list[str] = strawberry.field(default_factory=list)
    expected_total: MinorUnits | None = None

    def body(self) -> CheckoutIn:
        """As the route has it: a key is good for both. Raises `pydantic.ValidationError`."""
        told: dict[str, Any] = strawberry.asdict(self)
        if told["payment"]["mode"] == "client":
            told["payment"] = {k: v for k, v in told["payment"].items() if v is not None}
        return CheckoutIn.model_validate(told)


async def checkout(info: Info, id: strawberry.ID, secret: str | None = None) -> Checkout | None:  # noqa: A002
    """A checkout; null for one that is not there. A publishable key needs its `secret`."""
    asking = info.context
    try:
        refuse_others(asking.caller, id, secret, asking.shared.settings)
        return cast("Checkout", await checkouts.read(id, asking.caller.tenant, asking.shared))
    except Problem as problem:
        if problem.code == "not_found":
            return None
        raise


@strawberry.type
class Mutation:
    """Acts, one after the other."""

    @strawberry.mutation
    async def begin_checkout(self, info: Info, idempotency_key: str, input: CheckoutInput) -> Checkout:  # noqa: A002
        """Price, reserve and authorize. The same key and input is the same checkout, as it stands now."""
        asking = info.context

        async def act() -> Checkout:
            key = _needed(idempotency_key)
            return cast(
                "Checkout",
                await checkouts.begin_checkout(input.body(), key, asking.caller, asking.shared, asking.shopper),
            )

        return await _done(asking, "beginCheckout", "/graphql", act)

    @strawberry.mutation
    async def confirm_checkout(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        secret: str | None = None,
        idempotency_key: str | None = None,
    ) -> Checkout:
        """The shopper is done in the browser: look at the payment now."""
        asking = info.context

        async def act() -> Checkout:
            refuse_others(asking.caller, id, secret, asking.shared.settings)
            return cast("Checkout", await checkouts.confirm(id, asking.caller.tenant, asking.shared))

        async def now() -> Checkout:
            refuse_others(asking.caller, id, secret, asking.shared.settings)
            return cast("Checkout", await checkouts.read(id, asking.caller.tenant, asking.shared))

        return await _done(asking, "confirmCheckout", id, _once(asking, idempotency_key, ["confirm", id], act, now))

    @strawberry.mutation
    async def cancel_checkout(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002
        secret: str | None = None,
        reason: str = "changed their mind",
        idempotency_key: str | None = None,
    ) -> Checkout:
        """Give it up before the order is placed: the stock is free and nothing stays authorized."""
        asking = info.context

        async def act() -> Checkout:
            refuse_others(asking.caller, id, secret, asking.shared.settings)
            body = CancelIn(reason=reason)
            return cast("Checkout", await checkouts.cancel(id, asking.caller.tenant, asking.shared, body))

        async def now() -> Checkout:
            refuse_others(asking.caller, id, secret, asking.shared.settings)
            return cast("Checkout", await checkouts.read(id, asking.caller.tenant, asking.shared))

        once = _once(asking, idempotency_key, ["cancel", id, reason], act, now)
        return await _done(asking, "cancelCheckout", id, once)

    @strawberry.mutation
    async def cancel_order(
        self,
        info: Info,
        number: strawberry.ID,
        reason: str = "changed their mind",
        lines: list[LineInput] | None = None,
        idempotency_key: str | None = None,
    ) -> Order:
        """All that has not left, or `lines` of it, which need a key: the same key is the same cancellation."""
        asking = info.context

        async def act() -> Order:
            told = [strawberry.asdict(one) for one in lines] if lines is not None else None
            body = OrderCancelIn.model_validate({"reason": reason, "lines": told})
            key = parse_key(idempotency_key)
            await cancellations.cancel(number, asking.caller, asking.shared, body, key)
            return await now()

        async def now() -> Order:
            await asking.close()
            found = await asking.load(in_bulk.orders, number)
            if found is None:
                raise not_found("order")
            return cast("Order", found)

        return await _done(asking, "cancelOrder", number, act)

    @strawberry.mutation
    async def refund_order(
        self,
        info: Info,
        number: strawberry.ID,
        idempotency_key: str,
        amount: MinorUnits | None = None,
        reason: str = "asked for by the customer",
        cause: RefundCause = RefundCause.OTHER,
    ) -> Refund:
        """Never more than was captured, nor than the limits; all that is left without an amount. The key names the
        refund. A large one waits for a second person."""
        asking = info.context

        async def act() -> Refund:
            body, key = RefundIn(amount=amount, reason=reason, cause=cause), _needed(idempotency_key)
            return cast("Refund", await refunds.begin_refund(number, body, key, asking.caller, asking.shared))

        return await _done(asking, "refundOrder", number, act)

    @strawberry.mutation
    async def approve_refund(self, info: Info, id: strawberry.ID, reason: str) -> Refund:  # noqa: A002
        """A second person allows a refund that waits. Said twice it is once."""
        return await _decided(info.context, "approveRefund", id, reason, refunds.approve)

    @strawberry.mutation
    async def decline_refund(self, info: Info, id: strawberry.ID, reason: str) -> Refund:  # noqa: A002
        """A refund that waits may not go back; whoever asked may take it back by this too."""
        return await _decided(info.context, "declineRefund", id, reason, refunds.decline)


async def _decided(
    asking: Asking,
    name: str,
    refund: str,
    reason: str,
    route: Callable[[str, RefundDecisionIn, Caller, Resources], Awaitable[RefundOut]],
) -> Refund:
    async def act() -> Refund:
        return cast("Refund", await route(refund, RefundDecisionIn(reason=reason), asking.caller, asking.shared))

    return await _done(asking, name, refund, act)


def _needed(given: str) -> str:
    key = parse_key(given)
    if key is None:
        raise Problem(400, "idempotency_key_required", "`idempotencyKey` is any text that names this one attempt.")
    return key


async def _done(asking: Asking, name: str, target: str, act: Callable[[], Awaitable[Done]]) -> Done:
    """Do it without a transaction in hand, and note for the audit log what came of it."""
    await asking.close()
    asking.exchange.deeds = asking.exchange.deeds or []
    status, code = 200, None
    try:
        return await act()
    except Exception as error:
        problem = problem_of(error, "") if not isinstance(error, Problem) else error
        status, code = problem.status, problem.code
        raise problem from error
    finally:
        asking.exchange.deeds.append(Deed(f"mutation {name}", target[:200], status, code))


def _once(
    asking: Asking,
    given: str | None,
    what: list[str],
    act: Callable[[], Awaitable[Done]],
    now: Callable[[], Awaitable[Done]],
) -> Callable[[], Awaitable[Done]]:
    """The act under its key, as `api/remembering.py` has it. What was done before is shown as it stands now, because
    another question may ask for other fields; what was refused is refused again."""

    async def once() -> Done:
        key, database, tenant = parse_key(given), asking.shared.database, asking.caller.tenant
        if key is None:
            return await act()
        fingerprint = hashlib.sha256(json.dumps(["graphql", *what]).encode()).hexdigest()
        async with database.one_statement() as connection:
            found = await answers.claim(connection, tenant, key, fingerprint)
        if found.verdict == "other_body":
            detail = "This Idempotency-Key was used for another request. Send a new key for a new request."
            raise Problem(422, "idempotency_key_reused", detail)
        if found.verdict == "running":
            detail = "The first request with this Idempotency-Key is still being answered. Repeat it in a moment."
            raise Problem(409, "idempotency_key_in_use", detail)
        if found.verdict == "known":
            if found.status == 200:
                return await now()
            told = json.loads(found.body or b"{}")
            raise Problem(found.status or 409, told["code"], told["detail"])
        kept: tuple[int, bytes] | None = None
        try:
            done = await act()
            kept = (200, b"")
        except Problem as no:
            if no.status in (402, 409, 410):
                kept = (no.status, json.dumps({"code": no.code, "detail": str(no)}).encode())
            raise
        finally:
            async with database.one_statement() as connection:
                if kept is None:
                    await answers.give_up(connection, tenant, key, fingerprint)
                else:
                    await answers.keep(connection, tenant, key, fingerprint, kept[0], {}, kept[1])
        return done

    return once
