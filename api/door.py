"""Where checkouts come in: those that come together are opened together, before any workflow is started for one.

A checkout that is refused here costs no workflow. One that is opened has its stock, its price and its payment in the
journal; if this process dies before its workflow is started, the same Idempotency-Key goes on with it, or the sweeper
ends it.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from temporalio.client import Client
from temporalio.service import RPCError

from api.batches import Batches
from api.gate import Gate
from api.problems import unavailable
from domain.checkouts import CheckoutInput, CheckoutOpened, OpenCheckout
from domain.refusals import Refusal, RefusalCode
from models.database import Database
from models.opening import open_many

ANSWER_WITHIN_SECONDS = 15.0
_AT_ONCE = 100
"""So many carts are opened in one transaction: what they want is locked as long as that takes."""
_LANES = 2
"""So many batches of one tenant are under way at a time: while one commits, the next is priced."""
_FRESH_SECONDS = 1.0
_HEALTH_TIMEOUT = timedelta(seconds=3)


class Door:
    """One a process."""

    def __init__(self, database: Database, temporal: Client, gate: Gate) -> None:
        self._database, self._temporal, self._gate = database, temporal, gate
        self._openings: Batches[OpenCheckout, CheckoutOpened | Exception] = Batches(
            self.open_together, most=_AT_ONCE, lanes=_LANES
        )
        self._under_way: Counter[tuple[str, str]] = Counter()
        self._seen_at = float("-inf")
        self._look: asyncio.Task[None] | None = None

    async def refusal(self, asked: CheckoutInput) -> Refusal | None:
        """Sold out, said at a glance; never to a key whose earlier request is under way here. None: who knows.

        Raises a 503 problem when the database does not answer."""
        if (asked.tenant, asked.checkout_id) in self._under_way:
            return None
        try:
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                return await self._gate.refusal(asked)
        except TimeoutError:
            raise unavailable("The database") from None

    async def open(self, asked: OpenCheckout) -> CheckoutOpened:
        """Opened, or found as it was opened before, or refused. Raises a 503 problem when nothing can be begun now."""
        await self._refuse_in_vain()
        key = asked.checkout.tenant, asked.checkout.checkout_id
        self._under_way[key] += 1
        try:
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                answer = await self._openings.ask(asked.checkout.tenant, asked)
        except TimeoutError:
            raise unavailable("The database") from None
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]
        if isinstance(answer, Exception):
            raise answer
        if answer.refusal and answer.refusal.code is RefusalCode.OUT_OF_STOCK:
            self._gate.note_sold_out(asked.checkout)
        return answer

    async def open_together(self, tenant: str, batch: Sequence[OpenCheckout]) -> list[CheckoutOpened | Exception]:
        """The answer, or the fault, of each. All in one transaction; if that fails each alone: none harms another."""
        at_a_glance = await self._gate.refusals(tenant, [one.checkout for one in batch])
        left = [one for one in batch if one.checkout.checkout_id not in at_a_glance]
        told = iter(await self._open_left(tenant, left) if left else ())
        return [
            CheckoutOpened(refusal=at_a_glance[one.checkout.checkout_id], kept=False)
            if one.checkout.checkout_id in at_a_glance
            else next(told)
            for one in batch
        ]

    async def _open_left(self, tenant: str, batch: Sequence[OpenCheckout]) -> list[CheckoutOpened | Exception]:
        try:
            return list(await self._open_all(tenant, batch))
        except Exception as error:
            if _away(error):
                return [error] * len(batch)
        return [await self._open_alone(tenant, one) for one in batch]

    async def _open_alone(self, tenant: str, asked: OpenCheckout) -> CheckoutOpened | Exception:
        for last in (False, True):
            try:
                (answer,) = await self._open_all(tenant, [asked])
            except IntegrityError as error:  # the same key in another batch, or process: by now it is known
                if last:
                    return error
            except Exception as error:
                return error
            else:
                return answer
        raise AssertionError("it was tried twice")

    async def _open_all(self, tenant: str, batch: Sequence[OpenCheckout]) -> list[CheckoutOpened]:
        async with self._database.transaction(tenant) as session:
            return await open_many(session, batch, begun=False)

    async def _refuse_in_vain(self) -> None:
        """Hold nothing for a workflow that cannot be started: Temporal was seen a second ago, or is looked at now."""
        if time.monotonic() - self._seen_at < _FRESH_SECONDS:
            return
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._see())
        await asyncio.shield(self._look)

    async def _see(self) -> None:
        try:
            healthy = await self._temporal.service_client.check_health(timeout=_HEALTH_TIMEOUT)
        except (RPCError, RuntimeError) as away:
            raise unavailable("The order engine") from away
        if not healthy:
            raise unavailable("The order engine")
        self._seen_at = time.monotonic()


def _away(error: Exception) -> bool:
    """Whether the next attempt would meet the same closed door."""
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return lost or isinstance(error, InterfaceError | PoolTimeout)
