"""`python -m sandbox.carrier`: serves the carrier stand-in until it is stopped."""

import argparse
from pathlib import Path

import uvicorn

from sandbox.carrier.app import build
from sandbox.carrier.depot import Depot


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.carrier", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-key", required=True)
    parser.add_argument("--webhook-url", required=True, help="where scans are posted")
    parser.add_argument("--webhook-secret", required=True, help="what they are signed with")
    parser.add_argument("--public-url", help="where label and tracking links lead; default: host and port")
    parser.add_argument("--state", type=Path, help="keeps everything in this file, through a SIGKILL")
    parser.add_argument("--pace", type=float, default=1.0, help="seconds between scans; 0: only when told")
    asked = parser.parse_args()
    depot = Depot(
        public_url=asked.public_url or f"http://{asked.host}:{asked.port}", pace=asked.pace, state=asked.state
    )
    app = build(depot, api_key=asked.api_key, webhook_url=asked.webhook_url, webhook_secret=asked.webhook_secret)
    uvicorn.run(app, host=asked.host, port=asked.port, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
