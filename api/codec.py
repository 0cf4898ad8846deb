"""`/codec`: opens what is encrypted for whoever may see it in the Temporal UI (docs.temporal.io/codec-server).

It is part of the API because the API has the keys, the staff's logins and the audit log already (docs/decisions/0026).
"""

import base64
import binascii
from typing import Annotated, Any

from fastapi import APIRouter
from temporalio.api.common.v1 import Payload

from api.problems import Problem
from api.resources import Shared, needs
from api.schemas.base import ProblemOut
from api.schemas.codec import PayloadIO, PayloadsIO
from gateways.payloads import EncryptingCodec, PayloadDamaged, PayloadKeyMissing

router = APIRouter(prefix="/codec", tags=["codec"])

PATHS = ("/codec/decode", "/codec/encode")
MOST_BYTES = 8_388_608
"""A page of the UI opens many payloads at once, each of which may have 2 MB."""

Readers = Annotated[str, needs("histories:read")]
_PROBLEMS: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (413, 422)}


@router.post("/decode", response_model=PayloadsIO, response_model_exclude_unset=True, responses=_PROBLEMS)
async def decode(body: PayloadsIO, tenant: Readers, shared: Shared) -> PayloadsIO:
    """Payloads as they were before they were encrypted. Those of another encoding come back as they are."""
    del tenant  # histories are the deployment's: who sees the UI sees those of every tenant
    keys = shared.settings.payload_keys
    payloads = [_read(one) for one in body.payloads]
    if not keys:
        return body
    codec = EncryptingCodec(keys)
    try:
        opened = [codec.decrypted(one) for one in payloads]
    except (PayloadKeyMissing, PayloadDamaged) as wrong:
        raise Problem(422, "payload_unreadable", str(wrong)) from None
    return PayloadsIO(payloads=[_written(one) for one in opened])


@router.post(
    "/encode", response_model=PayloadsIO, responses={status: {"model": ProblemOut} for status in (403, 413, 422)}
)
async def encode(body: PayloadsIO, tenant: Readers) -> PayloadsIO:
    """Refused: workflows are begun and told things through the API, which asks whether somebody may."""
    del body, tenant
    raise Problem(403, "encoding_refused", "Begin and change things through the API; the Temporal UI only looks.")


def _read(one: PayloadIO) -> Payload:
    try:
        metadata = {name: base64.b64decode(value, validate=True) for name, value in one.metadata.items()}
        return Payload(metadata=metadata, data=base64.b64decode(one.data, validate=True))
    except (binascii.Error, ValueError):
        raise Problem(422, "payload_unreadable", "`metadata` and `data` of a payload are base64.") from None


def _written(one: Payload) -> PayloadIO:
    metadata = {name: base64.b64encode(value).decode() for name, value in one.metadata.items()}
    return PayloadIO(metadata=metadata, data=base64.b64encode(one.data).decode())
