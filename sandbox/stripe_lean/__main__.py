"""`python -m sandbox.stripe_lean`: serves the stand-in on loopback."""

import argparse
from pathlib import Path

import uvicorn

from sandbox.stripe_lean.app import StandIn, build


def main() -> None:
    """Read the arguments and serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-key", required=True)
    parser.add_argument("--webhook-url", required=True)
    parser.add_argument("--webhook-secret", required=True)
    parser.add_argument("--public-url", required=True)
    parser.add_argument("--state", type=Path)
    asked = parser.parse_args()
    stand = StandIn(
        api_key=asked.api_key,
        webhook_url=asked.webhook_url,
        secret=asked.webhook_secret,
        public_url=asked.public_url,
        state=asked.state,
    )
    uvicorn.run(build(stand), host=asked.host, port=asked.port, log_level="warning", timeout_graceful_shutdown=1)


main()
