"""`/v1/checkouts`: begin one, look at it, say that the shopper has confirmed, give it up."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Response
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.own_checkout import checkout_secret, refuse_a_name, sees_checkout
from api.problems import Problem, not_found, refused
from api.resources import Caller, IdempotencyKey, Resources, Shared, caller_with
from api.schemas.base import ProblemOut
from api.schemas.checkouts import MODES, BackorderedOut, CancelIn, CheckoutIn, CheckoutOut, NextAction, ServerPayment
from api.shopper import Shopper, WhoShops
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.checkouts import (
    SHOPPER,
    CancelRequest,
    CheckoutAnswer,
    CheckoutInput,
    CheckoutOpened,
    Customer,
    OpenCheckout,
    Policy,
)
from domain.ids import checkout_id, checkout_workflow, customer_id
from domain.money import UnknownCurrency, exponent
from domain.parcels import PostalAddress
from domain.payments import CaptureMethod
from domain.pricing import CartLine
from domain.promotions import canonical
from domain.refusals import Refusal, RefusalCode
from domain.states import CheckoutState
from models import checkouts
from models.checkouts import Checkout
from settings import Settings
from workflows import attributes
from workflows.checkout import CheckoutWorkflow
from workflows.display import checkout_summary
from workflows.priorities import SHOPPER_WAITS

router = APIRouter(prefix="/v1/checkouts", tags=["checkouts"])

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemOut, "description": text}
    for status, text in {
        400: "No Idempotency-Key, or malformed JSON",
        401: "No API key, or a wrong one",
        402: "The card was refused; the stock is free again",
        409: "Out of stock, or the total is another one",
        410: "The reservation's time was up",
        422: "Wrong fields, unknown SKU, or the key was used with another body",
        503: "`temporarily_unavailable`: Temporal or the database is away; repeat with the same key."
        " `payment_unavailable`: the payment provider is away and the checkout has ended; begin a new one",
    }.items()
}
_ACTS: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (404, 409)}


@router.post("", status_code=201, response_model=CheckoutOut, responses={202: {"model": CheckoutOut}, **_PROBLEMS})
async def begin(
    body: CheckoutIn,
    key: IdempotencyKey,
    caller: Annotated[Caller, caller_with("checkouts:write")],
    shared: Shared,
    response: Response,
    shopper: WhoShops,
) -> CheckoutOut:
    """Price, reserve and authorize. 201: the order is placed. 202: the shopper must act (`next_action`).

    The same key with the same body is the same checkout, as it stands now; with another body it is refused.
    """
    begun = await begin_checkout(body, key, caller, shared, shopper)
    response.headers["Location"] = f"/v1/checkouts/{begun.id}"
    response.status_code = 201 if begun.state is CheckoutState.COMPLETED else 202
    return begun


async def begin_checkout(
    body: CheckoutIn, key: str, caller: Caller, shared: Resources, shopper: Shopper
) -> CheckoutOut:
    """Begin the checkout of this key, or say how it stands, with its secret. Raises the problem that there is."""
    refuse_a_name(caller, body)
    asked = _input(body, caller.tenant, key, shared.settings, shopper)
    if sold_out := await shared.door.refusal(asked):
        raise refused(sold_out)
    until = datetime.now(UTC) + timedelta(seconds=asked.policy.reservation_ttl_seconds)
    opened = await shared.door.open(OpenCheckout(asked, until))
    if opened.kept and opened.fingerprint != asked.fingerprint:
        detail = "This Idempotency-Key was used with another body. Send a new key for a new checkout."
        raise Problem(422, "idempotency_key_reused", detail)
    if opened.refusal:
        raise refused(opened.refusal, **({"checkout_id": asked.checkout_id} if opened.kept else {}))
    answer = await _begun(asked, opened, shared)
    if answer.refusal:
        raise refused(answer.refusal, checkout_id=asked.checkout_id)
    secret = checkout_secret(shared.settings, asked.tenant, asked.checkout_id)
    return _out(answer, asked.currency).model_copy(update={"secret": secret})


@router.get("/{number}", response_model=CheckoutOut, responses={404: {"model": ProblemOut}})
async def read(number: str, tenant: Annotated[str, sees_checkout("checkouts:read")], shared: Shared) -> CheckoutOut:
    """Where a checkout stands. Answers while Temporal is away."""
    return await _read(number, tenant, shared)


@router.post("/{number}/confirm", response_model=CheckoutOut, responses=_ACTS)
async def confirm(number: str, tenant: Annotated[str, sees_checkout("checkouts:write")], shared: Shared) -> CheckoutOut:
    """The shopper is done in the browser: look at the payment now, without waiting for its webhook."""
    current = await _read(number, tenant, shared)
    if current.state is not CheckoutState.AWAITING_PAYMENT:
        return current
    handle = shared.temporal.get_workflow_handle(checkout_workflow(tenant, number))
    try:
        async with reaching("checkout"):
            await handle.execute_update(CheckoutWorkflow.confirm, rpc_timeout=timedelta(seconds=ANSWER_WITHIN_SECONDS))
    except StillRunning:
        pass
    except Problem as problem:
        if problem.code not in ("already_ended", "not_awaiting_payment"):
            raise
    return await _read(number, tenant, shared)


@router.post("/{number}/cancel", response_model=CheckoutOut, responses=_ACTS)
async def cancel(
    number: str, tenant: Annotated[str, sees_checkout("checkouts:write")], shared: Shared, body: CancelIn | None = None
) -> CheckoutOut:
    """Give it up before the order is placed: the stock is free and nothing stays authorized."""
    current = await _read(number, tenant, shared)
    if current.state is CheckoutState.CANCELLED:
        return current
    handle = shared.temporal.get_workflow_handle(checkout_workflow(tenant, number))
    request = CancelRequest(SHOPPER, (body or CancelIn()).reason)
    try:
        async with reaching("checkout"):
            await handle.execute_update(
                CheckoutWorkflow.cancel, request, rpc_timeout=timedelta(seconds=ANSWER_WITHIN_SECONDS)
            )
    except StillRunning:
        pass
    return await _read(number, tenant, shared)


async def _begun(asked: CheckoutInput, opened: CheckoutOpened, shared: Resources) -> CheckoutAnswer:
    """Its workflow's first word; of one that is past that, what the tables say."""
    if opened.state is CheckoutState.OPEN:
        start = replace(asked, opened=opened if opened.authorization else None)
        return await _start(start, shared)
    return await _answer(asked, shared)


async def _answer(asked: CheckoutInput, shared: Resources) -> CheckoutAnswer:
    async with shared.database.transaction(asked.tenant) as session:
        if answer := await checkouts.answer(session, asked.checkout_id):
            return answer
    raise not_found("checkout")


async def _start(asked: CheckoutInput, shared: Resources) -> CheckoutAnswer:
    """Begin the workflow, or join the one this key began, and wait for its first word."""
    start = WithStartWorkflowOperation(
        CheckoutWorkflow.run,
        asked,
        id=checkout_workflow(asked.tenant, asked.checkout_id),
        task_queue=shared.settings.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        search_attributes=attributes.of_checkout(
            asked.tenant,
            asked.customer.customer_id,
            asked.currency,
            sorted({line.sku for line in asked.lines}),
        ),
        static_summary=checkout_summary(len(asked.lines), asked.address.city),
        priority=SHOPPER_WAITS,
    )
    try:
        async with reaching("checkout"):
            return await shared.temporal.execute_update_with_start_workflow(
                CheckoutWorkflow.begin,
                start_workflow_operation=start,
                id="begin",
                rpc_timeout=timedelta(seconds=ANSWER_WITHIN_SECONDS),
            )
    except StillRunning:
        return CheckoutAnswer(asked.checkout_id, asked.fingerprint, CheckoutState.OPEN)
    except WorkflowAlreadyStartedError:  # it began, and ended, since we looked
        return await _answer(asked, shared)
    except Problem as problem:
        if problem.code != "already_ended":  # the sweeper is ending it at this moment
            raise
        return await _answer(asked, shared)


async def _read(number: str, tenant: str, shared: Resources) -> CheckoutOut:
    async with shared.database.transaction(tenant) as session:
        answer = await checkouts.answer(session, number)
        row = await session.get(Checkout, (tenant, number))
    if answer is None or row is None:
        raise not_found("checkout")
    return _out(answer, row.currency)


def _out(answer: CheckoutAnswer, currency: str) -> CheckoutOut:
    waiting = answer.state is CheckoutState.AWAITING_PAYMENT
    action = NextAction(client_secret=answer.client_secret, redirect_url=answer.action_url) if waiting else None
    return CheckoutOut(
        id=answer.checkout_id,
        state=answer.state,
        currency=currency,
        total=answer.total_minor,
        order_number=answer.order_number,
        next_action=action,
        expires_at=answer.expires_at,
        reason=answer.refusal.code if answer.refusal else None,
        reason_detail=answer.refusal.message if answer.refusal else None,
        backordered=[BackorderedOut.model_validate(one) for one in answer.backordered],
    )


def _input(body: CheckoutIn, tenant: str, key: str, settings: Settings, shopper: Shopper) -> CheckoutInput:
    """The workflow's input: everything that varies is in it."""
    try:
        exponent(body.currency)
    except UnknownCurrency:
        message = f"{body.currency} is not a currency (ISO 4217)."
        raise refused(Refusal(RefusalCode.UNSUPPORTED_CURRENCY, message)) from None
    payment, customer = body.payment, body.customer
    server = payment if isinstance(payment, ServerPayment) else None
    return CheckoutInput(
        tenant=tenant,
        checkout_id=checkout_id(tenant, key),
        fingerprint=hashlib.sha256(body.model_dump_json().encode()).hexdigest(),
        currency=body.currency,
        lines=tuple(CartLine(line.sku, line.quantity) for line in body.lines),
        customer=Customer(
            shopper.number or customer.id or customer_id(tenant, customer.email), customer.email, customer.name
        ),
        address=PostalAddress(**body.shipping_address.model_dump()),
        shipping_method=body.shipping_method,
        payment_mode=MODES[payment.mode],
        payment_method=server.payment_method if server else None,
        return_url=str(server.return_url) if server and server.return_url else None,
        expected_total_minor=body.expected_total,
        capture=CaptureMethod(payment.capture),
        save_card=payment.save_card,
        promotion_codes=tuple(canonical(code) for code in body.promotion_codes),
        proven=shopper.believed or shopper.number is not None,
        policy=Policy(
            reservation_ttl_seconds=settings.reservation_ttl,
            client_payment_attempts=settings.client_payment_attempts,
            return_window_seconds=settings.return_window,
            ship_within_seconds=settings.ships_within(body.shipping_method),
            extension_limit_seconds=settings.reservation_extension_limit,
        ),
        orders_queue=settings.orders_queue,
    )
