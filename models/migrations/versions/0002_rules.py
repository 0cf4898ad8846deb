"""What must be true whoever writes: tenants apart, legal moves only, history append-only, stock never oversold."""

import sqlalchemy as sa
from alembic import op

from models.migrations.rules_0002 import APPEND_ONLY, FUNCTIONS, MOVES, TENANT_TABLES, TRIGGERS
from settings import app_role

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the functions, triggers, policies and grants."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    for statement in FUNCTIONS:
        op.execute(sa.text(statement))
    for statement in TRIGGERS:
        op.execute(sa.text(statement))
    moves = sa.table("legal_moves", *(sa.column(name) for name in ("machine", "state", "next_state")))
    op.bulk_insert(moves, [{"machine": machine, "state": state, "next_state": to} for machine, state, to in MOVES])
    for table in TENANT_TABLES:
        _separate(table)
    op.execute("CREATE POLICY owner_reads ON api_keys FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("CREATE POLICY owner_reads ON inbox FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TENANT_TABLES)} TO {role}")
    op.execute(f"GRANT SELECT ON legal_moves, alembic_version TO {role}")
    op.execute(f"REVOKE UPDATE, DELETE ON {', '.join(APPEND_ONLY)} FROM {role}")
    op.execute(f"REVOKE INSERT, UPDATE, DELETE ON tenants, api_keys FROM {role}")
    op.execute(f"GRANT EXECUTE ON FUNCTION tenant_of_key(text), inbox_due(integer) TO {role}")


def _separate(table: str) -> None:
    """Each tenant sees and writes its own rows only; the owner is bound as well."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON {table} USING (tenant_id = current_tenant())"
        " WITH CHECK (tenant_id = current_tenant())"
    )
