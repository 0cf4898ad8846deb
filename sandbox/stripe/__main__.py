"""Starts the stand-in: `python -m sandbox.stripe --port 12111 --api-key sk_test_…`."""

import argparse
import sqlite3
from pathlib import Path

import uvicorn

from sandbox.stripe.account import API_VERSION, Config
from sandbox.stripe.app import StripeStandIn
from sandbox.stripe.webhooks import Endpoint


def main() -> None:
    """Read the arguments and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.stripe", description="A stand-in for Stripe's API.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-key", required=True, help="the secret key clients must send (sk_test_…)")
    parser.add_argument("--publishable-key", help="a browser's key; without it, anything that begins with pk_test_")
    parser.add_argument("--webhook-url", action="append", default=[], help="repeat for several endpoints")
    parser.add_argument("--webhook-secret", action="append", default=[], help="one a URL, in the same order")
    parser.add_argument("--webhook-events", default="*", help="the types that all of them get, with commas between")
    parser.add_argument("--state", type=Path, help="a file that keeps everything; without it, memory only")
    parser.add_argument("--public-url", help="how browsers reach this server; http://HOST:PORT when left out")
    parser.add_argument("--api-version", default=API_VERSION, help="the version events are written in")
    parser.add_argument("--search-lag", type=float, default=0.0, help="seconds before search finds a new intent")
    args = parser.parse_args()
    if len(args.webhook_url) != len(args.webhook_secret):
        parser.error("give one --webhook-secret for each --webhook-url")
    public_url = (args.public_url or f"http://{args.host}:{args.port}").rstrip("/")
    config = Config(
        api_key=args.api_key, public_url=public_url, state=args.state, api_version=args.api_version,
        publishable_key=args.publishable_key, search_lag=args.search_lag,
    )  # fmt: skip
    pairs = zip(args.webhook_url, args.webhook_secret, strict=True)
    endpoints = [
        Endpoint(url=url, secret=secret, enabled_events=args.webhook_events.split(",")) for url, secret in pairs
    ]
    try:
        app = StripeStandIn(config, endpoints or None)
    except sqlite3.DatabaseError as error:
        parser.error(f"--state {args.state}: {error}")
    uvicorn.run(
        app,
        host=args.host,
        port=args.port,
        log_level="warning",
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
