"""`python -m sandbox.carrier`: serves the stand-in on loopback."""

import argparse
from pathlib import Path

import uvicorn

from sandbox.carrier.app import Depot, build


def main() -> None:
    """Read the arguments and serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-key", required=True)
    parser.add_argument("--webhook-url", required=True)
    parser.add_argument("--webhook-secret", required=True)
    parser.add_argument("--public-url", required=True)
    parser.add_argument("--pace", type=float, default=1.0, help="seconds between scans; 0: on demand")
    parser.add_argument("--state", type=Path)
    asked = parser.parse_args()
    depot = Depot(
        webhook_url=asked.webhook_url,
        secret=asked.webhook_secret,
        public_url=asked.public_url,
        pace=asked.pace,
        state=asked.state,
    )
    app = build(depot, asked.api_key)
    uvicorn.run(app, host=asked.host, port=asked.port, log_level="warning", timeout_graceful_shutdown=1)


main()
