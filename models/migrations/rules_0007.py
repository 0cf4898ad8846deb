"""The SQL of migration 0007, as it was: never edited, a later migration changes it."""

FUNCTIONS = (
    # As tenant_of_key before it, which old processes still ask, this answer crosses tenants: for whoever has the key.
    """
    CREATE FUNCTION living_key(wanted text) RETURNS TABLE (tenant_id text, key_id text, name text, kind text,
      scopes text[], expires_at timestamptz, last_used_at timestamptz, rate_limit bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
      SELECT k.tenant_id, k.key_id, k.name, k.kind, k.scopes, k.expires_at, k.last_used_at, k.rate_limit
      FROM api_keys k
      WHERE k.key_hash = wanted AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());
    END
    """,
    """
    CREATE OR REPLACE FUNCTION tenant_of_key(wanted text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
      SELECT tenant_id FROM living_key(wanted) WHERE '*' = ANY (scopes);
    END
    """,
)

EXECUTABLE = ("living_key(text)",)
