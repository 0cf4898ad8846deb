"""How fast a key may ask: a token bucket in the database, out of which each process takes a handful at a time.

So any number of processes together keep to one limit, a busy key costs a statement in `_HANDFUL` seconds' worth of its
requests, and a key that is over its limit costs none: the process knows when there may be tokens again. The next
handful is fetched while this one is being spent, so that a request of a busy key seldom waits for it; a crowd that
comes at once fetches for all of it at once. What is in hand when a process ends is lost, and a handful grows stale
after a minute: so it is kept to within two handfuls a process.
"""

import asyncio
import math
import time
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from models import access
from models.database import Database

_HANDFUL_SECONDS = 0.1
_STALE_SECONDS = 60.0
_FETCH_FROM = 10
"""Tokens: a key whose handful is smaller may ask seldom, and waits for its token."""
_BURST_SECONDS = 2.0
_MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Hand:
    tokens: float = 0.0
    until: float = 0.0
    left: float = 0.0
    empty_until: float = 0.0
    asking: int = 0
    """Requests that want a token in this moment."""
    fetching: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether this request may go on, and what its asker is told (draft-ietf-httpapi-ratelimit-headers)."""

    granted: bool
    retry_after: int
    headers: dict[str, str]


class Allowances:
    """One a process. `usual` is requests a second for keys without a limit of their own."""

    def __init__(self, database: Database, usual: int) -> None:
        self._database, self._usual = database, usual
        self._hands: dict[tuple[str, str], _Hand] = {}

    def most(self, own: int | None) -> int:
        """So many requests' worth at once, and never more."""
        return math.floor(_most(float(own or self._usual)))

    async def take(self, tenant: str, key_id: str, own: int | None, *, whole: int = 1) -> Allowance:
        """One request's worth. Who is refused waits for `whole` of them, as many as will be asked for again."""
        rate = float(own or self._usual)
        hand = self._hands.get((tenant, key_id))
        if hand is None:
            if len(self._hands) >= _MOST_REMEMBERED:
                self._hands.clear()
            hand = self._hands[tenant, key_id] = _Hand()
        hand.asking += 1
        try:
            while not self._has(hand) and hand.empty_until <= time.monotonic():
                await asyncio.shield(self._fetch(hand, tenant, key_id, rate))
        finally:
            hand.asking -= 1
        granted = self._has(hand)
        if granted:
            hand.tokens -= 1
            handful = _handful(rate)
            if handful >= _FETCH_FROM and hand.tokens <= handful / 2 and hand.left >= 1:
                self._fetch(hand, tenant, key_id, rate)
        return _told(hand, rate, whole, granted=granted)

    def _fetch(self, hand: _Hand, tenant: str, key_id: str, rate: float) -> "asyncio.Task[None]":
        """The one that is under way, or one that begins now. All who wait for it go on in the same moment."""
        if hand.fetching is None or hand.fetching.done():
            hand.fetching = asyncio.create_task(self._reach(hand, tenant, key_id, rate))
        return hand.fetching

    @staticmethod
    def _has(hand: _Hand) -> bool:
        return hand.tokens >= 1 and hand.until > time.monotonic()

    async def _reach(self, hand: _Hand, tenant: str, key_id: str, rate: float) -> None:
        most = _most(rate)
        wanted = min(most, max(_handful(rate), hand.asking))
        try:
            async with self._database.one_statement() as connection:
                taken = await access.take_tokens(connection, tenant, key_id, wanted=wanted, rate=rate, most=most)
        except SQLAlchemyError:  # a limit that cannot be asked for holds nobody up
            taken = access.Handful(wanted, 0.0)
        now = time.monotonic()
        kept = hand.tokens if self._has(hand) else 0.0
        hand.tokens, hand.left, hand.until = kept + taken.granted, taken.remaining, now + _STALE_SECONDS
        if hand.tokens < 1:
            hand.empty_until = now + (1 - taken.remaining) / rate


def _handful(rate: float) -> float:
    return min(_most(rate), max(1.0, math.floor(rate * _HANDFUL_SECONDS)))


def _most(rate: float) -> float:
    return max(1.0, rate * _BURST_SECONDS)


def _told(hand: _Hand, rate: float, whole: int, *, granted: bool) -> Allowance:
    most = _most(rate)
    remaining = max(0, math.floor(hand.tokens + hand.left))
    wait = max(0.0, hand.empty_until - time.monotonic()) + (whole - 1) / rate
    full = max(1, math.ceil((most - remaining) / rate))
    headers = {
        "RateLimit-Policy": f'"key";q={math.floor(most)};w={max(1, math.ceil(most / rate))}',
        "RateLimit": f'"key";r={remaining};t={full}',
    }
    return Allowance(granted, max(1, math.ceil(wait)), headers)
