"""Routes that are read most go straight: FastAPI solves the tree of dependencies anew for each request, and that takes
longer than reading a whole order. Here the same dependencies are called one after the other.

A route of this class is declared like any other, and its description is made as always. It may take path parameters
of plain text, and what is in `_KNOWN`; for anything else the application does not start.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.responses import Response
from fastapi.routing import APIRoute
from fastapi.security import SecurityScopes

from api.resources import BEARER, Caller, Resources, get_caller, get_resources, permitted, the_tenant

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Part = Callable[[Request, Resources, Caller], Any]

_KNOWN: dict[object, Part] = {
    get_resources: lambda _, shared, __: shared,
    the_tenant: lambda _, __, caller: caller.tenant,
    permitted: lambda _, __, caller: caller,
}


class StraightRoute(APIRoute):
    """Give it to a router as its `route_class`. Its endpoints answer with a `Response` of their own."""

    def get_route_handler(self) -> Handler:
        """As FastAPI asks. Raises `TypeError` for an endpoint that takes what is not known here."""
        parts, scopes = _parts(self.dependant), _scopes(self.dependant)
        endpoint: Callable[..., Awaitable[Response]] = self.endpoint

        async def handle(request: Request) -> Response:
            shared: Resources = request.app.state.resources
            caller = await get_caller(request, shared, await BEARER(request))
            await permitted(request, shared, caller, scopes)
            values = {name: part(request, shared, caller) for name, part in parts}
            return await endpoint(**request.path_params, **values)

        return handle


def _parts(dependant: Dependant) -> list[tuple[str, Part]]:
    odd = [*dependant.query_params, *dependant.header_params, *dependant.cookie_params, *dependant.body_params]
    unknown = [str(one.call) for one in dependant.dependencies if one.call not in _KNOWN]
    if odd or unknown or any(one.field_info.annotation is not str for one in dependant.path_params):
        raise TypeError(f"{dependant.path} cannot go straight: {odd or unknown or dependant.path_params}")
    return [(one.name or "", _KNOWN[one.call]) for one in dependant.dependencies]


def _scopes(dependant: Dependant) -> SecurityScopes:
    asked = {scope for one in dependant.dependencies for scope in one.own_oauth_scopes or ()}
    if not asked:
        raise TypeError(f"{dependant.path} asks for no scope")
    return SecurityScopes(sorted(asked))
