"""`python -m sandbox.mail`: takes e-mails on one port, shows them on another, until it is stopped."""

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator
from html import escape

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.faults import Fault
from sandbox.mail.server import Kept, Mailbox

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>E-mails</title><style>body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
padding: 0 1rem }} td {{ padding: .25rem 1rem .25rem 0; vertical-align: top }}</style></head>
<body><h1>E-mails</h1><p>Nothing here was delivered to anybody.</p><table>{rows}</table></body></html>"""
_ROW = (
    '<tr><td><time>{at}</time></td><td>{to}</td><td><a href="/mails/{number}">{subject}</a>'
    ' (<a href="/mails/{number}/text">text</a>)</td></tr>'
)


def build(box: Mailbox, smtp_host: str, smtp_port: int) -> Starlette:
    """The page, the levers, and the SMTP server for as long as it runs."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        server = await asyncio.start_server(box.serve, smtp_host, smtp_port)
        yield
        server.close()

    async def page(_: Request) -> Response:
        return HTMLResponse(_PAGE.format(rows="".join(_row(one) for one in reversed(box.kept))))

    async def one(request: Request) -> Response:
        found = next((kept for kept in box.kept if kept.number == request.path_params["number"]), None)
        if found is None:
            return PlainTextResponse("There is no such e-mail.", 404)
        if request.path_params.get("kind") == "text":
            return PlainTextResponse(found.part("plain"))
        headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return HTMLResponse(found.part("html"), headers=headers)

    async def listed(request: Request) -> Response:
        """Those `to` an address, or all."""
        to = request.query_params.get("to")
        return JSONResponse([_told(kept) for kept in box.kept if to in (None, kept.to)])

    async def fault(request: Request) -> Response:
        box.faults.asked.append(Fault(**await request.json()))
        return JSONResponse({}, 201)

    async def healed(_: Request) -> Response:
        box.faults.asked.clear()
        return JSONResponse({})

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    return Starlette(
        routes=[
            Route("/", page),
            Route("/mails/{number:int}", one),
            Route("/mails/{number:int}/{kind}", one),
            Route("/_control/mails", listed),
            Route("/_control/faults", fault, methods=["POST"]),
            Route("/_control/faults", healed, methods=["DELETE"]),
            Route("/healthz", health),
        ],
        lifespan=lifespan,
    )


def _row(kept: Kept) -> str:
    told = {"at": f"{kept.at:%Y-%m-%d %H:%M:%S}", "to": escape(kept.to), "number": kept.number}
    return _ROW.format(subject=escape(str(kept.message["Subject"])), **told)


def _told(kept: Kept) -> dict[str, object]:
    headers = ("From", "To", "Reply-To", "Subject", "Message-ID", "Auto-Submitted")
    told = {name.lower().replace("-", "_"): kept.message[name] for name in headers}
    return {
        "number": kept.number,
        "to_address": kept.to,
        **{name: None if value is None else str(value) for name, value in told.items()},
        "text": kept.part("plain"),
        "html": kept.part("html"),
    }


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.mail", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="of the page")
    parser.add_argument("--smtp-port", type=int, required=True)
    asked = parser.parse_args()
    app = build(Mailbox(), asked.host, asked.smtp_port)
    uvicorn.run(app, host=asked.host, port=asked.port, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
