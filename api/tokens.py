"""`/oauth/token`: a machine changes its client key for a short-lived token (RFC 6749, section 4.4)."""

import base64
import binascii
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import parse_qs, unquote_plus

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse

from api.resources import Resources, Shared
from api.schemas.access import TokenErrorOut, TokenOut
from domain.access import EVERYTHING, CallerKind
from domain.ids import api_key_hash
from models import keys

router = APIRouter(prefix="/oauth", tags=["access"])

LIFETIME = timedelta(minutes=10)

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"type": "string", "const": "client_credentials"},
                        "scope": {"type": "string", "description": "Fewer than the key has, if you like."},
                        "client_id": {"type": "string", "description": "Unless it is in `Authorization: Basic`."},
                        "client_secret": {"type": "string"},
                    },
                }
            }
        },
    }
}


class _Refused(Exception):
    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status, self.error, self.description = status, error, description

    def response(self) -> JSONResponse:
        """RFC 6749, section 5.2."""
        headers = {"WWW-Authenticate": 'Basic realm="milepost"'} if self.status == 401 else {}
        return JSONResponse({"error": self.error, "error_description": self.description}, self.status, headers=headers)


@router.post(
    "/token",
    response_model=TokenOut,
    responses={
        400: {"model": TokenErrorOut, "description": "RFC 6749, section 5.2"},
        401: {"model": TokenErrorOut, "description": "No such client"},
    },
    openapi_extra=_FORM,
)
async def token(
    request: Request, shared: Shared, authorization: Annotated[str | None, Header()] = None
) -> TokenOut | JSONResponse:
    """A token for ten minutes. `client_id` is the id of a key of the kind `client`, `client_secret` the key itself."""
    try:
        return await _grant(_form(await request.body()), authorization, shared)
    except _Refused as refused:
        return refused.response()


async def _grant(form: dict[str, str], authorization: str | None, shared: Resources) -> TokenOut:
    if form.get("grant_type") != "client_credentials":
        raise _Refused(400, "unsupported_grant_type", "Only client_credentials is.")
    client = await _client(form, authorization, shared)
    wanted = form["scope"].split() if form.get("scope") else sorted(client.scopes)
    if not (set(wanted) <= client.scopes or EVERYTHING in client.scopes):
        raise _Refused(400, "invalid_scope", "The client's key does not have all of these.")
    async with shared.database.transaction(client.tenant_id) as session:
        secret = await keys.give_token(session, client, wanted, LIFETIME)
    return TokenOut(access_token=secret, expires_in=int(LIFETIME.total_seconds()), scope=" ".join(wanted))


def _form(body: bytes) -> dict[str, str]:
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=10)
    except (UnicodeDecodeError, ValueError):
        raise _Refused(400, "invalid_request", "The body is application/x-www-form-urlencoded.") from None
    if any(len(values) > 1 for values in fields.values()):
        raise _Refused(400, "invalid_request", "A parameter is given twice.")
    return {name: values[0] for name, values in fields.items()}


async def _client(form: dict[str, str], authorization: str | None, shared: Resources) -> keys.LivingKey:
    """By HTTP Basic, or in the body (RFC 6749, section 2.3.1)."""
    name, secret = form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, given = (authorization or "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _Refused(401, "invalid_client", "The Basic credentials cannot be read.") from None
        name, secret = unquote_plus(name), unquote_plus(secret)
    found = await shared.keyring.find(api_key_hash(secret))
    if found is None or found.kind is not CallerKind.CLIENT or found.key_id != name:
        raise _Refused(401, "invalid_client", "There is no such client, or its key has ended.")
    if not (await shared.allowances.take(found.tenant_id, found.key_id, found.rate_limit)).granted:
        raise _Refused(400, "slow_down", "This client asks too often.")
    return found
