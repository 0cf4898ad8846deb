"""One question: who asks, and what is read for it, each kind of thing in one statement for all that need it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry.dataloader import DataLoader

from api.exchange import Exchange
from api.resources import Caller, Resources
from api.shopper import Shopper

Value = TypeVar("Value")
Batch = Callable[[AsyncSession, Sequence[Any]], Awaitable[Mapping[Any, Value]]]


class Asking:
    """Resolvers run side by side, but a transaction is one: they take turns. It is given back before an act."""

    def __init__(self, caller: Caller, shared: Resources, exchange: Exchange, shopper: Shopper) -> None:
        self.caller, self.shared, self.exchange, self.shopper = caller, shared, exchange, shopper
        self._turn = asyncio.Lock()
        self._stack: AsyncExitStack | None = None
        self._session: AsyncSession | None = None
        self._loaders: dict[Any, DataLoader[Any, Any]] = {}

    async def read(self, ask: Callable[[AsyncSession], Awaitable[Value]]) -> Value:
        """One read in the question's transaction."""
        async with self._turn:
            if self._stack is None or self._session is None:
                self._stack = AsyncExitStack()
                self._session = await self._stack.enter_async_context(
                    self.shared.database.transaction(self.caller.tenant)
                )
            try:
                return await ask(self._session)
            except BaseException as error:
                stack, self._stack, self._session = self._stack, None, None
                await stack.__aexit__(type(error), error, error.__traceback__)
                raise

    async def load(self, batch: Batch[Value], key: object) -> Value | None:
        """What the batch finds under a key, or None; all that is asked for in one turn of the loop is one statement."""
        loader = self._loaders.get(batch)
        if loader is None:

            async def find(keys: list[Any]) -> list[Value | None]:
                found = await self.read(lambda session: batch(session, keys))
                return [found.get(one) for one in keys]

            loader = self._loaders[batch] = DataLoader(load_fn=find, max_batch_size=1000)
        return await loader.load(key)  # type: ignore[no-any-return]

    async def many(self, batch: Batch[list[Value]], key: object) -> list[Value]:
        """As `load`, of what may be several or none."""
        return await self.load(batch, key) or []

    async def close(self) -> None:
        """Give the transaction back, and forget what was read: after an act it may be otherwise."""
        async with self._turn:
            stack, self._stack, self._session = self._stack, None, None
            self._loaders.clear()
            if stack is not None:
                await stack.aclose()


Info = strawberry.Info[Asking, None]
