"""Connects to Temporal as `temporalio.envconfig` says: `TEMPORAL_ADDRESS`, `TEMPORAL_API_KEY`, TLS and the rest."""

import dataclasses
from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, GrpcCompression, Interceptor
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
)
from temporalio.envconfig import ClientConfig

from gateways.payloads import EncryptingCodec, Locked
from settings import PayloadKey, Settings


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """How a type is read: made once a process. The SDK makes a converter a workflow, and the schemas anew with it."""
    return TypeAdapter(kind)


class _Json(PydanticJSONPlainPayloadConverter):
    """Pydantic's JSON, as the SDK writes it."""

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """The value, as its type says. Raises `pydantic.ValidationError` for what it does not fit."""
        return _adapter(Any if type_hint is None else type_hint).validate_json(payload.data)


_JSON = _Json()
_CONVERTERS = (
    *(
        _JSON if isinstance(one, JSONPlainPayloadConverter) else one
        for one in DefaultPayloadConverter.default_encoding_payload_converters
    ),
    Locked(),
)
"""They know nothing of what they convert: made once. The SDK makes what is around them several times a task."""


class _Payloads(CompositePayloadConverter):
    def __init__(self) -> None:
        super().__init__(*_CONVERTERS)


data_converter = DataConverter(payload_converter_class=_Payloads)
"""What every client of ours speaks: the same payloads as `temporalio.contrib.pydantic`, read faster."""


def converter_of(keys: Sequence[PayloadKey]) -> DataConverter:
    """The same, encrypted if there are keys; then messages and stack traces of failures are, too."""
    if not keys:
        return data_converter
    return dataclasses.replace(
        data_converter,
        payload_codec=EncryptingCodec(keys),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


async def connect(settings: Settings, *, lazy: bool = False, interceptors: Sequence[Interceptor] = ()) -> Client:
    """A client with our data converter. `lazy` connects at the first call: the API starts while Temporal is away.

    What goes over TLS is compressed, for it may go far. To a server near by that costs more than it saves: 2 % of the
    server's processor, and 1 % of a worker's.

    Raises `RuntimeError` when the server cannot be reached and `lazy` is off.
    """
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    converter = converter_of(settings.payload_keys)
    far = config.get("tls") or config.get("api_key")  # a key without a word on TLS means TLS
    return await Client.connect(
        **config,
        data_converter=converter,
        lazy=lazy,
        interceptors=interceptors,
        grpc_compression=GrpcCompression.GZIP if far else GrpcCompression.NONE,
    )
