"""The ledger balances because the database says so: at the end of each transaction, whoever wrote it, for good."""

from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from domain.ledger import SIDES, PostingKind, entries
from domain.payments import Fee
from domain.states import LedgerAccount
from models import audit, ledger, payments
from tests.models.kit import APP, OWNER, SUPERUSER, TOTAL, Server, Shop, at_once, complaint

UNBALANCED, CLOSED = "23514/balanced", "23514/posting_closed"
NO_RIGHT, APPEND_ONLY = "42501", "23514/append_only"

POSTING = (
    "INSERT INTO ledger_postings (tenant_id, posting_id, payment_id, kind, currency)"
    " SELECT tenant_id, 'by hand', payment_id, 'fee', 'EUR' FROM payments"
)
ENTRY = "INSERT INTO ledger_entries (tenant_id, posting_id, account, amount_minor) VALUES (current_tenant(), {})"
DEBIT, CREDIT = ENTRY.format("'by hand', 'fees', 5"), ENTRY.format("'by hand', 'receivable', -5")
FORGED = POSTING.replace("currency)", "currency, written_by)").replace("'EUR'", "'EUR', :writer")

whoever = pytest.mark.parametrize("role", [APP, OWNER, SUPERUSER])


@pytest.fixture
async def payment(shop: Shop) -> str:
    """A payment that was taken: its capture is posted."""
    return await shop.sell()


async def post(
    shop: Shop, payment: str, kind: PostingKind, posting: str, amount: int, currency: str | None = None
) -> None:
    """Post in a transaction of its own."""
    async with shop.transaction() as session:
        await ledger.post(session, await payments.get(session, payment), kind, posting, amount, currency)


def written(shop: Shop) -> list[tuple[str, str, int]]:
    """Posting, account and amount of every entry."""
    rows = shop.rows("SELECT posting_id, account, amount_minor FROM ledger_entries ORDER BY posting_id, account")
    return [tuple(row) for row in rows]


@whoever
@pytest.mark.parametrize(
    "statements",
    [
        [POSTING],
        [POSTING, DEBIT],
        [POSTING, DEBIT, ENTRY.format("'by hand', 'receivable', -4")],
        [POSTING, DEBIT, CREDIT, ENTRY.format("'by hand', 'captured', -1")],
        [f"WITH head AS ({POSTING} RETURNING 1) {DEBIT}"],
        [POSTING, ENTRY.format(f"'by hand', 'fees', {2**63 - 1}"), ENTRY.format("'by hand', 'disputes', 1")],
    ],
    ids=["no entry", "one entry", "another sum", "one too many", "in one statement", "more than a bigint"],
)
def test_a_posting_that_does_not_balance_cannot_be_committed(
    shop: Shop, payment: str, statements: list[str], role: str
) -> None:
    before = written(shop)
    assert shop.refusal(*(_own(one, shop) for one in statements), role=role) == UNBALANCED
    assert written(shop) == before


def _own(statement: str, shop: Shop) -> str:
    """A superuser sees every tenant's payments."""
    return statement.replace("FROM payments", f"FROM payments WHERE tenant_id = '{shop.tenant}'")


@whoever
def test_one_that_balances_can(shop: Shop, payment: str, role: str) -> None:
    shop.run(*(_own(one, shop) for one in (POSTING, DEBIT, CREDIT)), role=role)
    assert written(shop)[:2] == [("by hand", "fees", 5), ("by hand", "receivable", -5)]


@pytest.mark.parametrize("wrong", [5, -4])
def test_balanced_by_code_of_the_room_or_not_it_is_the_commit_that_tells(shop: Shop, payment: str, wrong: int) -> None:
    """Until then a posting may be half written; then the whole transaction is gone."""
    with shop.server.connect(APP, shop.tenant) as connection:
        connection.execute(sa.text("UPDATE payments SET card = 'visa 1'"))
        for statement in (POSTING, DEBIT, ENTRY.format(f"'by hand', 'receivable', {wrong}")):
            connection.execute(sa.text(statement))
        with pytest.raises(IntegrityError) as refused:
            connection.commit()
    assert complaint(refused.value) == ("23514", "balanced")
    assert shop.rows("SELECT card FROM payments") == [("visa 4242",)]


@pytest.mark.parametrize("role", [APP, OWNER])
@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("tenant", ["", "another"])
def test_who_changes_the_tenant_before_the_end_commits_no_posting_at_all(
    shop: Shop, payment: str, role: str, balanced: bool, tenant: str
) -> None:
    statements = [POSTING, DEBIT, *([CREDIT] if balanced else [])]
    away = f"SELECT set_config('milepost.tenant', '{tenant}', true)"
    assert shop.refusal(*statements, away, role=role) == UNBALANCED


async def test_nor_does_a_twin_of_another_tenant_make_it_balance(server: Server, shop: Shop, payment: str) -> None:
    other = server.new_shop()
    await other.sell()
    change = "SELECT set_config('milepost.tenant', :other, true)"
    assert shop.refusal(POSTING, DEBIT, change, POSTING, DEBIT, CREDIT, other=other.tenant) == UNBALANCED
    other.run(POSTING, DEBIT, CREDIT)


@whoever
def test_a_posting_takes_no_entries_of_a_later_transaction(shop: Shop, payment: str, role: str) -> None:
    """Not even ones that balance: its history would say something else than it did."""
    shop.run(POSTING, DEBIT, CREDIT)
    more = [ENTRY.format("'by hand', 'captured', -1"), ENTRY.format("'by hand', 'refunded', 1")]
    assert shop.refusal(*more, role=role) == CLOSED
    assert shop.refusal(more[0], role=role) == UNBALANCED
    assert len([one for one in written(shop) if one[0] == "by hand"]) == 2


@pytest.mark.parametrize("role", [APP, OWNER])
def test_a_posting_cannot_be_left_open_for_a_later_transaction(shop: Shop, payment: str, role: str) -> None:
    """By saying that another transaction, one still to come, has written it."""
    ((current,),) = shop.rows("SELECT pg_current_xact_id()::text")
    for writer in (str(int(current) + 1_000), "", "nobody"):
        assert shop.refusal(FORGED, DEBIT, CREDIT, role=role, writer=writer) == CLOSED
    assert shop.rows("SELECT 1 FROM ledger_postings WHERE posting_id = 'by hand'") == []


def test_a_savepoint_is_the_same_transaction(shop: Shop, payment: str) -> None:
    shop.run(POSTING, "SAVEPOINT one", DEBIT, "RELEASE one", "SAVEPOINT two", CREDIT)
    assert ("by hand", "fees", 5) in written(shop)
    lost = [POSTING.replace("by hand", "two"), "SAVEPOINT one", DEBIT.replace("by hand", "two"), "ROLLBACK TO one"]
    assert shop.refusal(*lost) == UNBALANCED


@pytest.mark.parametrize("role", [APP, OWNER])
def test_who_has_it_checked_early_has_it_checked_again(shop: Shop, payment: str, role: str) -> None:
    early = [POSTING, DEBIT, CREDIT, "SET CONSTRAINTS ALL IMMEDIATE"]
    more = ENTRY.format("'by hand', 'captured', -1")
    assert shop.refusal(*early, more, role=role) == UNBALANCED
    assert shop.refusal(*early, "SET CONSTRAINTS ALL DEFERRED", more, role=role) == UNBALANCED


@pytest.mark.parametrize("table", ["ledger_postings", "ledger_entries"])
def test_what_is_posted_is_neither_changed_nor_deleted(shop: Shop, payment: str, table: str) -> None:
    before = written(shop)
    for statement in (f"UPDATE {table} SET posting_id = 'another'", f"DELETE FROM {table}"):
        assert shop.refusal(statement) == NO_RIGHT
        assert shop.refusal(statement, role=OWNER) == APPEND_ONLY
    assert written(shop) == before


def test_the_application_cannot_switch_the_check_off(shop: Shop, payment: str) -> None:
    for table in ("ledger_postings", "ledger_entries"):
        for statement in (
            f"ALTER TABLE {table} DISABLE TRIGGER balanced",
            f"DROP TRIGGER balanced ON {table}",
            f"TRUNCATE {table} CASCADE",
        ):
            assert shop.refusal(statement) == NO_RIGHT
    rewritten = "CREATE OR REPLACE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'"
    assert shop.refusal(rewritten) == NO_RIGHT


def test_both_tables_are_watched_until_the_end_of_the_transaction(server: Server) -> None:
    armed = server.rows(
        "SELECT tgrelid::regclass::text, tgdeferrable, tginitdeferred FROM pg_trigger"
        " WHERE tgname = 'balanced' AND tgenabled = 'O' ORDER BY 1"
    )
    assert armed == [("ledger_entries", True, True), ("ledger_postings", True, True)]


@pytest.mark.parametrize("amount", [0, -5])
def test_an_entry_of_nothing_is_none(shop: Shop, payment: str, amount: int) -> None:
    nothing = ENTRY.format("'by hand', 'fees', 0")
    assert shop.refusal(POSTING, nothing) == "23514/ck_ledger_entries_amount"
    with pytest.raises(ValueError, match="a positive amount"):
        entries(PostingKind.FEE, amount)


def test_a_posting_is_of_a_payment_that_exists(shop: Shop, payment: str) -> None:
    of_nobody = POSTING.replace("payment_id, 'fee'", "'pay_nobody', 'fee'")
    assert shop.refusal(of_nobody, DEBIT, CREDIT) == "23503/fk_ledger_postings_tenant_id_payment_id"
    assert shop.refusal(DEBIT, CREDIT) == "23503/fk_ledger_entries_tenant_id_posting_id"


@pytest.mark.parametrize("kind", PostingKind)
async def test_each_kind_is_posted_to_its_two_accounts(shop: Shop, payment: str, kind: PostingKind) -> None:
    await post(shop, payment, kind, "new", 7)
    debit, credit = SIDES[kind]
    assert sorted(written(shop)[-2:]) == sorted([("new", debit.value, 7), ("new", credit.value, -7)])
    assert shop.rows("SELECT kind, currency, payment_id FROM ledger_postings WHERE posting_id = 'new'") == [
        (kind.value, "EUR", payment)
    ]


async def test_posted_twice_it_is_posted_once(shop: Shop, payment: str) -> None:
    async with shop.transaction() as session:
        row = await payments.get(session, payment)
        assert not await ledger.posted(session, "refund/re_1")
        for amount in (500, 500, 400):
            await ledger.post(session, row, PostingKind.REFUND, "refund/re_1", amount)
        assert await ledger.posted(session, "refund/re_1")
    await post(shop, payment, PostingKind.REFUND, "refund/re_1", 500)
    assert shop.ledger() == {"receivable": TOTAL - 500, "captured": -TOTAL, "refunded": 500}


async def test_posted_by_twenty_at_once_it_is_posted_once(shop: Shop, payment: str) -> None:
    """Without the payment's lock: the posting's own id is what makes it one."""

    async def again() -> None:
        async with shop.transaction() as session:
            row = await session.get_one(payments.Payment, (shop.tenant, payment))
            await ledger.post(session, row, PostingKind.FEE, "fee/txn_1", 30)

    await at_once([again] * 20)
    assert shop.ledger() == {"receivable": TOTAL - 30, "captured": -TOTAL, "fees": 30}
    assert shop.rows("SELECT count(*) FROM ledger_postings") == [(2,)]


async def test_a_crowd_of_different_postings_is_all_there(shop: Shop, payment: str) -> None:
    await at_once(partial(post, shop, payment, PostingKind.FEE, f"fee/txn_{n}", n + 1) for n in range(20))
    assert shop.ledger() == {"receivable": TOTAL - 210, "captured": -TOTAL, "fees": 210}


async def test_balances_by_account_and_currency(server: Server, shop: Shop, payment: str) -> None:
    await post(shop, payment, PostingKind.REFUND, "refund/re_1", 500)
    await post(shop, payment, PostingKind.DISPUTE_OPENED, "dispute/dp_1/opened", 1_000)
    await post(shop, payment, PostingKind.FEE, "fee/txn_1", 40, "USD")
    await server.new_shop().sell()
    async with shop.transaction() as session:
        told = await ledger.balances(session)
    assert told == {
        (LedgerAccount.RECEIVABLE, "EUR"): TOTAL - 1_500,
        (LedgerAccount.CAPTURED, "EUR"): -TOTAL,
        (LedgerAccount.REFUNDED, "EUR"): 500,
        (LedgerAccount.DISPUTES, "EUR"): 1_000,
        (LedgerAccount.RECEIVABLE, "USD"): -40,
        (LedgerAccount.FEES, "USD"): 40,
    }


async def test_a_fee_is_posted_under_its_transaction_in_its_own_currency(shop: Shop, payment: str) -> None:
    async with shop.transaction() as session:
        row = await payments.get(session, payment)
        for amount in (30, 30, 0):
            await ledger.post_fee(session, row, Fee(f"txn_{amount}", amount, "USD"))
    assert shop.rows("SELECT posting_id, currency FROM ledger_postings WHERE kind = 'fee'") == [("fee/txn_30", "USD")]
    async with shop.transaction() as session:
        assert await audit.audit(session) == []
