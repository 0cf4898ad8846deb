"""Who carries a parcel and for what: routes from shipping methods to carriers, and the choice among their rates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.parcels import CarrierShipment, ParcelRequest, Rate

EVERYWHERE = "*"
"""A route's method, location or tenant that stands for any."""


class Choice(StrEnum):
    """Which of the rates that keep the promise is bought."""

    CHEAPEST = "cheapest"
    FASTEST = "fastest"


@dataclass(frozen=True, slots=True)
class Route:
    """Parcels of this shipping method, from this location, go with this carrier account.

    `services` are the carrier's names of the products that keep the promise of the method, empty for any; with
    `within_days` only those that say they arrive in so many days; with `currency` only those in that currency.
    """

    carrier: str
    method: str = EVERYWHERE
    location: str = EVERYWHERE
    tenant: str = EVERYWHERE
    services: tuple[str, ...] = ()
    choose: Choice = Choice.CHEAPEST
    within_days: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """What is done when a carrier says nothing of a parcel it has, in seconds since its last word.

    After `ask_after_seconds` the carrier is asked; after `call_after_seconds` a person is called.
    """

    ask_after_seconds: int
    call_after_seconds: int


class NoRate(Exception):
    """Nothing that the carrier offers for `carrier_shipment_id` keeps the promise of the shipping method."""

    def __init__(self, message: str, carrier_shipment_id: str) -> None:
        super().__init__(message)
        self.carrier_shipment_id = carrier_shipment_id


@dataclass(frozen=True, slots=True)
class Consignment:
    """A parcel ready for its carrier. What may vary is fixed here, for as long as the parcel is on its way."""

    parcel: ParcelRequest
    route: Route
    silence: Silence
    address_version: int = 1
    """Which of the order's addresses it goes to."""


def route_for(routes: Sequence[Route], tenant: str, method: str, location: str) -> Route | None:
    """The most particular route that fits: its own method counts for more than its own location, then its tenant.

    Of equals the first; None when there is none.
    """
    fitting = [
        route
        for route in routes
        if route.tenant in (tenant, EVERYWHERE)
        and route.method in (method, EVERYWHERE)
        and route.location in (location, EVERYWHERE)
    ]
    return max(fitting, key=_particular, default=None)


def _particular(route: Route) -> tuple[bool, bool, bool]:
    return route.method != EVERYWHERE, route.location != EVERYWHERE, route.tenant != EVERYWHERE


def choose(rates: Sequence[Rate], route: Route) -> Rate | str:
    """The rate to buy, the same one whatever their order; or why none of them will do, for a person to read."""
    offered = [rate for rate in rates if not route.services or rate.service in route.services]
    if not offered:
        names = ", ".join(sorted({rate.service for rate in rates})) or "nothing"
        return f"{route.carrier} offers none of {', '.join(route.services) or 'its services'}; it offers {names}"
    if route.within_days is not None:
        offered = [rate for rate in offered if rate.days is not None and rate.days <= route.within_days]
        if not offered:
            return f"{route.carrier} offers nothing that arrives within {route.within_days} days"
    if route.currency is not None:
        offered = [rate for rate in offered if rate.currency == route.currency]
    currencies = {rate.currency for rate in offered}
    if len(currencies) != 1:
        found = " and ".join(sorted(currencies)) or f"no {route.currency}"
        return f"{route.carrier} offers rates in {found}: they cannot be compared, name one currency in the route"
    return min(offered, key=_CHOICES[route.choose])


_LONGEST_DAYS = 10**6  # a carrier that does not say how long it takes comes behind all that do


def _by_cost(rate: Rate) -> tuple[int, int, str, str]:
    return rate.cost_minor, _days(rate), rate.service, rate.rate_id


def _by_days(rate: Rate) -> tuple[int, int, str, str]:
    return _days(rate), rate.cost_minor, rate.service, rate.rate_id


def _days(rate: Rate) -> int:
    return _LONGEST_DAYS if rate.days is None else rate.days


_CHOICES = {Choice.CHEAPEST: _by_cost, Choice.FASTEST: _by_days}


def as_route(asked: Consignment) -> ParcelRequest:
    """The parcel under the carrier's name of the product, where its route has one."""
    route = asked.route
    return replace(asked.parcel, service=route.services[0]) if route.services else asked.parcel


def rate_of(created: CarrierShipment, route: Route) -> str:
    """The rate to buy; empty where the carrier quotes none. Raises `NoRate`."""
    if created.rates is None or created.label is not None:
        return ""
    rate = choose(created.rates, route)
    if isinstance(rate, str):
        raise NoRate(rate, created.carrier_shipment_id)
    return rate.rate_id
