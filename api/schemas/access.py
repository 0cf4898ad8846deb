"""Keys, roles, origins and the audit log, as administrators see them."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from api.schemas.base import In, PageOut, Short
from domain.access import STOREFRONT, KeyKind, Scope

Granted = Annotated[
    tuple[Scope | Literal["*"], ...], Field(min_length=1, max_length=30, strict=False, description="docs/access.md")
]
Origin = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?$"),
    Field(description="Scheme, host and port, in lower case, as a browser sends it; no path."),
]
RoleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._/-]{0,99}$")]


class KeyIn(In):
    """A key to be made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "warehouse", "kind": "secret", "scopes": ["stock:read", "stock:write"]}]
        }
    )

    name: Short
    kind: Literal["secret", "publishable", "client"] = "secret"
    scopes: Granted
    expires_in: int | None = Field(default=None, ge=60, le=10 * 366 * 86_400, description="Seconds from now.")
    rate_limit: int | None = Field(default=None, ge=1, le=1_000_000, description="Requests a second.")

    @model_validator(mode="after")
    def _fits_a_page(self) -> Self:
        if self.kind == "publishable" and not set(self.scopes) <= STOREFRONT:
            raise ValueError(f"a publishable key may have these scopes only: {', '.join(sorted(STOREFRONT))}")
        return self


_KEY: dict[str, JsonValue] = {
    "id": "key_1f0c8e2ab7c94d53a6f2",
    "name": "warehouse",
    "kind": "secret",
    "scopes": ["stock:read", "stock:write"],
    "hint": "mp_live_…x7Qa",
    "created_at": "2026-03-02T09:00:00Z",
    "created_by": "key_77d1a0c2e4b6f8091a3c",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": "2026-03-02T09:41:00Z",
    "rate_limit": None,
}


class KeyOut(BaseModel):
    """A key, without the key itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [_KEY]})

    id: str
    name: str
    kind: KeyKind
    scopes: list[str]
    hint: str
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    rate_limit: int | None


class KeyPageOut(PageOut[KeyOut]):
    """Keys, the newest first."""


class NewKeyOut(KeyOut):
    """The one answer that has the key in it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_KEY | {"secret": "mp_live_kept-nowhere-else-x7Qa"}]})

    secret: str


class RotateIn(In):
    """How long the old key goes on beside the new one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap": 86_400}]})

    overlap: int = Field(default=86_400, ge=0, le=30 * 86_400, description="Seconds.")


class OriginsIn(In):
    """All of them: those that are not in the list may not call any more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"origins": ["https://shop.example"]}]})

    origins: tuple[Origin, ...] = Field(max_length=50, strict=False)


class OriginsOut(BaseModel):
    """Pages of these origins may call from a browser."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"origins": ["https://shop.example"]}]})

    origins: list[str]


class RoleIn(In):
    """What people with the role may do."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"scopes": ["orders:read", "orders:act"]}]})

    scopes: Granted


class RoleOut(BaseModel):
    """A role of your issuer's, and what it is good for here."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"role": "support", "scopes": ["orders:act", "orders:read"], "version": 1}]}
    )

    role: str
    scopes: list[str]
    version: int


class ActOut(BaseModel):
    """One act. `actor` is a key's id, or `staff:` and the person's id at their issuer."""

    at: datetime
    actor: str
    action: str
    target: str
    status: int
    code: str | None
    request_id: str
    reason: str | None = None
    """Why, as they said, of an act that came past the API."""


class ActsOut(BaseModel):
    """The newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "acts": [
                        {
                            "at": "2026-03-02T09:41:00Z",
                            "actor": "key_1f0c8e2ab7c94d53a6f2",
                            "action": "POST /v1/orders/{number}/cancel",
                            "target": "/v1/orders/1001/cancel",
                            "status": 200,
                            "code": None,
                            "request_id": "req_5b1e0d7f",
                            "reason": None,
                        }
                    ],
                    "next_cursor": None,
                }
            ]
        }
    )

    acts: list[ActOut]
    next_cursor: str | None


class TokenOut(BaseModel):
    """RFC 6749, section 5.1."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "access_token": "mp_at_…",
                    "token_type": "Bearer",
                    "expires_in": 600,
                    "scope": "stock:read stock:write",
                }
            ]
        }
    )

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int
    scope: str


class TokenErrorOut(BaseModel):
    """RFC 6749, section 5.2; the one answer that is not a problem, because OAuth's libraries read it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"error": "invalid_client", "error_description": "There is no such client, or its key has ended."}
            ]
        }
    )

    error: str
    error_description: str
