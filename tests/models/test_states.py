"""A row moves as its state machine in `domain.states` allows and not otherwise, whoever writes the SQL."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from domain.states import MACHINES
from models.base import Base
from tests.models.full import full_shop
from tests.models.kit import APP, OWNER, SUPERUSER, Server, Shop, complaint

ILLEGAL = ("23514", "legal_move")
STATES = [(machine, state.value) for machine, (states, _) in MACHINES.items() for state in states]
ENUMS = [
    (table.name, column.name)
    for table in Base.metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, sa.Enum)
]

# What other constraints want to be so in a state, so that only the move itself is judged.
_ALONG = {
    "drop_tickets": "granted_until = now()",
    "checkouts": "order_number = CASE WHEN '{0}' = 'completed' THEN '1' END,"
    " reason = CASE WHEN '{0}' IN ('failed', 'expired', 'cancelled') THEN 'why' END",
    "mails": "ended_at = CASE WHEN '{0}' <> 'pending' THEN now() END, problem = 'why'",
    "memberships": "ended_at = CASE WHEN '{0}' IN ('lapsed', 'cancelled', 'failed') THEN now() END",
    "membership_periods": "settled_at = now()",
    "refund_requests": "decided_by = 'another'",
    "payments": "authorized_minor = amount_minor, captured_minor = amount_minor",
}


def into(table: str, state: str) -> str:
    """SQL that takes the tenant's row to a state."""
    along = _ALONG.get(table)
    return f"UPDATE {table} SET state = '{state}'" + (", " + along.format(state) if along else "")


@pytest.fixture(scope="module")
async def bought(server: Server) -> Shop:
    """A tenant with one row in each table that has a state, and in each with an enum."""
    return await full_shop(server)


def plant(shop: Shop, table: str, state: str) -> None:
    """Put the row into a state past all triggers."""
    triggerless = "SET LOCAL session_replication_role = replica"
    one = f"{into(table, state)} WHERE tenant_id = '{shop.tenant}'"
    assert shop.run(triggerless, one, role=SUPERUSER) == 1


@pytest.mark.parametrize("role", [APP, OWNER])
@pytest.mark.parametrize(("table", "state"), STATES)
def test_from_each_state_exactly_the_legal_moves_are_let_through(
    bought: Shop, table: str, state: str, role: str
) -> None:
    states, moves = MACHINES[table]
    plant(bought, table, state)
    allowed, complaints = set(), set()
    with bought.server.connect(role, bought.tenant) as connection:
        for target in states:
            attempt = connection.begin_nested()
            try:
                assert connection.execute(sa.text(into(table, target.value))).rowcount == 1
                allowed.add(target)
            except IntegrityError as refused:
                complaints.add(complaint(refused))
            finally:
                attempt.rollback()
    assert complaints <= {ILLEGAL}
    assert allowed == moves.get(states(state), frozenset()) | {states(state)}


def test_the_databases_table_of_moves_is_that_of_the_domain(server: Server) -> None:
    ours = {
        (machine, state.value, target.value)
        for machine, (_, moves) in MACHINES.items()
        for state, targets in moves.items()
        for target in targets
    }
    assert {tuple(row) for row in server.rows("SELECT machine, state, next_state FROM legal_moves")} == ours


def test_every_table_with_a_state_has_a_machine_and_its_trigger(server: Server) -> None:
    stateful = {table.name for table in Base.metadata.tables.values() if "state" in table.columns} - {"legal_moves"}
    armed = server.rows(
        "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'legal_move' AND tgenabled = 'O'"
    )
    assert stateful == set(MACHINES) == {name for (name,) in armed}


def test_the_application_cannot_make_a_move_legal_nor_switch_the_trigger_off(bought: Shop) -> None:
    no_right = "42501"
    for statement in (
        "INSERT INTO legal_moves (machine, state, next_state) VALUES ('orders', 'cancelled', 'shipped')",
        "UPDATE legal_moves SET next_state = 'closed'",
        "DELETE FROM legal_moves",
        "ALTER TABLE orders DISABLE TRIGGER legal_move",
        "DROP TRIGGER legal_move ON orders",
        "SET session_replication_role = replica",
    ):
        assert bought.refusal(statement) == no_right


def test_a_move_hidden_in_an_upsert_is_refused_as_well(bought: Shop) -> None:
    plant(bought, "orders", "cancelled")
    upsert = (
        "INSERT INTO orders SELECT * FROM orders ON CONFLICT (tenant_id, order_number) DO UPDATE SET state = 'shipped'"
    )
    assert bought.refusal(upsert) == "/".join(ILLEGAL)


@pytest.mark.parametrize(("table", "column"), ENUMS)
def test_an_enum_column_takes_its_values_and_no_word_else(bought: Shop, table: str, column: str) -> None:
    kind = Base.metadata.tables[table].columns[column].type
    assert isinstance(kind, sa.Enum)
    check = f"ck_{table}_{kind.name}"
    refused, others = set(), list[object]()
    with bought.server.connect(SUPERUSER) as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for word in [*kind.enums, "nonsense", kind.enums[0].upper(), "", " "]:
            attempt = connection.begin_nested()
            change = sa.text(f"UPDATE {table} SET {column} = :word WHERE tenant_id = :tenant")
            try:
                assert connection.execute(change, {"word": word, "tenant": bought.tenant}).rowcount >= 1
            except DBAPIError as error:
                if complaint(error) == ("23514", check):
                    refused.add(word)
                else:
                    others.append(complaint(error))
            finally:
                attempt.rollback()
    assert refused == {"nonsense", kind.enums[0].upper(), "", " "}, others
