"""API keys have a name that may be shown, a kind, scopes, an end, and a last use."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from models.migrations.rules_0007 import EXECUTABLE, FUNCTIONS
from settings import app_role

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KIND = sa.Enum("secret", "publishable", name="keykind", native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    """Keys of before may go on doing everything; keys made from now on say what they may."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    moment = sa.DateTime(timezone=True)
    for column in (
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("kind", _KIND, server_default="secret", nullable=False),
        sa.Column("scopes", ARRAY(sa.Text()), server_default="{*}", nullable=False),
        sa.Column("hint", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("expires_at", moment, nullable=True),
        sa.Column("last_used_at", moment, nullable=True),
        sa.Column("rate_limit", sa.BigInteger(), nullable=True),
    ):
        op.add_column("api_keys", column)
    op.alter_column("api_keys", "scopes", server_default="{}")
    _name_those_of_before()
    op.create_index("uq_api_keys_tenant_id_key_id", "api_keys", ["tenant_id", "key_id"], unique=True)
    op.create_check_constraint(
        "publishable",
        "api_keys",
        "kind <> 'publishable' OR scopes <@ ARRAY['checkouts:write', 'checkouts:read', 'catalog:read', 'prices:read']",
    )
    op.create_check_constraint("rate_limit", "api_keys", "rate_limit > 0")
    for statement in FUNCTIONS:
        op.execute(sa.text(statement))
    op.execute(f"GRANT INSERT, UPDATE (name, expires_at, revoked_at, last_used_at) ON api_keys TO {role}")
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(EXECUTABLE)} TO {role}")


def _name_those_of_before() -> None:
    """Row-level security binds the owner as well: it is lifted for this transaction, which nobody else sees."""
    op.execute("ALTER TABLE api_keys NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE api_keys SET key_id = 'key_' || left(key_hash, 20)")
    op.execute("ALTER TABLE api_keys FORCE ROW LEVEL SECURITY")
    op.alter_column("api_keys", "key_id", nullable=False)
