"""An answer that never arrives: the connection closes in the middle of it."""

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class LostResponse(Response):
    """Promises a body and sends none, so that the server closes the connection and the client sees a broken read."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        """Send the head alone."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
