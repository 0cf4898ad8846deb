"""Alembic's entry point: runs migrations as the owner of the tables, one at a time."""

import sqlalchemy as sa
from alembic import context

import models.access
import models.answers
import models.cancellations
import models.catalog
import models.checkouts
import models.disputes
import models.drops
import models.events
import models.inbox
import models.keys
import models.ledger
import models.mails
import models.memberships
import models.moves
import models.orders
import models.parcels
import models.payments
import models.persisted
import models.plans
import models.prices
import models.promotions
import models.reconciliation
import models.refund_requests
import models.returns
import models.shipments
import models.shipping_methods
import models.stock
import models.tax
import models.tenancy  # each of these registers its tables
import models.trail  # noqa: F401  # each of these registers its tables
from models.base import Base
from settings import OwnerSettings

_LOCK = 7_316_220_117
"""Two deployments that migrate at once: the second waits. Any constant will do."""


def run() -> None:
    """Apply what is missing in one transaction, under an advisory lock."""
    url = context.config.attributes.get("url") or OwnerSettings().database_owner_url.get_secret_value()
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
        with context.begin_transaction():
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            context.run_migrations()
    engine.dispose()


run()
