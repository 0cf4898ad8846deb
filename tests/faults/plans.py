"""Plans of random lives, each drawn evenly from one seed, so that a few plans differ in everything."""

import random
from collections.abc import Sequence

from tests.faults.lives import DECLINABLE, LOOKS, MOVES_MONEY, TROUBLES, WEBHOOKS, Act, Life, Plan, Trouble

LIVES = 8
CARDS = {
    "pm_card_visa": 14,
    "pm_card_authenticationRequired": 3,
    "pm_card_pendingRefund": 1,
    "pm_card_refundFail": 1,
    "pm_card_chargeDeclined": 1,
}
"""The two whose refunds are slow are few: their ten seconds are waited for."""
ACTS = {
    Act.CONFIRM: 1,
    Act.CANCEL_CHECKOUT: 1,
    Act.CANCEL_ORDER: 2,
    Act.HAND_OVER: 4,
    Act.DELIVER: 2,
    Act.REFUND_PART: 4,
    Act.REFUND_ALL: 2,
    Act.REPEAT: 3,
}
SOON = 2.0
"""Seconds within which everything happens that happens at once."""


def plan(seed: int) -> Plan:
    """The plan of a seed."""
    dice = random.Random(seed)
    looks = tuple(_trouble(dice, LOOKS) for _ in range(dice.randrange(3)))
    return Plan(tuple(_life(dice) for _ in range(LIVES)), dice.choice(sorted(WEBHOOKS)), looks)


def _life(dice: random.Random) -> Life:
    """Most shoppers who must confirm do so first: else their checkouts never become orders."""
    acts = dice.choices(list(ACTS), list(ACTS.values()), k=dice.randint(2, 6))
    client, card = dice.random() < 0.4, dice.choices(list(CARDS), list(CARDS.values()))[0]
    if (client or card == "pm_card_authenticationRequired") and dice.random() < 0.8:
        acts = [Act.CONFIRM, *acts]
    # A refund that bounces after its checkout was given up is money taken for nothing, and rightly found by the audit.
    automatic = dice.random() < 0.3 and card != "pm_card_refundFail"
    return Life(
        card=card,
        client=client,
        automatic=automatic,
        acts=tuple((act, dice.uniform(0, SOON)) for act in acts),
        at_once=dice.random() < 0.4,
        troubles=tuple(_trouble(dice, MOVES_MONEY) for _ in range(dice.randint(1, 3))),
    )


def _trouble(dice: random.Random, operations: Sequence[str]) -> Trouble:
    """Up to two failures of one operation: each costs a growing pause before the next try."""
    operation = dice.choice(operations)
    faults = [fault for fault in TROUBLES if fault != "declined" or operation in DECLINABLE]
    return Trouble(
        operation, dice.choice(faults), dice.choice([0.4, 0.7, 1.0]), dice.randint(1, 2), dice.randrange(1000)
    )
