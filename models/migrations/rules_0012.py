"""The SQL of migration 0012, as it was: never edited, a later migration changes it."""

TENANT_TABLES = (
    "audit_log", "kept_answers", "rate_buckets", "storefront_origins", "access_tokens", "staff_issuers", "staff_roles",
)  # fmt: skip

APPEND_ONLY = ("audit_log",)

READ_BEFORE_A_TENANT_IS_KNOWN = ("storefront_origins", "access_tokens", "staff_issuers", "staff_roles")
"""What the security-definer functions below, which run as the owner, must find."""

FUNCTIONS = (
    # Who a bearer is, of whatever kind: a key, or a token that a machine got for its key. For whoever has it.
    """
    CREATE FUNCTION caller_of(wanted text) RETURNS TABLE (tenant_id text, key_id text, name text, kind text,
      scopes text[], expires_at timestamptz, last_used_at timestamptz, rate_limit bigint, origins text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
      SELECT k.tenant_id, k.key_id, k.name, k.kind, k.scopes, k.expires_at, k.last_used_at, k.rate_limit,
        ARRAY(SELECT o.origin FROM storefront_origins o WHERE o.tenant_id = k.tenant_id)
      FROM api_keys k
      WHERE k.key_hash = wanted AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
      UNION ALL
      SELECT k.tenant_id, k.key_id, k.name, 'token', t.scopes, least(t.expires_at, k.expires_at), k.last_used_at,
        k.rate_limit, ARRAY(SELECT o.origin FROM storefront_origins o WHERE o.tenant_id = k.tenant_id)
      FROM access_tokens t JOIN api_keys k ON k.tenant_id = t.tenant_id AND k.key_id = t.key_id
      WHERE t.token_hash = wanted AND t.expires_at > now()
        AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());
    END
    """,
    """
    CREATE OR REPLACE FUNCTION tenant_of_key(wanted text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
      SELECT tenant_id FROM caller_of(wanted) WHERE kind = 'secret' AND '*' = ANY (scopes);
    END
    """,
    "DROP FUNCTION living_key(text)",
    # A browser asks before it has shown a key: whether a page may call us at all, for whichever tenant.
    """
    CREATE FUNCTION is_storefront(wanted text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    RETURN EXISTS (SELECT FROM storefront_origins WHERE origin = wanted)
    """,
    # Whose staff a signed token is of, by its issuer and audience, and what each of their roles may do.
    """
    CREATE FUNCTION staff_access(from_issuer text, audiences text[]) RETURNS TABLE (tenant_id text, roles_claim text,
      roles jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    BEGIN ATOMIC
      SELECT i.tenant_id, i.roles_claim, coalesce(
        (SELECT jsonb_object_agg(r.role, to_jsonb(r.scopes)) FROM staff_roles r WHERE r.tenant_id = i.tenant_id), '{}')
      FROM staff_issuers i WHERE i.issuer = from_issuer AND i.audience = ANY (audiences);
    END
    """,
    # One round trip, as the tenant, in a transaction of its own: so are the three below.
    """
    CREATE FUNCTION record_acts(tenant text, acts jsonb) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM set_config('milepost.tenant', tenant, true);
      INSERT INTO audit_log (tenant_id, at, actor, action, target, status, code, request_id)
        SELECT tenant, a.at, a.actor, a.action, a.target, a.status, a.code, a.request_id
        FROM jsonb_to_recordset(acts) AS a (at timestamptz, actor text, action text, target text, status bigint,
          code text, request_id text);
    END $$
    """,
    # Whose turn a key is. The one who inserts the row, or finds its holder gone, goes on; all others are told.
    """
    CREATE FUNCTION claim_answer(tenant text, key text, print text, hold interval, kept interval,
      OUT verdict text, OUT answer_status bigint, OUT answer_headers jsonb, OUT answer_body bytea)
    LANGUAGE plpgsql AS $$
    DECLARE
      seen kept_answers;
    BEGIN
      PERFORM set_config('milepost.tenant', tenant, true);
      INSERT INTO kept_answers (tenant_id, idempotency_key, fingerprint, held_until)
        VALUES (tenant, key, print, clock_timestamp() + hold) ON CONFLICT DO NOTHING;
      IF FOUND THEN
        verdict := 'new';
        RETURN;
      END IF;
      SELECT * INTO seen FROM kept_answers k WHERE k.idempotency_key = key FOR UPDATE;
      IF seen IS NULL OR seen.begun_at < clock_timestamp() - kept
          OR (seen.status IS NULL AND seen.fingerprint = print AND seen.held_until < clock_timestamp()) THEN
        INSERT INTO kept_answers (tenant_id, idempotency_key, fingerprint, held_until)
          VALUES (tenant, key, print, clock_timestamp() + hold)
          ON CONFLICT (tenant_id, idempotency_key) DO UPDATE SET fingerprint = print, begun_at = clock_timestamp(),
            held_until = excluded.held_until, status = NULL, headers = NULL, body = NULL;
        verdict := 'new';
      ELSIF seen.fingerprint <> print THEN
        verdict := 'other_body';
      ELSIF seen.status IS NULL THEN
        verdict := 'running';
      ELSE
        verdict := 'known';
        answer_status := seen.status;
        answer_headers := seen.headers;
        answer_body := seen.body;
      END IF;
    END $$
    """,
    # No status: the attempt came to nothing, and the same key may be tried again.
    """
    CREATE FUNCTION keep_answer(tenant text, key text, print text, answer_status bigint, answer_headers jsonb,
      answer_body bytea) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM set_config('milepost.tenant', tenant, true);
      IF answer_status IS NULL THEN
        DELETE FROM kept_answers k WHERE k.idempotency_key = key AND k.fingerprint = print AND k.status IS NULL;
      ELSE
        UPDATE kept_answers k SET status = answer_status, headers = answer_headers, body = answer_body
          WHERE k.idempotency_key = key AND k.fingerprint = print AND k.status IS NULL;
      END IF;
    END $$
    """,
    # A token bucket: it fills by `rate` a second up to `most`. A process takes a handful at a time.
    """
    CREATE FUNCTION take_tokens(tenant text, key text, wanted double precision, rate double precision,
      most double precision, OUT granted double precision, OUT remaining double precision)
    LANGUAGE plpgsql AS $$
    DECLARE
      moment timestamptz := clock_timestamp();
    BEGIN
      PERFORM set_config('milepost.tenant', tenant, true);
      INSERT INTO rate_buckets (tenant_id, key_id, tokens, filled_at) VALUES (tenant, key, most, moment)
        ON CONFLICT DO NOTHING;
      SELECT least(most, b.tokens + rate * greatest(0, extract(epoch FROM clock_timestamp() - b.filled_at)))
        INTO remaining FROM rate_buckets b WHERE b.key_id = key FOR UPDATE;
      granted := greatest(0, least(wanted, floor(remaining)));
      remaining := remaining - granted;
      UPDATE rate_buckets b SET tokens = remaining, filled_at = clock_timestamp() WHERE b.key_id = key;
    END $$
    """,
)

EXECUTABLE = (
    "caller_of(text)",
    "is_storefront(text)",
    "staff_access(text, text[])",
    "record_acts(text, jsonb)",
    "claim_answer(text, text, text, interval, interval)",
    "keep_answer(text, text, text, bigint, jsonb, bytea)",
    "take_tokens(text, text, double precision, double precision, double precision)",
)

TRIGGERS = tuple(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    for table in APPEND_ONLY
)
