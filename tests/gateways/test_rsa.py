"""RSA signatures: what another implementation signed is taken, everything else is refused, and nothing breaks."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.rsa import PublicKey, public_key, verify_sha256
from tests.gateways.key_server import OTHER, OURS, b64url, rsa_sign

KEY = PublicKey(OURS.modulus, 65537)
# printf '%s' '2026-11-20T16:00:00Z.{"resource_type":"API_TRACK"}' | openssl dgst -sha256 -sign key.pem | base64
MESSAGE = b'2026-11-20T16:00:00Z.{"resource_type":"API_TRACK"}'
BY_OPENSSL = (
    "NupCSGATsf+Jfh+vdidzJznwLTSDDZmjsUb3RXXNELnQ5lz3/kIvwecwBtIDRlFfhbID+BTlv/9bGACKUHNGRBkCu/HzaJSnsmh6"
    "wr9/ponBGj7+LiWcqWpKYUasRIV2ULAh4kjd2JtAmpK/AGOkPUa+xF4o2Cc92vecoEMH8Ehg/c6lc52STAE6te7DFPWJQiqB+/co"
    "KKyXLKw7UZzuT9XXR3eGH//BBTF0G7fmb9tbcR1shAMnAZ8trayVY6IHaBZKV50zNJqZDYkJ+Q4cOToLqgzvoasBLzSo+Uc2lscO"
    "6sAhE2LJwGSm9KVsjTUMvogSz0wY4MfrO1ZcY+TgSw=="
)


def test_what_openssl_signed_is_taken() -> None:
    assert verify_sha256(KEY, BY_OPENSSL, MESSAGE)
    assert rsa_sign(OURS, MESSAGE) == BY_OPENSSL


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_another_message_is_refused(message: bytes, other: bytes) -> None:
    assert verify_sha256(KEY, rsa_sign(OURS, message), other) == (message == other)


@given(st.integers(0, 255), st.integers(1, 255))
def test_one_changed_byte_is_refused(place: int, change: int) -> None:
    raw = bytearray(base64.b64decode(BY_OPENSSL))
    raw[place] ^= change
    assert not verify_sha256(KEY, base64.b64encode(bytes(raw)).decode(), MESSAGE)


@given(st.text(max_size=400))
def test_no_text_passes_by_chance_nor_breaks_anything(signature: str) -> None:
    assert not verify_sha256(KEY, signature, MESSAGE)


@pytest.mark.parametrize("number", [0, 1, OURS.modulus - 1, OURS.modulus, OURS.modulus + 1, 2**2048 - 1, 2**2047])
def test_numbers_at_the_edges_are_refused(number: int) -> None:
    assert not verify_sha256(KEY, base64.b64encode(number.to_bytes(256)).decode(), MESSAGE)


def test_anothers_signature_is_refused() -> None:
    assert not verify_sha256(KEY, rsa_sign(OTHER, MESSAGE), MESSAGE)


def test_a_block_with_something_behind_the_hash_is_refused() -> None:
    """Bleichenbacher's forgery: a short padding, and room for a cube root's rubbish behind the digest."""
    tail = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(MESSAGE).digest()
    block = b"\x00\x01" + b"\xff" * 8 + b"\x00" + tail + b"\x00" * (256 - 11 - len(tail))
    made = pow(int.from_bytes(block), OURS.private, OURS.modulus).to_bytes(256)
    assert not verify_sha256(KEY, base64.b64encode(made).decode(), MESSAGE)


def test_a_key_is_read_from_its_jwk() -> None:
    assert public_key(b64url(OURS.modulus), "AQAB") == KEY


@pytest.mark.parametrize(("n", "e"), [("AQAB", "AQAB"), ("", ""), ("!!", "AQAB"), (b64url(OURS.modulus), "AQ")])
def test_a_key_that_cannot_be_trusted_is_none(n: str, e: str) -> None:
    with pytest.raises(ValueError, match=r"RSA|base64url"):
        public_key(n, e)
