"""Who did what, kept answers, rate limits, storefronts' origins, machines' tokens, and staff from an issuer."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from models.migrations.rules_0012 import (
    APPEND_ONLY,
    EXECUTABLE,
    FUNCTIONS,
    READ_BEFORE_A_TENANT_IS_KNOWN,
    TENANT_TABLES,
    TRIGGERS,
)
from settings import app_role

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_TEXT = sa.Text()


def upgrade() -> None:
    """Create the tables and functions, and put them under the same rules as all others."""
    role = op.get_bind().dialect.identifier_preparer.quote(app_role())
    op.add_column("api_keys", sa.Column("made_under", _TEXT, nullable=True))
    op.create_index("uq_api_keys_tenant_id_made_under", "api_keys", ["tenant_id", "made_under"], unique=True)
    op.drop_constraint(op.f("ck_api_keys_keykind"), "api_keys")
    op.create_check_constraint("keykind", "api_keys", "kind IN ('secret', 'publishable', 'client')")
    _create_logs()
    _create_access()
    for statement in (*FUNCTIONS, *TRIGGERS):
        op.execute(sa.text(statement))
    for table in TENANT_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} USING (tenant_id = current_tenant())"
            " WITH CHECK (tenant_id = current_tenant())"
        )
    for table in READ_BEFORE_A_TENANT_IS_KNOWN:
        op.execute(f"CREATE POLICY owner_reads ON {table} FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TENANT_TABLES)} TO {role}")
    op.execute(f"REVOKE UPDATE, DELETE ON {', '.join(APPEND_ONLY)} FROM {role}")
    op.execute(f"REVOKE INSERT, UPDATE, DELETE ON staff_issuers FROM {role}")
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(EXECUTABLE)} TO {role}")


def _create(name: str, *parts: sa.Column[Any] | sa.Constraint, key: str, prefixes: list[str] | None = None) -> None:
    op.create_table(
        name,
        sa.Column("tenant_id", _TEXT, nullable=False),
        *parts,
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f(f"fk_{name}_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", *key.split(), name=op.f(f"pk_{name}")),
        prefixes=prefixes,
    )


def _needed(name: str, kind: sa.types.TypeEngine[Any] = _TEXT, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=sa.text(default) if default else None)


def _create_logs() -> None:
    _create(
        "audit_log",
        sa.Column("act_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _needed("at", _MOMENT, "now()"),
        *(_needed(name) for name in ("actor", "action", "target")),
        _needed("status", sa.BigInteger()),
        sa.Column("code", _TEXT, nullable=True),
        _needed("request_id"),
        key="act_id",
    )
    _create(
        "kept_answers",
        _needed("idempotency_key"),
        _needed("fingerprint"),
        _needed("begun_at", _MOMENT, "clock_timestamp()"),
        _needed("held_until", _MOMENT),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("headers", JSONB(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("status BETWEEN 200 AND 499", name=op.f("ck_kept_answers_status")),
        key="idempotency_key",
    )
    op.create_index("ix_kept_answers_tenant_id_begun_at", "kept_answers", ["tenant_id", "begun_at"])
    _create(
        "rate_buckets",
        _needed("key_id"),
        _needed("tokens", sa.Double()),
        _needed("filled_at", _MOMENT),
        key="key_id",
        prefixes=["UNLOGGED"],
    )


def _create_access() -> None:
    _create(
        "storefront_origins",
        _needed("origin"),
        sa.CheckConstraint("origin ~ '^https?://[a-z0-9.:\\[\\]-]+$'", name=op.f("ck_storefront_origins_origin")),
        key="origin",
    )
    op.create_index("ix_storefront_origins_origin", "storefront_origins", ["origin"])
    _create(
        "access_tokens",
        *(_needed(name) for name in ("token_hash", "key_id")),
        _needed("scopes", ARRAY(_TEXT)),
        _needed("issued_at", _MOMENT, "now()"),
        _needed("expires_at", _MOMENT),
        sa.ForeignKeyConstraint(
            ["tenant_id", "key_id"],
            ["api_keys.tenant_id", "api_keys.key_id"],
            name=op.f("fk_access_tokens_tenant_id_key_id"),
        ),
        key="token_hash",
    )
    op.create_index("uq_access_tokens_token_hash", "access_tokens", ["token_hash"], unique=True)
    _create(
        "staff_issuers",
        *(_needed(name) for name in ("issuer", "audience", "roles_claim")),
        _needed("created_at", _MOMENT, "now()"),
        key="issuer audience",
    )
    op.create_index("uq_staff_issuers_issuer_audience", "staff_issuers", ["issuer", "audience"], unique=True)
    _create(
        "staff_roles",
        _needed("role"),
        _needed("scopes", ARRAY(_TEXT)),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        key="role",
    )
