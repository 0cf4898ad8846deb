"""Every setting of Milepost, once. Read from the environment; Temporal's own come from `temporalio.envconfig`.

Temporal's connection is not described here on purpose: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`,
`TEMPORAL_TLS_*` and `TEMPORAL_CONFIG_FILE` mean what they mean to every Temporal tool (docs.temporal.io, environment
configuration).
"""

import base64
import binascii
import json
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretBytes, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.carriage import EVERYWHERE, Route
from domain.letters import Sender
from domain.links import Links
from domain.returns import Payer, ReturnReason, ShippingBack, Unaccepted

Secrets = Annotated[tuple[SecretStr, ...], NoDecode]


class CarrierKind(StrEnum):
    """Whose API and webhooks an account speaks. The last two only tell where parcels are."""

    GENERIC = "generic"
    EASYPOST = "easypost"
    SHIPPO = "shippo"
    AFTERSHIP = "aftership"
    SHIPENGINE = "shipengine"


class CarrierAccount(BaseModel):
    """One account with a carrier: docs/carriers.md has an example of each. Of one tenant, or of all (`*`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        pattern="^[a-z0-9][a-z0-9_-]{0,40}$", description="In the address of its webhooks, and on labels."
    )
    kind: CarrierKind
    tenant: str = EVERYWHERE
    api_key: SecretStr = SecretStr("")
    api_base: str | None = Field(default=None, description="Where it answers; left out: the carrier itself.")
    webhook_secrets: tuple[SecretStr, ...] = Field(default=(), description="Newest first.")


class PayloadKey(BaseModel):
    """A key that what Temporal keeps is encrypted with, and the name by which a payload says that it was this one."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    secret: SecretBytes = Field(min_length=32, max_length=32)

    @classmethod
    def read(cls, text: str) -> "PayloadKey":
        """`name:key`, the key as base64 of 32 bytes. Raises `ValueError` that says what is wrong, and no key."""
        name, colon, key = text.strip().partition(":")
        if not colon:
            raise ValueError("write each key as name:key, for instance 2026-11:<base64 of 32 random bytes>")
        try:
            secret = base64.b64decode(key, validate=True)
        except binascii.Error:
            raise ValueError(f"the key {name[:64]!r} is not base64; make one with: openssl rand -base64 32") from None
        if len(secret) != 32:
            raise ValueError(f"the key {name[:64]!r} has {len(secret)} bytes instead of 32: openssl rand -base64 32")
        return cls(id=name, secret=SecretBytes(secret))

    @classmethod
    def read_all(cls, text: str) -> "tuple[PayloadKey, ...]":
        """Several, comma-separated. Raises `ValueError`, also where two have one name."""
        keys = tuple(cls.read(part) for part in text.split(",") if part.strip())
        if len({key.id for key in keys}) != len(keys):
            raise ValueError("two keys have the same name; a payload could not say which one it needs")
        return keys


class SmtpSecurity(StrEnum):
    """How the connection to the mail server is encrypted: after `STARTTLS`, from its beginning, or not at all."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class Serves(StrEnum):
    """What a worker process does. Each kind of work needs at least one that does it."""

    EVERYTHING = "everything"
    CHECKOUTS = "checkouts"
    ORDERS = "orders"
    """Orders, their parcels, and e-mails: what no shopper waits for."""


class Settings(BaseSettings):
    """Settings of the API, the worker and the command line. Durations are seconds."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    database_url: SecretStr = Field(
        description="PostgreSQL as the application's role: no owner, no superuser, bound by row-level security.",
    )
    database_pool_size: int = Field(default=10, ge=1, le=200)

    stripe_api_key: SecretStr = Field(description="Secret key (`sk_test_…`, `sk_live_…` or a restricted `rk_…`).")
    stripe_api_base: str | None = Field(
        default=None, description="Where Stripe's API answers; empty for Stripe itself."
    )
    stripe_webhook_secrets: Secrets = Field(
        default=(), description="Signing secrets of the webhook endpoint, newest first, comma-separated."
    )

    carrier_api_base: str = Field(description="Base address of the carrier's API.")
    carrier_api_key: SecretStr
    carrier_webhook_secrets: Secrets = Field(
        default=(),
        description="Secrets the carrier signs tracking events with, newest first, comma-separated.",
    )

    carrier_accounts: Annotated[tuple[CarrierAccount, ...], NoDecode] = Field(
        default=(), description="Accounts beside the one above, a JSON list of objects (docs/carriers.md)."
    )
    carrier_routes: Annotated[tuple[Route, ...], NoDecode] = Field(
        default=(), description="Which parcels go with which account, a JSON list of objects (docs/carriers.md)."
    )
    carrier_silence_ask: int = Field(
        default=48 * 3600,
        ge=60,
        alias="MILEPOST_CARRIER_SILENCE_ASK",
        description="Nothing heard of a parcel that has left for so long: its carrier is asked.",
    )
    carrier_silence_call: int = Field(
        default=96 * 3600,
        ge=60,
        alias="MILEPOST_CARRIER_SILENCE_CALL",
        description="Nothing heard for so long, although it was asked: a person is called.",
    )
    carton_mm: str = Field(
        default="300x200x150",
        pattern=r"^[1-9]\d{0,3}x[1-9]\d{0,3}x[1-9]\d{0,3}$",
        alias="MILEPOST_CARTON_MM",
        description="Length, width and height of a parcel, in millimetres.",
    )

    cursor_secrets: Secrets = Field(
        default=(),
        alias="MILEPOST_CURSOR_SECRETS",
        description="What cursors of lists are signed with, newest first, comma-separated; empty: from Stripe's key.",
    )

    smtp_host: str = Field(default="", description="The mail server; empty: no e-mail is sent.")
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    smtp_security: SmtpSecurity = SmtpSecurity.STARTTLS
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_timeout: int = Field(default=20, ge=1, le=60, description="Patience with each of the server's answers.")
    mail_senders: Annotated[tuple[Sender, ...], NoDecode] = Field(
        default=(), description="Who a tenant's e-mails are from, a JSON list of objects (docs/tracking.md)."
    )
    link_secrets: Secrets = Field(
        default=(),
        alias="MILEPOST_LINK_SECRETS",
        description="What customers' links are signed with, newest first, comma-separated; empty: from Stripe's key.",
    )
    link_days: int = Field(
        default=90, ge=1, le=365, alias="MILEPOST_LINK_DAYS", description="So long a customer's link opens the page."
    )
    live_connections: int = Field(
        default=500, ge=0, alias="MILEPOST_LIVE_CONNECTIONS", description="Pages a process keeps up to date at a time."
    )

    rate_limit: int = Field(
        default=500, ge=1, alias="MILEPOST_RATE_LIMIT", description="Requests a second for a key without its own limit."
    )

    payload_keys: Annotated[tuple[PayloadKey, ...], NoDecode] = Field(
        default=(),
        alias="MILEPOST_PAYLOAD_KEYS",
        description="Keys for what Temporal keeps, `name:base64`, newest first, comma-separated (docs/privacy.md).",
    )

    task_queue: str = Field(default="milepost", alias="MILEPOST_TASK_QUEUE")
    worker_deployment: str = Field(
        default="milepost",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        alias="MILEPOST_WORKER_DEPLOYMENT",
        description="Name of the workers' deployment at Temporal.",
    )
    worker_build: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9._-]{0,128}$",
        alias="MILEPOST_WORKER_BUILD",
        description="Version of this worker's code, for Temporal to tell old from new; empty: workers are all alike.",
    )
    public_url: str = Field(
        default="http://127.0.0.1:8000", alias="MILEPOST_PUBLIC_URL", description="Where the API is reached."
    )
    temporal_ui_url: str | None = Field(
        default=None, alias="MILEPOST_TEMPORAL_UI_URL", description="Where support's page is, for links."
    )
    worker_health_port: int = Field(
        default=0, ge=0, le=65_535, alias="MILEPOST_WORKER_HEALTH_PORT", description="0: no health port."
    )
    worker_health_host: str = Field(default="127.0.0.1", alias="MILEPOST_WORKER_HEALTH_HOST")
    log_level: str = Field(default="INFO", alias="MILEPOST_LOG_LEVEL")

    reservation_ttl: int = Field(
        default=900, ge=1, le=86_400, alias="MILEPOST_RESERVATION_TTL", description="Stock is held this long."
    )
    ship_within: int = Field(
        default=2 * 86_400,
        ge=3600,
        alias="MILEPOST_SHIP_WITHIN",
        description="A parcel that is here so long after its order, or after the day its pieces came, calls a person.",
    )
    ship_within_by_method: Annotated[dict[str, Annotated[int, Field(ge=3600)]], NoDecode] = Field(
        default={},
        alias="MILEPOST_SHIP_WITHIN_BY_METHOD",
        description="The same for single shipping methods, a JSON object: the method's id and seconds.",
    )
    reservation_extension_limit: int = Field(
        default=3600,
        ge=0,
        le=86_400,
        alias="MILEPOST_RESERVATION_EXTENSION_LIMIT",
        description="Support may have it held so much longer, all in all.",
    )
    refund_most: int | None = Field(
        default=None, ge=1, alias="MILEPOST_REFUND_MOST", description="The most of one refund by hand, in minor units."
    )
    refund_order_most: int | None = Field(
        default=None, ge=1, alias="MILEPOST_REFUND_ORDER_MOST", description="All refunds by hand of one order."
    )
    refund_actor_day_most: int | None = Field(
        default=None,
        ge=1,
        alias="MILEPOST_REFUND_ACTOR_DAY_MOST",
        description="All that one key or person asks in 24 h.",
    )
    refund_second_person_above: int = Field(
        default=50_000,
        ge=0,
        alias="MILEPOST_REFUND_SECOND_PERSON_ABOVE",
        description="Refunds by hand of more than this, in minor units, wait for somebody else's approval.",
    )
    refund_approve_within: int = Field(
        default=7 * 86_400, ge=60, alias="MILEPOST_REFUND_APPROVE_WITHIN", description="Then it has expired."
    )
    return_window: int = Field(
        default=30 * 86_400, ge=0, alias="MILEPOST_RETURN_WINDOW", description="From delivery to closing."
    )
    return_send_within: int = Field(
        default=14 * 86_400, ge=60, alias="MILEPOST_RETURN_SEND_WITHIN", description="From its label to the carrier."
    )
    return_inspect_within: int = Field(
        default=3 * 86_400, ge=60, alias="MILEPOST_RETURN_INSPECT_WITHIN", description="Then a person is called."
    )
    return_approve_up_to: int = Field(
        default=10_000,
        ge=0,
        alias="MILEPOST_RETURN_APPROVE_UP_TO",
        description="Returns worth at most so much, in minor units, are approved without a person.",
    )
    return_approve_reasons: Annotated[tuple[ReturnReason, ...], NoDecode] = Field(
        default=(),
        alias="MILEPOST_RETURN_APPROVE_REASONS",
        description="Returns for these reasons are approved without a person whatever they cost, comma-separated.",
    )
    return_shipping: ShippingBack = Field(
        default=ShippingBack.WITH_THE_LAST,
        alias="MILEPOST_RETURN_SHIPPING",
        description="Whether what was paid for shipping goes back: `never`, `with_the_last` piece of an order.",
    )
    return_label: Payer = Field(
        default=Payer.SHOP,
        alias="MILEPOST_RETURN_LABEL",
        description="Who pays for the label of a return that is not our fault: `shop`, `customer`.",
    )
    return_unaccepted: Unaccepted = Field(
        default=Unaccepted.SENT_BACK,
        alias="MILEPOST_RETURN_UNACCEPTED",
        description="What becomes of pieces that the inspection does not accept: `sent_back`, `kept`.",
    )
    client_payment_attempts: int = Field(
        default=3,
        ge=1,
        le=10,
        alias="MILEPOST_CLIENT_PAYMENT_ATTEMPTS",
        description="Cards a shopper may try in the browser before the checkout ends as declined.",
    )
    worker_serves: Serves = Field(
        default=Serves.EVERYTHING,
        alias="MILEPOST_WORKER_SERVES",
        description="Where some processes serve `checkouts` and others `orders`, the two never wait for each other.",
    )
    worker_niceness: int = Field(
        default=0,
        ge=0,
        le=19,
        alias="MILEPOST_WORKER_NICENESS",
        description="More than 0 where a worker shares processors with the API: who answers a shopper goes first.",
    )
    graceful_shutdown: int = Field(
        default=20, ge=0, alias="MILEPOST_GRACEFUL_SHUTDOWN", description="A stopping process ends its work."
    )

    @property
    def orders_queue(self) -> str:
        """The task queue of orders and their parcels, beside the one of checkouts and all else."""
        return f"{self.task_queue}-orders"

    @property
    def live(self) -> bool:
        """Whether real money moves: by Stripe's key, `sk_live_…` or `rk_live_…`."""
        return "_live_" in self.stripe_api_key.get_secret_value()

    @field_validator(
        "stripe_webhook_secrets", "carrier_webhook_secrets", "cursor_secrets", "link_secrets", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        """A comma-separated list, so that a secret can be rotated: the new one first, the old one behind it."""
        if isinstance(value, str):
            return tuple(SecretStr(part.strip()) for part in value.split(",") if part.strip())
        return value

    @field_validator("payload_keys", mode="before")
    @classmethod
    def _keys(cls, value: object) -> object:
        """The first encrypts; all decrypt."""
        return PayloadKey.read_all(value) if isinstance(value, str) else value

    @field_validator("return_approve_reasons", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        """A comma-separated list; empty for none."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("carrier_accounts", "carrier_routes", "mail_senders", mode="before")
    @classmethod
    def _from_json(cls, value: object) -> object:
        """Empty for none. `ValueError` for what is no JSON."""
        return json.loads(value or "[]") if isinstance(value, str) else value

    @field_validator("ship_within_by_method", mode="before")
    @classmethod
    def _object_from_json(cls, value: object) -> object:
        """Empty for none. `ValueError` for what is no JSON."""
        return json.loads(value or "{}") if isinstance(value, str) else value

    def ships_within(self, method: str) -> int:
        """Seconds within which a parcel of this shipping method must leave."""
        return self.ship_within_by_method.get(method, self.ship_within)

    @field_validator(
        "stripe_api_base", "temporal_ui_url", "refund_most", "refund_order_most", "refund_actor_day_most", mode="before"
    )
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None


def links_of(settings: Settings) -> Links:
    """The links of customers; without a secret of their own they are signed with one derived from Stripe's key."""
    secrets = settings.link_secrets or (settings.stripe_api_key,)
    return Links([one.get_secret_value() for one in secrets])


class OwnerSettings(BaseSettings):
    """What `milepost migrate` and `milepost seed` need, and nothing else: the API and the worker never see it."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_owner_url: SecretStr = Field(description="PostgreSQL as the role that owns the database's tables.")


@lru_cache
def get_settings() -> Settings:
    """The process's settings, read once. Raises `pydantic.ValidationError` naming each one missing or wrong."""
    return Settings()


class SeedSettings(BaseSettings):
    """The API key that `milepost seed` gives the demo tenant; empty for a new one."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    api_key: SecretStr | None = Field(default=None, alias="MILEPOST_SEED_API_KEY")


class RoleSettings(BaseSettings):
    """The name of the application's database role, which migrations grant its rights to."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    app_role: str = Field(default="milepost_app", alias="MILEPOST_APP_ROLE")


def app_role() -> str:
    """The application's database role: neither superuser nor owner."""
    return RoleSettings().app_role
