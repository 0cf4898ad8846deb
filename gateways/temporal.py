"""Connects to Temporal as `temporalio.envconfig` says: `TEMPORAL_ADDRESS`, `TEMPORAL_API_KEY`, TLS and the rest."""

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig


async def connect(*, lazy: bool = False) -> Client:
    """A client with our data converter. `lazy` connects at the first call: the API starts while Temporal is away.

    Raises `RuntimeError` when the server cannot be reached and `lazy` is off.
    """
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    return await Client.connect(**config, data_converter=pydantic_data_converter, lazy=lazy)
