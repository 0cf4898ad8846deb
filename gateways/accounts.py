"""The accounts with outsiders that the settings name."""

from collections.abc import Iterable, Mapping, Sequence

from domain.carriage import EVERYWHERE, Route, Silence, route_for
from domain.parcels import Dimensions
from gateways.carriers.aftership import AfterShip
from gateways.carriers.easypost import EasyPostCarrier
from gateways.carriers.generic import GenericCarrier
from gateways.carriers.protocol import Carrier, CarrierUnavailable, Tracker
from gateways.carriers.shipengine import JWKS_URL, ShipEngine
from gateways.carriers.shippo import ShippoCarrier
from gateways.key_sets import KeySet
from gateways.stripe import Stripe
from settings import CarrierAccount, CarrierKind, Settings

DEFAULT_CARRIER = "sandbox"
"""The name of the account that `CARRIER_API_BASE` and its like make, and the carrier of parcels without a route."""

Key = tuple[str, str]
"""Tenant and name of an account."""


class CarrierAccounts:
    """Every carrier account, found by tenant and name; a tenant's own before one that is for all."""

    def __init__(self, carriers: Mapping[Key, Carrier], trackers: Mapping[Key, Tracker]) -> None:
        self._carriers, self._trackers = dict(carriers), dict(trackers)

    def carrier(self, tenant: str, name: str) -> Carrier:
        """An account that sells labels. Raises `CarrierUnavailable` while the settings have none of that name."""
        found = self._carriers.get((tenant, name)) or self._carriers.get((EVERYWHERE, name))
        if found is None:
            raise CarrierUnavailable(f"no carrier account {name!r} in the settings")
        return found

    def teller(self, tenant: str, name: str) -> tuple[Tracker, bool] | None:
        """Whose webhooks come under this name, and whether the labels it tells of were bought elsewhere."""
        for key in ((tenant, name), (EVERYWHERE, name)):
            if key in self._carriers:
                return self._carriers[key], False
            if key in self._trackers:
                return self._trackers[key], True
        return None

    async def close(self) -> None:
        """Give all connections back."""
        for one in (*self._carriers.values(), *self._trackers.values()):
            await one.close()


class Despatch:
    """How this shop sends parcels: routes to carriers, patience with their silence, and the carton they go in."""

    def __init__(self, routes: Sequence[Route], silence: Silence, carton: Dimensions) -> None:
        self._routes, self.silence, self.carton = tuple(routes), silence, carton

    def route(self, tenant: str, method: str, location: str) -> Route:
        """The route of a parcel; without one of its own it goes with the default account, under its method's name."""
        return route_for(self._routes, tenant, method, location) or Route(DEFAULT_CARRIER)


def carriers_of(settings: Settings) -> CarrierAccounts:
    """The carrier accounts these settings name."""
    default = CarrierAccount(
        name=DEFAULT_CARRIER,
        kind=CarrierKind.GENERIC,
        api_base=settings.carrier_api_base,
        api_key=settings.carrier_api_key,
        webhook_secrets=settings.carrier_webhook_secrets,
    )
    carriers: dict[Key, Carrier] = {}
    trackers: dict[Key, Tracker] = {}
    for account in (default, *settings.carrier_accounts):
        key = (account.tenant, account.name)
        made = _tracker(account)
        if made is not None:
            trackers[key] = made
        else:
            carriers[key] = _carrier(account)
    return CarrierAccounts(carriers, trackers)


def _carrier(account: CarrierAccount) -> Carrier:
    key, secrets = account.api_key.get_secret_value(), list(_plain(account))
    if account.kind is CarrierKind.EASYPOST:
        return EasyPostCarrier(name=account.name, api_key=key, webhook_secrets=secrets, api_base=account.api_base)
    if account.kind is CarrierKind.SHIPPO:
        return ShippoCarrier(name=account.name, api_key=key, webhook_secrets=secrets, api_base=account.api_base)
    return GenericCarrier(name=account.name, api_key=key, webhook_secrets=secrets, api_base=account.api_base or "")


def _tracker(account: CarrierAccount) -> Tracker | None:
    if account.kind is CarrierKind.AFTERSHIP:
        return AfterShip(name=account.name, webhook_secrets=list(_plain(account)))
    if account.kind is CarrierKind.SHIPENGINE:
        return ShipEngine(name=account.name, keys=KeySet(account.api_base or JWKS_URL))
    return None


def _plain(account: CarrierAccount) -> Iterable[str]:
    return (secret.get_secret_value() for secret in account.webhook_secrets)


def despatch_of(settings: Settings) -> Despatch:
    """How these settings send parcels."""
    length, width, height = map(int, settings.carton_mm.split("x"))
    silence = Silence(settings.carrier_silence_ask, settings.carrier_silence_call)
    return Despatch(settings.carrier_routes, silence, Dimensions(length, width, height))


def stripe_of(settings: Settings) -> Stripe:
    """The Stripe account these settings name."""
    return Stripe(
        api_key=settings.stripe_api_key.get_secret_value(),
        api_base=settings.stripe_api_base,
        webhook_secrets=[secret.get_secret_value() for secret in settings.stripe_webhook_secrets],
    )
