"""Refunds by hand in the tables: limits that hold in a crowd, a second person the database insists on, the audit."""

from dataclasses import replace

import pytest

from activities.refunds import RefundActivities
from domain.payments import PaymentCaptured, RefundMade
from domain.refunds import MoveRefundRequest, RefundCause, RefundInput, RefundLimits
from domain.states import RefundRequestState
from models import audit, payments, refunds
from models.audit_refunds import REFUND_CHECKS
from tests.models.kit import SUPERUSER, TOTAL, Shop, at_once

ANY = RefundLimits(None, None, None, TOTAL, 60)
_S = RefundRequestState

PLANTS = [
    (
        "refunds: nothing goes back that nobody allowed", "re_1", "request is declined, a refund of 5000 is succeeded",
        "UPDATE refund_requests SET state = 'declined'",
    ),
    (
        "refunds: a large one has its second person", "re_1", "5000 asked for by ada, allowed by ada",
        "UPDATE refund_requests SET decided_by = actor",
    ),
    (
        "refunds: what goes back is what was asked for", "re_1", "5001 asked for, 5000 succeeded",
        "UPDATE refund_requests SET amount_minor = 5001",
    ),
]  # fmt: skip


@pytest.fixture
async def paid(shop: Shop) -> RefundInput:
    """An order whose money is ours, and a refund of 5000 that may be asked for."""
    checkout = await shop.open(shop.new_sku(10))
    placed = await shop.place(checkout)
    number = shop.payment_of(checkout)
    async with shop.transaction() as session:
        payment = await payments.get(session, number)
        await payments.mark_captured(session, payment, PaymentCaptured(payment.intent_id or "", TOTAL, "ch_1"))
    return RefundInput(
        shop.tenant, "re_1", "f", number, placed.order_number, 5_000, "EUR", "a scratch", "ada",
        cause=RefundCause.GOODWILL, limits=ANY,
    )  # fmt: skip


@pytest.fixture
def acts(shop: Shop) -> RefundActivities:
    """The steps."""
    return RefundActivities(shop.server.database)


@pytest.mark.parametrize(
    ("limits", "limit", "left"),
    [
        (replace(ANY, most_minor=4_999), "refund", "4999"),
        (replace(ANY, order_most_minor=7_999), "order", "2999"),
        (replace(ANY, actor_day_most_minor=7_999), "actor_day", "2999"),
    ],
    ids=["refund", "order", "actor_day"],
)
async def test_no_more_than_the_limit(
    shop: Shop, acts: RefundActivities, paid: RefundInput, limits: RefundLimits, limit: str, left: str
) -> None:
    if limit != "refund":
        asked = await acts.request(replace(paid, limits=limits))
        assert (asked.amount_minor, asked.state, asked.refusal) == (5_000, _S.APPROVED, None)
    wanted = 5_000 if limit == "refund" else 3_000
    refused = await acts.request(replace(paid, refund_id="re_2", amount_minor=wanted, limits=limits))
    assert refused.refusal is not None
    assert (refused.refusal.code, refused.refusal.facts["limit"], refused.refusal.facts["left"]) == (
        "refund_limit_reached", limit, left,
    )  # fmt: skip
    fits = await acts.request(replace(paid, refund_id="re_3", amount_minor=int(left), limits=limits))
    assert fits.refusal is None
    other = replace(paid, refund_id="re_4", amount_minor=1, actor="bea", limits=limits)
    assert ((await acts.request(other)).refusal is None) is (limit != "order")


async def test_what_bounced_could_not_be_done_or_was_not_allowed_does_not_count(
    shop: Shop, acts: RefundActivities, paid: RefundInput
) -> None:
    limits = replace(ANY, order_most_minor=5_000, second_person_above_minor=0)
    for place, end in enumerate((_S.DECLINED, _S.EXPIRED, _S.FAILED)):
        one = replace(paid, refund_id=f"re_{place}", limits=limits)
        assert (await acts.request(one)).state is _S.AWAITING_APPROVAL
        assert (await acts.request(replace(one, refund_id="re_x"))).refusal is not None
        if end is _S.FAILED:
            await acts.move(MoveRefundRequest(shop.tenant, one.refund_id, _S.APPROVED, "bea", "yes"))
        for _ in range(2):
            assert await acts.move(MoveRefundRequest(shop.tenant, one.refund_id, end, "bea", "no")) is end
    assert (await acts.request(replace(paid, limits=limits, refund_id="re_y"))).refusal is None


async def test_one_person_at_many_tills_gets_no_more_than_the_day_allows(
    shop: Shop, acts: RefundActivities, paid: RefundInput
) -> None:
    limits = replace(ANY, actor_day_most_minor=3_000)
    crowd = [replace(paid, refund_id=f"re_{one}", amount_minor=1_000, limits=limits) for one in range(6)]
    answers = await at_once([lambda one=one: acts.request(one) for one in crowd])  # type: ignore[misc]
    assert sorted(one.refusal is None for one in answers) == [False] * 3 + [True] * 3


async def test_what_waits_is_not_there_for_the_next(acts: RefundActivities, paid: RefundInput) -> None:
    limits = replace(ANY, second_person_above_minor=4_000)
    assert (await acts.request(replace(paid, limits=limits))).state is _S.AWAITING_APPROVAL
    rest = await acts.request(replace(paid, refund_id="re_2", amount_minor=None, limits=limits))
    assert (rest.amount_minor, rest.state) == (TOTAL - 5_000, _S.AWAITING_APPROVAL)
    nothing = await acts.request(replace(paid, refund_id="re_3", amount_minor=1, limits=limits))
    assert nothing.refusal is not None
    assert nothing.refusal.facts == {"refundable": "0"}


@pytest.fixture
async def allowed(shop: Shop, acts: RefundActivities, paid: RefundInput) -> RefundInput:
    """A second person has allowed it, and it was made; each step is taken twice."""
    one = replace(paid, limits=replace(ANY, second_person_above_minor=4_999))
    for _ in range(2):
        assert (await acts.request(one)).state is _S.AWAITING_APPROVAL
    refusal = shop.refusal("UPDATE refund_requests SET state = 'approved', decided_by = actor")
    assert refusal == "23514/ck_refund_requests_second_person"
    for who in ("bea", "ada"):  # the first one counts
        await acts.move(MoveRefundRequest(shop.tenant, "re_1", _S.APPROVED, who, "yes"))
    async with shop.transaction() as session:
        payment = await payments.get(session, one.payment_id)
        await refunds.begin(session, payment, "re_1", 5_000, "goodwill")
        await refunds.record(session, payment, "re_1", RefundMade("re_x", 5_000, transaction_id="txn_x"))
    return one


async def findings(shop: Shop) -> list[audit.Finding]:
    """What the auditor says of refunds."""
    async with shop.transaction() as session:
        return [one for one in await audit.audit(session) if one.check in REFUND_CHECKS]


async def test_the_second_person_is_written_down(shop: Shop, allowed: RefundInput) -> None:
    rows = shop.rows("SELECT state, actor, decided_by, decision_note FROM refund_requests")
    assert rows == [("approved", "ada", "bea", "yes")]
    assert await findings(shop) == []
    assert shop.refusal("UPDATE refund_requests SET state = 'declined'").startswith("23514")


@pytest.mark.parametrize(("check", "subject", "detail", "statement"), PLANTS, ids=lambda value: str(value)[:50])
async def test_what_is_broken_is_found(
    shop: Shop, allowed: RefundInput, check: str, subject: str, detail: str, statement: str
) -> None:
    rules = "ALTER TABLE refund_requests DROP CONSTRAINT ck_refund_requests_second_person"
    with shop.server.connect(SUPERUSER, shop.tenant) as connection:
        own = f"{statement} WHERE tenant_id = '{shop.tenant}'"
        for one in ("SET LOCAL session_replication_role = replica", rules, own):
            connection.exec_driver_sql(one)
        rows = connection.exec_driver_sql(REFUND_CHECKS[check]).all()
    assert [tuple(row) for row in rows] == [(subject, detail)]


def test_each_check_has_its_plant() -> None:
    assert {check for check, *_ in PLANTS} == set(REFUND_CHECKS)
