"""`/v1/orders/{number}/mails`: which e-mails a customer was sent of an order; and once more for those that failed."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from api.problems import Problem, not_found
from api.resources import Shared, needs
from api.schemas.base import ProblemOut
from api.schemas.tracking import MailOut
from domain.states import MailState
from models import mails, orders
from models.mails import Mail

router = APIRouter(prefix="/v1/orders", tags=["tracking"])


@router.get("/{number}/mails", response_model=list[MailOut], responses={404: {"model": ProblemOut}})
async def listed(number: str, tenant: Annotated[str, needs("orders:read")], shared: Shared) -> list[MailOut]:
    """All e-mails of an order, oldest first, and what became of each."""
    async with shared.database.transaction(tenant) as session:
        return [_out(one) for one in await _of_order(session, number)]


@router.post(
    "/{number}/mails/{mail}/retries",
    status_code=202,
    response_model=MailOut,
    responses={status: {"model": ProblemOut} for status in (404, 409)},
)
async def retry(number: str, mail: str, tenant: Annotated[str, needs("orders:act")], shared: Shared) -> MailOut:
    """Have one that failed sent again, once what was wrong is put right. 409 for one that did not fail."""
    async with shared.database.transaction(tenant) as session:
        found = next((one for one in await _of_order(session, number, lock=True) if one.mail_id == mail), None)
        if found is None:
            raise not_found("e-mail")
        if found.state is not MailState.FAILED:
            detail = f"This e-mail is {found.state}; only one that failed can be sent again."
            raise Problem(409, "mail_not_failed", detail)
        mails.again(found)
        await session.flush()
        await session.refresh(found)
        return _out(found)


async def _of_order(session: AsyncSession, number: str, *, lock: bool = False) -> Sequence[Mail]:
    order = await orders.find(session, number)
    if order is None:
        raise not_found("order")
    return await mails.of_checkout(session, order.checkout_id, lock=lock)


def _out(one: Mail) -> MailOut:
    return MailOut(
        id=one.mail_id,
        milestone=one.milestone,
        about=one.part,
        state=one.state,
        attempts=one.attempts,
        problem=one.problem,
        created_at=one.created_at,
        ended_at=one.ended_at,
    )
