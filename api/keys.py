"""`/v1/access/keys`: make keys, look at them, rotate and revoke them. A key is shown once and kept nowhere."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from api.pages import PAGED, Paged
from api.problems import Problem, not_found
from api.resources import Caller, IdempotencyKey, Shared, caller_with, needs
from api.schemas.access import KeyIn, KeyOut, KeyPageOut, NewKeyOut, RotateIn
from api.schemas.base import ProblemOut
from domain.access import KeyKind
from models import keys
from models.keys import ApiKey, Issued

router = APIRouter(prefix="/v1/access/keys", tags=["access"])

_READ: dict[int | str, dict[str, Any]] = {404: {"model": ProblemOut}}
_MAKE: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (400, 404, 409, 422)}

Administrator = Annotated[Caller, caller_with("admin")]


@router.get("", response_model=KeyPageOut, responses=PAGED)
async def listed(tenant: Annotated[str, needs("admin")], shared: Shared, page: Paged) -> KeyPageOut:
    """All of them, the newest first, a page at a time; those that are gone as well."""
    after = page.after(tenant, "keys")
    async with shared.database.transaction(tenant) as session:
        found = await keys.listed(session, after, page.limit + 1)
    shown, more = page.cut(tenant, "keys", found, lambda one: [one.created_at.isoformat(), one.key_id])
    return KeyPageOut(items=[_out(one) for one in shown], next_cursor=more)


@router.post("", status_code=201, response_model=NewKeyOut, responses=_MAKE)
async def create(body: KeyIn, key: IdempotencyKey, caller: Administrator, shared: Shared) -> NewKeyOut:
    """`secret` is shown now and never again: a repeat under the same Idempotency-Key is a 409 that names the key."""
    async with shared.database.transaction(caller.tenant) as session:
        ends = await keys.clock(session) + timedelta(seconds=body.expires_in) if body.expires_in else None
        issued = await keys.issue(
            session,
            caller.tenant,
            kind=KeyKind(body.kind),
            name=body.name,
            scopes=body.scopes,
            live=shared.settings.live,
            by=caller.actor,
            expires_at=ends,
            rate_limit=body.rate_limit,
            made_under=key,
        )
        return await _new(session, issued, key)


@router.get("/{key_id}", response_model=KeyOut, responses=_READ)
async def read(key_id: str, tenant: Annotated[str, needs("admin")], shared: Shared) -> KeyOut:
    """One of them."""
    async with shared.database.transaction(tenant) as session:
        return _out(await _found(session, key_id))


@router.post("/{key_id}/rotate", status_code=201, response_model=NewKeyOut, responses=_MAKE)
async def rotate(
    key_id: str, key: IdempotencyKey, caller: Administrator, shared: Shared, body: RotateIn | None = None
) -> NewKeyOut:
    """A new key like it; the old one ends by itself after `overlap` seconds, a day if nothing is said."""
    overlap = timedelta(seconds=(body or RotateIn()).overlap)
    async with shared.database.transaction(caller.tenant) as session:
        row = await _found(session, key_id, lock=True)
        if row.revoked_at is not None:
            raise Problem(409, "key_revoked", "This key was revoked; make a new one.")
        live = shared.settings.live
        issued = await keys.rotate(session, row, overlap=overlap, live=live, by=caller.actor, made_under=key)
        return await _new(session, issued, key)


@router.post("/{key_id}/revoke", response_model=KeyOut, responses=_READ)
async def revoke(key_id: str, tenant: Annotated[str, needs("admin")], shared: Shared) -> KeyOut:
    """It ends now: within five seconds nobody is let in with it. Tokens that were got for it end with it."""
    async with shared.database.transaction(tenant) as session:
        row = await _found(session, key_id, lock=True)
        await keys.revoke(session, row)
        return _out(row)


async def _found(session: AsyncSession, key_id: str, *, lock: bool = False) -> ApiKey:
    row = await keys.find(session, key_id, lock=lock)
    if row is None:
        raise not_found("key")
    return row


async def _new(session: AsyncSession, issued: Issued | None, key: str) -> NewKeyOut:
    if issued is None:
        detail = (
            "A key was made under this Idempotency-Key, and shown in the first answer. If that answer did not arrive,"
            " revoke the key and make another under a new Idempotency-Key."
        )
        raise Problem(409, "key_already_made", detail, key_id=await keys.made_under(session, key))
    return NewKeyOut(**_out(issued.row).model_dump(), secret=issued.secret)


def _out(row: ApiKey) -> KeyOut:
    return KeyOut(
        id=row.key_id,
        name=row.name,
        kind=row.kind,
        scopes=row.scopes,
        hint=row.hint,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
        rate_limit=row.rate_limit,
    )
