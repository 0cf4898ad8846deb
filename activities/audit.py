"""The audit: the tables against themselves, and against Stripe."""

from gateways.accounts import stripe_of
from models import audit
from models.audit import Finding
from models.database import Database
from settings import Settings


async def audit_tenant(settings: Settings, tenant: str) -> list[Finding]:
    """Everything that must not be, of one tenant. The provider is read first, so that what it has, we should know."""
    database = Database(settings.database_url.get_secret_value(), pool_size=2)
    stripe = stripe_of(settings)
    try:
        theirs = {
            intent: (status, minor) async for intent, owner, status, minor in stripe.held_and_taken() if owner == tenant
        }
        async with database.transaction(tenant) as session:
            ours = await audit.known_intents(session)
            settling = await audit.under_way(session)
            return await audit.audit(session) + audit.compare_with_provider(ours, theirs, settling)
    finally:
        await stripe.close()
        await database.close()
