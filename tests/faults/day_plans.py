"""The orders of a day, each drawn from a seed: what is bought, and what happens to it when."""

import random
from dataclasses import dataclass
from enum import StrEnum

from tests.faults.lives import MOVES_MONEY, TROUBLES, Trouble


class What(StrEnum):
    """What warehouse, carrier, shopper, support, the bank and time do to an order, or to one of its parcels."""

    PICK = "picked"
    PACK = "packed"
    HAND_OVER = "handed over"
    IN_TRANSIT = "in transit"
    OUT = "out for delivery"
    DELIVER = "delivered"

    CANCEL = "cancelled by the shopper"
    CANCEL_PIECE = "one piece cancelled by support"
    HOLD = "held"
    RELEASE = "released"
    NOTE = "note"
    ADDRESS = "address changed"
    REFUND_PART = "a part refunded by hand"
    DECLINE = "the next capture declined"
    REFUND_REFUSED = "the next refund refused"
    TAKEN = "taken along without a hand-over"
    ON_HOLD = "on hold at the carrier"
    ATTEMPT_FAILED = "attempt failed"
    COMES_BACK = "returned to sender"
    LOST = "lost"
    LATE = "not left in time"
    SILENCE = "silence of 97 hours"
    REPLAY = "all webhooks once more"
    REPLAY_BACKWARDS = "all webhooks once more, backwards"


W = What
WAY = (W.PICK, W.PACK, W.HAND_OVER, W.IN_TRANSIT, W.OUT, W.DELIVER)
SCANS = {
    W.IN_TRANSIT: "in_transit",
    W.OUT: "out_for_delivery",
    W.DELIVER: "delivered",
    W.TAKEN: "picked_up",
    W.ON_HOLD: "on_hold",
    W.ATTEMPT_FAILED: "attempt_failed",
    W.COMES_BACK: "return_to_sender",
    W.LOST: "lost",
}

_ANY = (0, len(WAY))
_HERE = (0, 2)
_GONE = (3, 5)
_WHEN: dict[What, tuple[int, tuple[int, int]]] = {
    W.CANCEL: (2, (0, 4)),
    W.CANCEL_PIECE: (2, (0, 4)),
    W.HOLD: (1, _HERE),
    W.RELEASE: (1, _HERE),
    W.NOTE: (1, _ANY),
    W.ADDRESS: (2, _HERE),
    W.REFUND_PART: (2, (3, len(WAY))),
    W.DECLINE: (3, _HERE),
    W.REFUND_REFUSED: (2, (0, 1)),
    W.TAKEN: (1, _HERE),
    W.ON_HOLD: (2, _GONE),
    W.ATTEMPT_FAILED: (1, _GONE),
    W.COMES_BACK: (4, _GONE),
    W.LOST: (4, _GONE),
    W.LATE: (1, _HERE),
    W.SILENCE: (3, _GONE),
    W.REPLAY: (2, _ANY),
    W.REPLAY_BACKWARDS: (2, _ANY),
}
"""How often it happens, and between which rungs of the way: 0 is that the order is placed."""


class Paying(StrEnum):
    """What becomes of the checkout."""

    PAYS = "pays"
    BANK_ASKS = "pays, and the bank asks first"
    SECOND_CARD = "is declined, and pays by another card"
    GIVES_UP = "gives up"
    LEAVES = "leaves without a word"


_PAYING = {Paying.PAYS: 30, Paying.BANK_ASKS: 4, Paying.SECOND_CARD: 3, Paying.GIVES_UP: 2, Paying.LEAVES: 2}


class Back(StrEnum):
    """What becomes of what the customer sends back."""

    RESTOCKED = "restocked"
    DAMAGED = "damaged"
    REJECTED = "rejected"
    EXPIRES = "never sent"
    LOST = "lost on its way back"
    CANCELLED = "kept after all"


_BACK = {Back.RESTOCKED: 6, Back.DAMAGED: 2, Back.REJECTED: 2, Back.EXPIRES: 1, Back.LOST: 1, Back.CANCELLED: 1}


@dataclass(frozen=True)
class Step:
    """Something that happens to the order, or to its parcel at this place."""

    what: What
    place: int = 0


@dataclass(frozen=True)
class Plan:
    """One order: `pieces` of one thing in each parcel.

    `back` is how a return of one piece goes, if there is one; `exchange`: something else is wanted for it.
    """

    number: int
    paying: Paying
    parcels: int
    pieces: int
    capture: str
    no_label: bool
    steps: tuple[Step, ...]
    back: Back | None
    exchange: bool
    troubles: tuple[Trouble, ...]
    chance: int
    """The seed of what support decides."""

    def __str__(self) -> str:
        told = ", ".join(f"{one.what} ({one.place})" for one in self.steps if one.what not in WAY)
        return (
            f"order {self.number}: {self.paying}, {self.parcels} parcels of {self.pieces}, {self.capture} capture,"
            f" {'no label, ' if self.no_label else ''}{told or 'nothing odd'};"
            f" back: {self.back}{', exchanged' if self.exchange else ''}; {self.troubles}"
        )


def plans(seed: int, orders: int) -> list[Plan]:
    """The orders of a day; the same seed is the same day, and a longer day begins like a shorter one."""
    return [_plan(number, random.Random(f"{seed}/{number}")) for number in range(orders)]


def _plan(number: int, dice: random.Random) -> Plan:
    parcels, pieces = dice.choice((1, 1, 2)), dice.choice((1, 1, 2))
    no_label = dice.random() < 0.15
    return Plan(
        number=number,
        paying=dice.choices(list(_PAYING), list(_PAYING.values()))[0],
        parcels=parcels,
        pieces=pieces,
        capture=dice.choice(("manual", "manual", "automatic")),
        no_label=no_label,
        steps=_steps(dice, parcels, mended=no_label and dice.random() < 0.5),
        back=dice.choices(list(_BACK), list(_BACK.values()))[0] if dice.random() < 0.4 else None,
        exchange=dice.random() < 0.4,
        troubles=tuple(_trouble(dice) for _ in range(dice.choice((0, 0, 0, 1, 2)))),
        chance=dice.randrange(2**32),
    )


def _steps(dice: random.Random, parcels: int, *, mended: bool) -> tuple[Step, ...]:
    """Each parcel goes its way, whatever the other does; what happens lies between two rungs of a way.

    `mended`: the first thing is another address, as for one whose label failed.
    """
    times = [[0.0, *sorted(dice.random() for _ in WAY), 1.0] for _ in range(parcels)]
    timed = [(times[place][rung + 1], Step(what, place)) for place in range(parcels) for rung, what in enumerate(WAY)]
    for what in dice.choices(list(_WHEN), [weight for weight, _ in _WHEN.values()], k=dice.choice((0, 1, 1, 2, 3))):
        place, (_, (first, last)) = dice.randrange(parcels), _WHEN[what]
        rung = dice.randint(first, last)
        timed.append((dice.uniform(times[place][rung], times[place][rung + 1]), Step(what, place)))
    mending = (Step(W.ADDRESS),) if mended else ()
    return (*mending, *(step for _, step in sorted(timed, key=lambda one: one[0])))


def _trouble(dice: random.Random) -> Trouble:
    """One failure of Stripe at one operation of this order; declines are a step of their own."""
    fault = dice.choice([one for one in TROUBLES if one != "declined"])
    return Trouble(dice.choice(MOVES_MONEY), fault, 1.0, 1, dice.randrange(1000))
