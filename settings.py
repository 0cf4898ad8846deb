"""Every setting of Milepost, once. Read from the environment; Temporal's own come from `temporalio.envconfig`.

Temporal's connection is not described here on purpose: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`,
`TEMPORAL_TLS_*` and `TEMPORAL_CONFIG_FILE` mean what they mean to every Temporal tool (docs.temporal.io, environment
configuration).
"""

from functools import lru_cache
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Secrets = Annotated[tuple[SecretStr, ...], NoDecode]


class Settings(BaseSettings):
    """Settings of the API, the worker and the command line. Durations are seconds."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

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

    task_queue: str = Field(default="milepost", alias="MILEPOST_TASK_QUEUE")
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
    return_window: int = Field(
        default=30 * 86_400, ge=0, alias="MILEPOST_RETURN_WINDOW", description="From delivery to closing."
    )
    client_payment_attempts: int = Field(
        default=3,
        ge=1,
        le=10,
        alias="MILEPOST_CLIENT_PAYMENT_ATTEMPTS",
        description="Cards a shopper may try in the browser before the checkout ends as declined.",
    )
    graceful_shutdown: int = Field(
        default=20, ge=0, alias="MILEPOST_GRACEFUL_SHUTDOWN", description="A stopping process ends its work."
    )

    @field_validator("stripe_webhook_secrets", "carrier_webhook_secrets", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """A comma-separated list, so that a secret can be rotated: the new one first, the old one behind it."""
        if isinstance(value, str):
            return tuple(SecretStr(part.strip()) for part in value.split(",") if part.strip())
        return value

    @field_validator("stripe_api_base", "temporal_ui_url", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None


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
