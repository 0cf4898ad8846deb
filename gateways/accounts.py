"""The accounts with outsiders that the settings name."""

from gateways.carriers.generic import GenericCarrier
from gateways.stripe import Stripe
from settings import Settings


def carrier_of(settings: Settings) -> GenericCarrier:
    """The carrier these settings name."""
    return GenericCarrier(
        name="sandbox",
        api_base=settings.carrier_api_base,
        api_key=settings.carrier_api_key.get_secret_value(),
        webhook_secrets=[secret.get_secret_value() for secret in settings.carrier_webhook_secrets],
    )


def stripe_of(settings: Settings) -> Stripe:
    """The Stripe account these settings name."""
    return Stripe(
        api_key=settings.stripe_api_key.get_secret_value(),
        api_base=settings.stripe_api_base,
        webhook_secrets=[secret.get_secret_value() for secret in settings.stripe_webhook_secrets],
    )
