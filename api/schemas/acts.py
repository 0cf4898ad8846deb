"""What is said with an act of support."""

from typing import Literal

from pydantic import AwareDatetime, ConfigDict, Field

from api.schemas.base import In, Long, Short
from api.schemas.checkouts import AddressIn


class ActIn(In):
    """Why. Who it is, the key or the token says. No personal data: it stands in the timeline and on support's page."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the customer calls back tomorrow"}]})

    reason: Long


class AddressChangeIn(ActIn):
    """Where it goes instead, in the same country and region."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reason": "a digit was missing",
                    "address": {
                        "name": "Ada",
                        "line1": "120 Rue de la Paix",
                        "city": "Paris",
                        "postal_code": "75002",
                        "country": "FR",
                    },
                }
            ]
        }
    )

    address: AddressIn


class ExtendIn(ActIn):
    """So many seconds longer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "their bank is slow", "seconds": 600}]})

    seconds: int = Field(ge=1, le=86_400)


class ResolveIn(ActIn):
    """What becomes of a parcel that did not arrive. `until` goes with `wait`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"reason": "the carrier has lost it", "parcel": "shp_70wdf5feerb2evv9", "how": "reship"}]
        }
    )

    parcel: Short
    how: Literal["reship", "refund", "wait"]
    until: AwareDatetime | None = Field(default=None, strict=False)


class SettleIn(ActIn):
    """How a parcel ended of which its carrier says nothing more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the carrier paid for it", "state": "lost"}]})

    state: Literal["delivered", "lost", "returned_to_sender"]
