"""The SQL of migration 0032, as it was: never edited, a later migration changes it."""

FUNCTIONS = (
    # The number of a checkout's order, the same each time. One statement that is a transaction of its own, so that the
    # counter, which all orders of a tenant want, is locked for the time of two updates and no conversation. First the
    # checkout is locked, so that two who ask at once for one get one number.
    """
    CREATE FUNCTION order_number_for(tenant text, checkout text) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE
      given text;
    BEGIN
      PERFORM set_config('milepost.tenant', tenant, true);
      SELECT coalesce(c.order_number, c.given_number) INTO given FROM checkouts c
        WHERE c.tenant_id = current_tenant() AND c.checkout_id = checkout FOR UPDATE;
      IF NOT FOUND OR given IS NOT NULL THEN
        RETURN given;
      END IF;
      UPDATE order_counters SET last_number = last_number + 1
        WHERE tenant_id = current_tenant() RETURNING last_number::text INTO given;
      UPDATE checkouts c SET given_number = given WHERE c.tenant_id = current_tenant() AND c.checkout_id = checkout;
      RETURN given;
    END $$
    """,
)

EXECUTABLE = ("order_number_for(text, text)",)
