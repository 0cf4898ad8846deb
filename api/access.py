"""`/v1/access`: what staff's roles are good for, from which pages browsers may call, and who did what."""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from api.cursors import Cursors, CursorText, PageSize
from api.etags import CONDITIONAL, IfMatch, etag, must_match
from api.problems import not_found
from api.resources import Shared, needs
from api.schemas.access import ActOut, ActsOut, OriginsIn, OriginsOut, RoleIn, RoleName, RoleOut
from api.schemas.base import ProblemOut
from models import access, staff, trail

router = APIRouter(prefix="/v1/access", tags=["access"])

Administrators = Annotated[str, needs("admin")]
_READ: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (404, 422)}
_EDIT = _READ | CONDITIONAL


@router.get("/origins", response_model=OriginsOut)
async def origins(tenant: Administrators, shared: Shared, response: Response) -> OriginsOut:
    """The storefronts' origins, with their `ETag`."""
    async with shared.database.transaction(tenant) as session:
        found = await access.origins(session)
    response.headers["ETag"] = etag(found)
    return OriginsOut(origins=found)


@router.put("/origins", response_model=OriginsOut, responses=_EDIT)
async def replace_origins(
    body: OriginsIn, tenant: Administrators, shared: Shared, response: Response, if_match: IfMatch = None
) -> OriginsOut:
    """These, and no others. `If-Match` is the `ETag` that was read."""
    wanted = sorted(set(body.origins))
    async with shared.database.transaction(tenant) as session:
        await staff.one_at_a_time(session, tenant)
        must_match(if_match, etag(await access.origins(session)))
        await access.replace_origins(session, tenant, wanted)
    response.headers["ETag"] = etag(wanted)
    return OriginsOut(origins=wanted)


@router.get("/roles", response_model=list[RoleOut])
async def roles(tenant: Administrators, shared: Shared) -> list[RoleOut]:
    """What each role of your issuer's is good for."""
    async with shared.database.transaction(tenant) as session:
        return [RoleOut(role=one.role, scopes=one.scopes, version=one.version) for one in await staff.roles(session)]


@router.get("/roles/{role}", response_model=RoleOut, responses=_READ)
async def role(role: RoleName, tenant: Administrators, shared: Shared, response: Response) -> RoleOut:
    """One of them, with its `ETag`."""
    async with shared.database.transaction(tenant) as session:
        found = await staff.role(session, role)
    if found is None:
        raise not_found("role")
    response.headers["ETag"] = etag(found.version)
    return RoleOut(role=found.role, scopes=found.scopes, version=found.version)


@router.put("/roles/{role}", response_model=RoleOut, responses=_EDIT)
async def put_role(
    role: RoleName, body: RoleIn, tenant: Administrators, shared: Shared, response: Response, if_match: IfMatch = None
) -> RoleOut:
    """What the role is good for from now on. A new one needs no `If-Match`."""
    async with shared.database.transaction(tenant) as session:
        await staff.one_at_a_time(session, tenant)
        known = await staff.role(session, role)
        must_match(if_match, etag(known.version) if known else None)
        saved = await staff.save_role(session, tenant, role, sorted(set(body.scopes)))
    response.headers["ETag"] = etag(saved.version)
    return RoleOut(role=saved.role, scopes=saved.scopes, version=saved.version)


@router.delete("/roles/{role}", status_code=204, responses=_EDIT)
async def drop_role(role: RoleName, tenant: Administrators, shared: Shared, if_match: IfMatch = None) -> Response:
    """People with this role may do nothing by it any more."""
    async with shared.database.transaction(tenant) as session:
        await staff.one_at_a_time(session, tenant)
        known = await staff.role(session, role)
        if known is None:
            raise not_found("role")
        must_match(if_match, etag(known.version))
        await session.delete(known)
    return Response(status_code=204)


@router.get("/audit", response_model=ActsOut, responses={400: {"model": ProblemOut}})
async def audit(tenant: Administrators, shared: Shared, limit: PageSize = 50, cursor: CursorText = None) -> ActsOut:
    """Who did what, the newest first: every request that may change something, whatever came of it."""
    cursors, question = Cursors.of(shared.settings), {"list": "audit"}
    before = int(str(cursors.read(tenant, question, cursor)[0])) if cursor else None
    async with shared.database.transaction(tenant) as session:
        found = await trail.latest(session, before=before, most=limit + 1)
    page = found[:limit]
    acts = [
        ActOut(
            at=one.at,
            actor=one.actor,
            action=one.action,
            target=one.target,
            status=one.status,
            code=one.code,
            request_id=one.request_id,
            reason=one.reason,
        )
        for one in page
    ]
    more = len(found) > limit
    return ActsOut(acts=acts, next_cursor=cursors.make(tenant, question, [page[-1].act_id]) if more else None)
