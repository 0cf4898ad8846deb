"""The SQL of migration 0006, as it was: never edited, a later migration changes it."""

TENANT_TABLES = ("products", "product_media")

READ_BY_OWNER = ("products", "variants")
"""What the views below read as the owner."""

FUNCTIONS = (
    # One writer of a tenant's catalog at a time, told apart before any row is locked: no two wait for each other, and
    # `updated_at` grows in the order of commits, so that whoever asks for what is new misses nothing.
    """
    CREATE FUNCTION lock_catalog() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtextextended(current_tenant() || '/catalog', 0));
      RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION stamp_product() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF OLD.written_by = pg_current_xact_id()::text THEN
        NEW.version := OLD.version;
        NEW.updated_at := OLD.updated_at;
      ELSE
        NEW.version := OLD.version + 1;
        NEW.updated_at := clock_timestamp();
      END IF;
      NEW.created_at := OLD.created_at;
      NEW.written_by := pg_current_xact_id()::text;
      RETURN NEW;
    END $$
    """,
    # A product is another one when a variant or a link of it is.
    """
    CREATE FUNCTION touch_product() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP <> 'DELETE' AND NEW.product_id IS NOT NULL THEN
        UPDATE products SET written_by = written_by WHERE tenant_id = NEW.tenant_id
          AND product_id = NEW.product_id AND written_by <> pg_current_xact_id()::text;
      END IF;
      IF TG_OP <> 'INSERT' AND OLD.product_id IS NOT NULL THEN
        UPDATE products SET written_by = written_by WHERE tenant_id = OLD.tenant_id
          AND product_id = OLD.product_id AND written_by <> pg_current_xact_id()::text;
      END IF;
      RETURN NULL;
    END $$
    """,
)

TRIGGERS = (
    *(
        f"CREATE TRIGGER lock_catalog BEFORE INSERT OR UPDATE OR DELETE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION lock_catalog()"
        for table in ("products", "variants", "product_media")
    ),
    "CREATE TRIGGER stamp_product BEFORE UPDATE ON products FOR EACH ROW EXECUTE FUNCTION stamp_product()",
    *(
        f"CREATE TRIGGER touch_product AFTER INSERT OR UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION touch_product()"
        for table in ("variants", "product_media")
    ),
)

# Row-level security lets no operator that might tell of a row, such as @@ and @>, look into an index before the
# policy has passed the row, so every search would read the tenant's whole catalog. These views are read as the owner,
# who sees all, and keep to the tenant themselves.
VIEWS = (
    "CREATE VIEW catalog_products AS SELECT * FROM products WHERE tenant_id = current_tenant()",
    """
    CREATE VIEW catalog_variants AS SELECT tenant_id, product_id, sku, options, status FROM variants
    WHERE tenant_id = current_tenant() AND product_id IS NOT NULL
    """,
)
VIEW_NAMES = ("catalog_products", "catalog_variants")
