"""Keys for what Temporal keeps, and converters that have them."""

import base64

from temporalio.converter import DataConverter

from gateways.temporal import converter_of
from settings import PayloadKey


def written(name: str) -> str:
    """A key as the setting has it; each name its own."""
    return f"{name}:{base64.b64encode(name.encode().ljust(32, b'.')).decode()}"


def keyed(*names: str) -> DataConverter:
    """What a process with these keys speaks; the first encrypts."""
    return converter_of(PayloadKey.read_all(",".join(map(written, names))))
