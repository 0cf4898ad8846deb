"""Erases a customer's personal data here and at the payment provider."""

from temporalio import activity

from domain.erasure import DataErased, DeleteProviderCustomer, EraseCustomer, ProviderCustomerDeleted
from gateways.stripe import Stripe
from models import erasure
from models.database import Database


class ErasureActivities:
    """Each step again erases what has come since, and else changes nothing."""

    def __init__(self, database: Database, stripe: Stripe) -> None:
        self._database, self._stripe = database, stripe

    @activity.defn(name="erasure.erase")
    async def erase(self, asked: EraseCustomer) -> DataErased:
        """In the tables, unless something is unfinished."""
        async with self._database.transaction(asked.tenant) as session:
            return await erasure.erase(session, asked.customer_id)

    @activity.defn(name="erasure.delete_at_provider")
    async def delete_at_provider(self, asked: DeleteProviderCustomer) -> ProviderCustomerDeleted:
        """At Stripe, with the cards kept there."""
        await self._stripe.delete_customer(asked.provider_id)
        return ProviderCustomerDeleted(asked.provider_id)

    @activity.defn(name="erasure.forget_provider")
    async def forget_provider(self, asked: DeleteProviderCustomer) -> ProviderCustomerDeleted:
        """The id that they had there."""
        async with self._database.transaction(asked.tenant) as session:
            await erasure.forget_provider(session, asked.customer_id)
        return ProviderCustomerDeleted(asked.provider_id)
