"""What Temporal keeps is encrypted: only with the key, only unchanged, and whoever lacks a key is told which."""

import base64
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError

from gateways.payloads import EncryptingCodec, PayloadDamaged, PayloadKeyMissing
from gateways.temporal import converter_of, data_converter
from settings import Settings
from tests.gateways.payload_kit import keyed, written
from tests.test_worker import SETTINGS

jsons = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text(), lambda one: st.lists(one, max_size=3))


async def sealed(value: Any, *names: str) -> Payload:
    (payload,) = await keyed(*names).encode([value])
    return payload


@given(jsons | st.binary())
async def test_a_value_comes_back_and_is_not_to_be_seen_on_the_way(value: Any) -> None:
    payload = await sealed(value, "a")
    assert payload.metadata["encoding"] == b"binary/encrypted"
    (plain,) = await data_converter.encode([value])
    assert len(plain.data) < 8 or plain.data not in payload.data
    assert await keyed("a").decode([payload], [type(value)]) == [value]


async def test_no_two_payloads_are_alike() -> None:
    """A nonce that comes twice under one key gives the key's secrets away."""
    seen = {(await sealed("the same", "a")).data[:12] for _ in range(1000)}
    assert len(seen) == 1000


async def test_the_first_key_encrypts_and_every_key_decrypts() -> None:
    old, new = await sealed("of old", "old"), await sealed("of new", "new", "old")
    assert new.metadata["encryption-key-id"] == b"new"
    assert await keyed("new", "old").decode([old, new]) == ["of old", "of new"]


async def test_what_is_in_plain_text_is_read_as_it_is() -> None:
    plain = await data_converter.encode(["from before there were keys"])
    assert await keyed("a").decode(plain) == ["from before there were keys"]


async def test_who_lacks_the_key_is_told_which_and_what_to_do() -> None:
    payload = await sealed("x", "lost")
    with pytest.raises(PayloadKeyMissing, match=r"key 'lost', which .* \(it has: 'b', 'c'\).*MILEPOST_PAYLOAD_KEYS"):
        await keyed("c", "b").decode([payload])
    with pytest.raises(PayloadKeyMissing, match=r"key 'lost', which .* \(it has: none\)"):
        await data_converter.decode([payload])


@pytest.mark.parametrize("place", [0, 5, 12, 20, -1])
async def test_one_bit_changed_is_noticed(place: int) -> None:
    payload = await sealed({"amount": 100}, "a")
    changed = bytearray(payload.data)
    changed[place] ^= 1
    with pytest.raises(PayloadDamaged):
        await keyed("a").decode([Payload(metadata=payload.metadata, data=bytes(changed))])


async def test_what_is_cut_or_claims_another_key_is_noticed() -> None:
    payload = await sealed("x", "a")
    with pytest.raises(PayloadDamaged, match="too short"):
        await keyed("a").decode([Payload(metadata=payload.metadata, data=payload.data[:20])])
    claimed = {**payload.metadata, "encryption-key-id": b"b"}
    with pytest.raises(PayloadDamaged, match="'b'"):
        await keyed("b", "a").decode([Payload(metadata=claimed, data=payload.data)])


async def test_messages_and_stack_traces_of_failures_are_encrypted() -> None:
    failure = Failure()
    with pytest.raises(ApplicationError) as caught:
        raise ApplicationError("no such street: 12 Rue Secrète", "ada@example.com", type="CarrierRejected")
    await keyed("a").encode_failure(caught.value, failure)
    raw = failure.SerializeToString()
    assert not any(part.encode() in raw for part in ("Rue", "ada@", "test_payloads"))
    assert b"CarrierRejected" in raw  # retry policies need it
    back = await keyed("a").decode_failure(failure)
    assert isinstance(back, ApplicationError)
    assert (back.message, back.details) == ("no such street: 12 Rue Secrète", ("ada@example.com",))


def test_without_keys_it_is_the_converter_as_ever() -> None:
    assert converter_of(()) is data_converter
    with pytest.raises(ValueError, match="needs a key"):
        EncryptingCodec(())


def settings(keys: str) -> Settings:
    return Settings.model_validate({**SETTINGS, "payload_keys": keys})


def test_keys_are_read_newest_first() -> None:
    assert settings("").payload_keys == ()
    found = settings(f" {written('2026-11')}, {written('2026-05')} ,").payload_keys
    assert [key.id for key in found] == ["2026-11", "2026-05"]
    assert "Li4u" not in repr(found)


SECRET = base64.b64encode(b"s" * 31).decode()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (SECRET, "write each key as name:key"),
        (f"a:{SECRET}", "the key 'a' has 31 bytes instead of 32"),
        (f"a:{SECRET[:-3]}!", "the key 'a' is not base64"),
        (f"{written('a')},{written('a')}", "two keys have the same name"),
        (f"ä b:{base64.b64encode(b's' * 32).decode()}", "String should match pattern"),
    ],
)
def test_what_is_wrong_with_a_key_is_said_without_saying_the_key(keys: str, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(keys)
    told = "".join(traceback.format_exception(caught.value))
    assert said in told
    assert "c3Nz" not in told
