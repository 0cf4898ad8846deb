"""What happened stays as it was written: no statement of the application, and none of the owner, rewrites history."""

import pytest

from models.migrations import rules_0002, rules_0004, rules_0005, rules_0010, rules_0012, rules_0019
from tests.models.full import full_shop
from tests.models.kit import OWNER, SUPERUSER, Server, Shop

APPEND_ONLY = (
    *rules_0002.APPEND_ONLY, *rules_0004.APPEND_ONLY, *rules_0005.APPEND_ONLY, *rules_0010.APPEND_ONLY,
    *rules_0012.APPEND_ONLY, *rules_0019.APPEND_ONLY,
)  # fmt: skip
NO_RIGHT = "42501"
REFUSED = "23514/append_only"

NUMBERED = {
    ("stock_movements", "movement_id"),
    ("events", "event_id"),
    ("return_steps", "step_id"),
    ("audit_log", "act_id"),
}
"""Columns that PostgreSQL itself fills, always: nobody may set them, before any trigger is asked."""

_ARMED = """
    SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE t.tgname = 'append_only' AND t.tgenabled = 'O'"""


@pytest.fixture(scope="module")
async def bought(server: Server) -> Shop:
    """A tenant with a history."""
    return await full_shop(server)


def columns(shop: Shop, table: str) -> list[str]:
    """Of a table, by name."""
    query = "SELECT attname FROM pg_attribute WHERE attrelid = CAST(:t AS regclass) AND attnum > 0 AND NOT attisdropped"
    return [name for (name,) in shop.rows(query, t=table)]


def test_the_history_is_stock_events_scans_acts_and_the_ledger(server: Server) -> None:
    armed = {name for (name,) in server.rows(_ARMED, role=SUPERUSER)}
    others = {"ledger_postings", "ledger_entries", "order_cancellations", "return_steps", "audit_log"}
    assert armed == set(APPEND_ONLY) == {"stock_movements", "stock_adjustments", "events", "tracking_events"} | others


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_no_column_of_a_row_can_be_changed(bought: Shop, table: str) -> None:
    before = bought.rows(f"SELECT * FROM {table}")
    assert before
    for name in columns(bought, table):
        assert bought.refusal(f"UPDATE {table} SET {name} = DEFAULT") == NO_RIGHT
        if (table, name) not in NUMBERED:
            assert bought.refusal(f"UPDATE {table} SET {name} = {name}", role=OWNER) == REFUSED
    assert bought.rows(f"SELECT * FROM {table}") == before


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_no_row_can_be_deleted(bought: Shop, table: str) -> None:
    before = bought.rows(f"SELECT * FROM {table}")
    for statement in (
        f"DELETE FROM {table}",
        f"WITH gone AS (DELETE FROM {table} RETURNING 1) SELECT count(*) FROM gone",
        f"MERGE INTO {table} USING (SELECT 1) AS one ON tenant_id = current_tenant() WHEN MATCHED THEN DELETE",
    ):
        assert bought.refusal(statement) == NO_RIGHT
        assert bought.refusal(statement, role=OWNER) == REFUSED
    assert bought.rows(f"SELECT * FROM {table}") == before


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_the_application_cannot_take_the_lock_off(bought: Shop, table: str) -> None:
    for statement in (
        f"TRUNCATE {table}",
        f"ALTER TABLE {table} DISABLE TRIGGER append_only",
        f"DROP TRIGGER append_only ON {table}",
        f"DROP TABLE {table}",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    ):
        assert bought.refusal(statement) == NO_RIGHT


def test_a_row_that_comes_a_second_time_cannot_overwrite_the_first(bought: Shop) -> None:
    upsert = (
        "INSERT INTO tracking_events SELECT * FROM tracking_events"
        " ON CONFLICT (tenant_id, carrier, event_id) DO UPDATE SET description = 'rewritten'"
    )
    assert bought.refusal(upsert) == NO_RIGHT
    assert bought.refusal(upsert, role=OWNER) == REFUSED
    assert bought.rows("SELECT description FROM tracking_events") == [("Picked up",)]


def test_what_history_tells_of_stays_too(bought: Shop) -> None:
    assert bought.refusal("DELETE FROM shipments").startswith("23503")
    assert bought.refusal("DELETE FROM orders").startswith("23503")
    assert bought.refusal("DELETE FROM checkouts").startswith("23503")
