"""Promises of memberships, each broken by hand in one row."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plant:
    """What is broken, which check must see it, on what, and what it says; `beside`: what else is broken by it."""

    check: str
    subject: str
    detail: str
    damage: str
    beside: tuple[str, ...] = ()


MEMBER_PLANTS = [
    Plant(
        "memberships: a paid period has its payment", "mem_1/0", "paid 990, payment is voided",
        "UPDATE payments SET state = 'voided'",
    ),
    Plant(
        "memberships: a paid period has its payment", "mem_1/0", "paid 890, payment is captured of 990",
        "UPDATE membership_periods SET amount_minor = 890",
    ),
    Plant(
        "memberships: no payment without a paid period", "{pay}", "payment is captured, period is unknown",
        "UPDATE membership_periods SET payment_id = 'pay_none'",
        beside=("memberships: a paid period has its payment",),
    ),
    Plant(
        "memberships: who is a member has paid", "mem_1", "active in period 1",
        "UPDATE memberships SET period = 1",
    ),
    Plant(
        "memberships: nothing is due of one that ended", "mem_1/0", "due, membership is lapsed",
        "WITH ended AS (UPDATE memberships SET state = 'lapsed', ended_at = now() WHERE tenant_id = '{tenant}')"
        " UPDATE membership_periods SET state = 'due'",
        beside=("memberships: no payment without a paid period",),
    ),
    Plant(
        "memberships: a renewal is looked after", "mem_1", "still active, its benefits ended at",
        "UPDATE memberships SET benefits_until = now() - interval '25 hours', period_ends_at = NULL",
        beside=("memberships: who is a member has paid",),
    ),
    Plant(
        "memberships: nobody has bought more than their limit", "mem_1/BAG", "bought 2 in period 0, limit 1",
        "UPDATE member_purchases SET quantity = 2",
    ),
]  # fmt: skip
