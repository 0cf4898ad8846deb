"""The embedded Temporal UI opens what is encrypted: for its own page, through the API, and for nobody else's."""

import base64
import json
from collections.abc import Iterator

import httpx
import pytest
from temporalio.api.common.v1 import Payload

from gateways.payloads import EncryptingCodec
from sandbox.stack import Stack, StackOptions
from settings import PayloadKey

pytestmark = pytest.mark.stack

STEPS = frozenset({"postgres", "temporal", "api", "codec"})
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-namespace"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(StackOptions(processes=STEPS)) as running:
        yield running


def written(payload: Payload) -> dict[str, object]:
    """As the UI sends one."""
    metadata = {name: base64.b64encode(value).decode() for name, value in payload.metadata.items()}
    return {"metadata": metadata, "data": base64.b64encode(payload.data).decode()}


async def test_the_uis_page_has_payloads_opened_and_no_other_page_has(stack: Stack) -> None:
    keys = PayloadKey.read_all(stack.environment()["MILEPOST_PAYLOAD_KEYS"])
    plain = Payload(metadata={"encoding": b"json/plain"}, data=b'"12 Rue de la Paix"')
    (sealed,) = await EncryptingCodec(keys).encode([plain])
    assert b"Rue" not in sealed.SerializeToString()
    async with httpx.AsyncClient(trust_env=False) as http:
        told = (await http.get(f"{stack.links.temporal_ui}/api/v1/settings")).json()
        assert told["Codec"]["Endpoint"] == stack.links.codec
        address, page = f"{stack.links.codec}/decode", {"Origin": stack.links.temporal_ui}

        before = await http.options(address, headers=page | ASKS)
        assert before.status_code == 204
        assert before.headers["access-control-allow-origin"] == stack.links.temporal_ui
        assert "x-namespace" in before.headers["access-control-allow-headers"].lower()

        body = json.dumps({"payloads": [written(sealed)]})
        headers = {"Content-Type": "application/json", "X-Namespace": "default"}
        opened = await http.post(address, content=body, headers=headers | page)
        assert opened.status_code == 200, opened.text
        assert opened.headers["access-control-allow-origin"] == stack.links.temporal_ui
        assert opened.json() == {"payloads": [written(plain)]}

        for other in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
            refused = await http.post(address, content=body, headers=headers | other)
            assert refused.status_code == 403
            assert "access-control-allow-origin" not in refused.headers
        wrong = await http.post(f"{stack.links.codec}/encode", content=body, headers=headers | page)
        assert (wrong.status_code, wrong.json()["code"]) == (403, "encoding_refused")
