"""A client of Temporal compresses what goes far, and nothing else."""

import pytest
from temporalio.client import GrpcCompression

from gateways.temporal import connect
from settings import Settings

SETTINGS = Settings.model_validate(
    {
        "database_url": "postgresql+psycopg://nobody@127.0.0.1:1/none",
        "stripe_api_key": "sk_test_none",
        "carrier_api_base": "http://127.0.0.1:1",
        "carrier_api_key": "none",
    }
)


@pytest.mark.parametrize(
    ("environment", "compression"),
    [
        ({}, GrpcCompression.NONE),
        ({"TEMPORAL_TLS": "false"}, GrpcCompression.NONE),
        ({"TEMPORAL_TLS": "true"}, GrpcCompression.GZIP),
        ({"TEMPORAL_API_KEY": "a key of Temporal Cloud"}, GrpcCompression.GZIP),
    ],
    ids=["plain", "without TLS", "TLS", "an API key"],
)
async def test_what_goes_over_tls_is_compressed(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], compression: GrpcCompression
) -> None:
    for name in ("TEMPORAL_TLS", "TEMPORAL_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TEMPORAL_ADDRESS": "127.0.0.1:1", **environment}.items():
        monkeypatch.setenv(name, value)
    client = await connect(SETTINGS, lazy=True)
    assert client.service_client.config.grpc_compression is compression
