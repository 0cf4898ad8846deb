"""`python -m sandbox.codec`: asks the API's codec server on behalf of the development server's UI.

Temporal's UI passes the token of whoever logged in; that of `temporal server start-dev` has no login, so this adds the
demo shop's key. It serves that page's origin alone. In production nothing stands between the UI and the API.
"""

import argparse

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_ASKED = ("content-type", "origin", "access-control-request-method", "access-control-request-headers", "x-namespace")
_TOLD = ("content-type", "cache-control", "vary", "x-request-id")


def build(api: str, key: str, origin: str) -> Starlette:
    """The two routes of a codec server, as the API answers them to that key."""

    async def passed(request: Request) -> Response:
        if request.headers.get("origin") != origin:
            return PlainTextResponse("Only the Temporal UI's page may ask.", 403)
        headers = {name: request.headers[name] for name in _ASKED if name in request.headers}
        if request.method == "POST":
            headers["authorization"] = f"Bearer {key}"
        async with httpx.AsyncClient(base_url=api, trust_env=False, timeout=30) as http:
            answer = await http.request(request.method, request.url.path, content=await request.body(), headers=headers)
        told = {
            name: value for name, value in answer.headers.items() if name in _TOLD or name.startswith("access-control-")
        }
        return Response(answer.content, answer.status_code, told)

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    methods = ["OPTIONS", "POST"]
    return Starlette(
        routes=[
            Route("/codec/decode", passed, methods=methods),
            Route("/codec/encode", passed, methods=methods),
            Route("/healthz", health),
        ]
    )


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.codec", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api", required=True, help="its address, without a slash at the end")
    parser.add_argument("--api-key", required=True, help="one with the scope histories:read")
    parser.add_argument("--origin", required=True, help="the UI's, the one page that may ask")
    asked = parser.parse_args()
    app = build(asked.api, asked.api_key, asked.origin)
    uvicorn.run(app, host=asked.host, port=asked.port, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
