"""`/v1/checkouts`: begin one, look at it, say that the shopper has confirmed, give it up."""

import hashlib
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Response
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.problems import Problem, not_found, refused
from api.resources import Asker, IdempotencyKey, Resources, Shared
from api.schemas import MODES, CancelIn, CheckoutIn, CheckoutOut, NextAction, ProblemOut, ServerPayment
from api.temporal import ANSWER_WITHIN_SECONDS, StillRunning, reaching
from domain.checkouts import SHOPPER, CancelRequest, CheckoutAnswer, CheckoutInput, Customer, Policy
from domain.ids import checkout_id, checkout_workflow, customer_id
from domain.money import UnknownCurrency, exponent
from domain.parcels import PostalAddress
from domain.payments import CaptureMethod
from domain.pricing import CartLine, merge_lines, quote
from domain.refusals import Refusal, RefusalCode, Refused
from domain.states import CheckoutState
from models import catalog, checkouts, stock
from models.checkouts import Checkout
from settings import Settings
from workflows import attributes
from workflows.checkout import CheckoutWorkflow
from workflows.display import checkout_summary

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


@router.post("", status_code=201, response_model=CheckoutOut, responses={202: {"model": CheckoutOut}, **_PROBLEMS})
async def begin(
    body: CheckoutIn, key: IdempotencyKey, tenant: Asker, shared: Shared, response: Response
) -> CheckoutOut:
    """Price, reserve and authorize. 201: the order is placed. 202: the shopper must act (`next_action`).

    The same key with the same body is the same checkout, as it stands now; with another body it is refused.
    """
    asked = _input(body, tenant, key, shared.settings)
    answer = await _known(asked, shared)
    if answer is None or answer.state is CheckoutState.OPEN:
        answer = await _start(asked, shared)
    if answer.fingerprint != asked.fingerprint:
        detail = "This Idempotency-Key was used with another body. Send a new key for a new checkout."
        raise Problem(422, "idempotency_key_reused", detail)
    response.headers["Location"] = f"/v1/checkouts/{asked.checkout_id}"
    if answer.refusal:
        raise refused(answer.refusal, checkout_id=asked.checkout_id)
    response.status_code = 201 if answer.state is CheckoutState.COMPLETED else 202
    return _out(answer, asked.currency)


@router.get("/{number}", response_model=CheckoutOut, responses={404: {"model": ProblemOut}})
async def read(number: str, tenant: Asker, shared: Shared) -> CheckoutOut:
    """Where a checkout stands. Answers while Temporal is away."""
    return await _read(number, tenant, shared)


@router.post("/{number}/confirm", response_model=CheckoutOut, responses={409: {"model": ProblemOut}})
async def confirm(number: str, tenant: Asker, shared: Shared) -> CheckoutOut:
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


@router.post("/{number}/cancel", response_model=CheckoutOut, responses={409: {"model": ProblemOut}})
async def cancel(number: str, tenant: Asker, shared: Shared, body: CancelIn | None = None) -> CheckoutOut:
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


async def _known(asked: CheckoutInput, shared: Resources) -> CheckoutAnswer | None:
    """A checkout this key began before; otherwise refuse now what would be refused anyway, before anything is begun."""
    async with shared.database.transaction(asked.tenant) as session:
        if known := await checkouts.answer(session, asked.checkout_id):
            return known
        book = await catalog.load_price_book(
            session,
            skus=[line.sku for line in asked.lines],
            currency=asked.currency,
            country=asked.address.country,
            shipping_method=asked.shipping_method,
        )
        try:
            quote(book, asked.lines, asked.expected_total_minor)
        except Refused as no:
            raise refused(no.refusal) from None
        if not await stock.available(session, merge_lines(asked.lines)):
            # Perhaps sold out to this very key: its first request may have taken the last one since we looked.
            if known := await checkouts.answer(session, asked.checkout_id):
                return known
            message = "Something in the cart is sold out. Nothing was charged."
            raise refused(Refusal(RefusalCode.OUT_OF_STOCK, message))
    return None


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
        async with shared.database.transaction(asked.tenant) as session:
            if ended := await checkouts.answer(session, asked.checkout_id):
                return ended
        raise


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
    )


def _input(body: CheckoutIn, tenant: str, key: str, settings: Settings) -> CheckoutInput:
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
        customer=Customer(customer.id or customer_id(tenant, customer.email), customer.email, customer.name),
        address=PostalAddress(**body.shipping_address.model_dump()),
        shipping_method=body.shipping_method,
        payment_mode=MODES[payment.mode],
        payment_method=server.payment_method if server else None,
        return_url=str(server.return_url) if server and server.return_url else None,
        expected_total_minor=body.expected_total,
        capture=CaptureMethod(payment.capture),
        save_card=payment.save_card,
        policy=Policy(
            reservation_ttl_seconds=settings.reservation_ttl,
            client_payment_attempts=settings.client_payment_attempts,
            return_window_seconds=settings.return_window,
        ),
    )
