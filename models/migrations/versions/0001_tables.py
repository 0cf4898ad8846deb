"""All tables of the first release."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "legal_moves",
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("next_state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("machine", "state", "next_state", name=op.f("pk_legal_moves")),
    )
    op.create_table(
        "tenants",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("tenant_id ~ '^[a-z0-9][a-z0-9-]{0,39}$'", name=op.f("ck_tenants_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_tenants")),
    )
    op.create_table(
        "api_keys",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_api_keys_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "key_hash", name=op.f("pk_api_keys")),
    )
    op.create_index("uq_api_keys_key_hash", "api_keys", ["key_hash"], unique=True)
    op.create_table(
        "checkouts",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("checkout_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "awaiting_payment",
                "completed",
                "failed",
                "expired",
                "cancelled",
                name="checkoutstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "payment_mode",
            sa.Enum(
                "server", "client", name="paymentmode", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reason_message", sa.Text(), nullable=True),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=True),
        sa.Column("quote", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("customer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("address", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("shipping_method", sa.Text(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'completed') = (order_number IS NOT NULL)",
            name=op.f("ck_checkouts_completed_has_order"),
        ),
        sa.CheckConstraint(
            "(state IN ('failed', 'expired', 'cancelled')) = (reason IS NOT NULL)",
            name=op.f("ck_checkouts_ended_has_reason"),
        ),
        sa.CheckConstraint(
            "state = 'failed' OR total_minor IS NOT NULL", name=op.f("ck_checkouts_open_has_total")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_checkouts_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "checkout_id", name=op.f("pk_checkouts")),
    )
    op.create_table(
        "events",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("checkout_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column(
            "occurred_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_events_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "event_id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_checkout", "events", ["tenant_id", "checkout_id", "event_id"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_inbox_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "source", "event_id", name=op.f("pk_inbox")),
    )
    op.create_index(
        "ix_inbox_due", "inbox", ["due_at"], unique=False, postgresql_where=sa.text("handled_at IS NULL")
    )
    op.create_table(
        "locations",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("priority", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "address",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_locations_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "location_id", name=op.f("pk_locations")),
    )
    op.create_table(
        "order_counters",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_order_counters_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_order_counters")),
    )
    op.create_table(
        "shipping_rates",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("country", sa.CHAR(length=2), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_shipping_rates_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "method", "country", "currency", name=op.f("pk_shipping_rates")),
    )
    op.create_table(
        "stock_movements",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("movement_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "received",
                "reserved",
                "released",
                "allocated",
                "shipped",
                "returned",
                "adjusted",
                name="movementkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_stock_movements_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "movement_id", name=op.f("pk_stock_movements")),
    )
    op.create_index(
        "ix_stock_movements_sku", "stock_movements", ["tenant_id", "location_id", "sku"], unique=False
    )
    op.create_table(
        "tax_rates",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("country", sa.CHAR(length=2), nullable=False),
        sa.Column("basis_points", sa.BigInteger(), nullable=False),
        sa.Column("included", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_tax_rates_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "country", name=op.f("pk_tax_rates")),
    )
    op.create_table(
        "variants",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("weight_grams", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_variants_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "sku", name=op.f("pk_variants")),
    )
    op.create_table(
        "payments",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("checkout_id", sa.Text(), nullable=False),
        sa.Column("intent_id", sa.Text(), nullable=True),
        sa.Column("client_secret", sa.Text(), nullable=True),
        sa.Column("action_url", sa.Text(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "requires_action",
                "authorized",
                "captured",
                "voided",
                "failed",
                name="paymentstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("authorized_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("captured_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("capture_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("card", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state <> 'captured' OR captured_minor > 0", name=op.f("ck_payments_captured_something")
        ),
        sa.CheckConstraint(
            "authorized_minor BETWEEN 0 AND amount_minor", name=op.f("ck_payments_authorized")
        ),
        sa.CheckConstraint(
            "captured_minor BETWEEN 0 AND authorized_minor", name=op.f("ck_payments_captured")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "checkout_id"],
            ["checkouts.tenant_id", "checkouts.checkout_id"],
            name=op.f("fk_payments_tenant_id_checkout_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_payments_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "payment_id", name=op.f("pk_payments")),
        sa.UniqueConstraint("tenant_id", "checkout_id", name=op.f("uq_payments_tenant_id_checkout_id")),
        sa.UniqueConstraint("tenant_id", "intent_id", name=op.f("uq_payments_tenant_id_intent_id")),
    )
    op.create_table(
        "prices",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sku"], ["variants.tenant_id", "variants.sku"], name=op.f("fk_prices_tenant_id_sku")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_prices_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "sku", "currency", name=op.f("pk_prices")),
    )
    op.create_table(
        "stock_levels",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "0 <= reserved AND reserved <= on_hand", name=op.f("ck_stock_levels_not_oversold")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "location_id"],
            ["locations.tenant_id", "locations.location_id"],
            name=op.f("fk_stock_levels_tenant_id_location_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sku"],
            ["variants.tenant_id", "variants.sku"],
            name=op.f("fk_stock_levels_tenant_id_sku"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_stock_levels_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "location_id", "sku", name=op.f("pk_stock_levels")),
    )
    op.create_index("ix_stock_levels_sku", "stock_levels", ["tenant_id", "sku"], unique=False)
    op.create_table(
        "orders",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("checkout_id", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "placed",
                "shipped",
                "delivered",
                "closed",
                "cancelled",
                name="orderstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.CHAR(length=3), nullable=False),
        sa.Column("shipping_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("address", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("shipping_method", sa.Text(), nullable=False),
        sa.Column("needs_attention", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("attention_reason", sa.Text(), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "needs_attention = (attention_reason IS NOT NULL)", name=op.f("ck_orders_attention_has_reason")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "checkout_id"],
            ["checkouts.tenant_id", "checkouts.checkout_id"],
            name=op.f("fk_orders_tenant_id_checkout_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payment_id"],
            ["payments.tenant_id", "payments.payment_id"],
            name=op.f("fk_orders_tenant_id_payment_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_orders_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "order_number", name=op.f("pk_orders")),
        sa.UniqueConstraint("tenant_id", "checkout_id", name=op.f("uq_orders_tenant_id_checkout_id")),
    )
    op.create_index(
        "ix_orders_attention",
        "orders",
        ["tenant_id"],
        unique=False,
        postgresql_where=sa.text("needs_attention"),
    )
    op.create_table(
        "payment_operations",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "authorize",
                "capture",
                "void",
                name="operationkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "succeeded",
                "failed",
                name="operationstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payment_id"],
            ["payments.tenant_id", "payments.payment_id"],
            name=op.f("fk_payment_operations_tenant_id_payment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_payment_operations_tenant_id")
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "payment_id", "kind", "sequence", name=op.f("pk_payment_operations")
        ),
        sa.UniqueConstraint(
            "tenant_id", "idempotency_key", name=op.f("uq_payment_operations_tenant_id_idempotency_key")
        ),
    )
    op.create_index(
        "uq_payment_operations_pending",
        "payment_operations",
        ["tenant_id", "payment_id"],
        unique=True,
        postgresql_where=sa.text("state = 'pending' AND kind <> 'authorize'"),
    )
    op.create_table(
        "reservations",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("checkout_id", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "held",
                "allocated",
                "shipped",
                "released",
                name="reservationstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "location_id", "sku"],
            ["stock_levels.tenant_id", "stock_levels.location_id", "stock_levels.sku"],
            name=op.f("fk_reservations_tenant_id_location_id_sku"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_reservations_tenant_id")),
        sa.PrimaryKeyConstraint(
            "tenant_id", "checkout_id", "sku", "location_id", name=op.f("pk_reservations")
        ),
    )
    op.create_index(
        "ix_reservations_held",
        "reservations",
        ["tenant_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_index(
        "ix_reservations_stock", "reservations", ["tenant_id", "location_id", "sku"], unique=False
    )
    op.create_table(
        "order_lines",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("unit_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("net_minor + tax_minor = gross_minor", name=op.f("ck_order_lines_adds_up")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "order_number"],
            ["orders.tenant_id", "orders.order_number"],
            name=op.f("fk_order_lines_tenant_id_order_number"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_order_lines_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "order_number", "sku", name=op.f("pk_order_lines")),
    )
    op.create_table(
        "shipments",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("shipment_id", sa.Text(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "label_bought",
                "handed_over",
                "delivered",
                "returned_to_sender",
                "lost",
                "cancelled",
                name="shipmentstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("carrier_shipment_id", sa.Text(), nullable=True),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        sa.Column("tracking_url", sa.Text(), nullable=True),
        sa.Column("label_url", sa.Text(), nullable=True),
        sa.Column("label_cost_minor", sa.BigInteger(), nullable=True),
        sa.Column("label_currency", sa.CHAR(length=3), nullable=True),
        sa.Column(
            "tracking_status",
            sa.Enum(
                "pending",
                "picked_up",
                "in_transit",
                "out_for_delivery",
                "ready_for_pickup",
                "attempt_failed",
                "on_hold",
                "delayed",
                "delivered",
                "return_to_sender",
                "returned",
                "lost",
                "cancelled",
                "unknown",
                name="trackingstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="pending",
            nullable=False,
        ),
        sa.Column("last_scan_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "location_id"],
            ["locations.tenant_id", "locations.location_id"],
            name=op.f("fk_shipments_tenant_id_location_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "order_number"],
            ["orders.tenant_id", "orders.order_number"],
            name=op.f("fk_shipments_tenant_id_order_number"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_shipments_tenant_id")),
        sa.PrimaryKeyConstraint("tenant_id", "shipment_id", name=op.f("pk_shipments")),
    )
    op.create_index("ix_shipments_order", "shipments", ["tenant_id", "order_number"], unique=False)
    op.create_table(
        "tracking_events",
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("shipment_id", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "picked_up",
                "in_transit",
                "out_for_delivery",
                "ready_for_pickup",
                "attempt_failed",
                "on_hold",
                "delayed",
                "delivered",
                "return_to_sender",
                "returned",
                "lost",
                "cancelled",
                "unknown",
                name="trackingstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("carrier_code", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "shipment_id"],
            ["shipments.tenant_id", "shipments.shipment_id"],
            name=op.f("fk_tracking_events_tenant_id_shipment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.tenant_id"], name=op.f("fk_tracking_events_tenant_id")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "carrier", "event_id", name=op.f("pk_tracking_events")),
    )
    op.create_index(
        "ix_tracking_events_shipment",
        "tracking_events",
        ["tenant_id", "shipment_id", "occurred_at"],
        unique=False,
    )
