"""Webhook signatures: what was signed is taken, everything else is refused for the right reason."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.signatures import SignatureFault, SignatureInvalid, sign, verify

AT = 1_772_000_000
BODY = b'{"status":"delivered"}'
GOOD = sign("whsec_1", BODY, AT)
V1 = GOOD.partition("v1=")[2]

secrets = st.text(min_size=1, max_size=40)
times = st.integers(0, 10**11)


def refused(header: str | None, *, secrets: tuple[str, ...] = ("whsec_1",), body: bytes = BODY) -> SignatureFault:
    with pytest.raises(SignatureInvalid) as caught:
        verify(secrets, header, body, AT)
    return caught.value.reason


def test_the_scheme_is_the_documented_one() -> None:
    # printf '1772000000.{"status":"delivered"}' | openssl dgst -sha256 -hmac whsec_1
    by_openssl = "6171cb45ec8b12e2d716bd0b0a311345db1a22aeaf6f270bc721ca7797a14eab"
    assert f"t=1772000000,v1={by_openssl}" == GOOD


@given(secrets, st.binary(max_size=300), times, st.integers(-300, 300))
def test_what_was_signed_is_taken(secret: str, body: bytes, at: int, late: int) -> None:
    verify([secret], sign(secret, body, at), body, at + late)


@given(secrets, secrets, st.binary(max_size=300), times)
def test_another_secret_is_refused(secret: str, other: str, body: bytes, at: int) -> None:
    if secret != other:
        with pytest.raises(SignatureInvalid):
            verify([other], sign(secret, body, at), body, at)


@given(secrets, st.binary(min_size=1, max_size=300), times, st.data())
def test_one_changed_byte_is_refused(secret: str, body: bytes, at: int, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(body) - 1))
    flipped = body[place] ^ data.draw(st.integers(1, 255))
    changed = body[:place] + bytes([flipped]) + body[place + 1 :]
    with pytest.raises(SignatureInvalid) as caught:
        verify([secret], sign(secret, body, at), changed, at)
    assert caught.value.reason is SignatureFault.MISMATCH


@given(st.text(max_size=200) | st.from_regex(r"t=\d{0,14}(,v1=[0-9a-fA-F]{0,70}){0,3}", fullmatch=True))
def test_no_header_passes_by_chance_nor_breaks_anything(header: str) -> None:
    with pytest.raises(SignatureInvalid):
        verify(["whsec_1"], header, BODY, AT)


@pytest.mark.parametrize("now", [AT - 301, AT + 301])
def test_a_stale_signature_is_refused(now: int) -> None:
    with pytest.raises(SignatureInvalid) as caught:
        verify(["whsec_1"], GOOD, BODY, now)
    assert caught.value.reason is SignatureFault.OUTSIDE_TOLERANCE


def test_the_tolerance_can_be_narrowed() -> None:
    verify(["whsec_1"], GOOD, BODY, AT + 10, tolerance=10)
    with pytest.raises(SignatureInvalid):
        verify(["whsec_1"], GOOD, BODY, AT + 11, tolerance=10)


def test_secrets_rotate_on_both_sides() -> None:
    verify(["whsec_new", "whsec_1"], GOOD, BODY, AT)
    verify(["whsec_1"], f"t={AT},v1={'0' * 64},v1={V1}", BODY, AT)


def test_other_schemes_blanks_and_capitals_do_not_disturb() -> None:
    verify(["whsec_1"], f" t={AT} , v0=abc , v1={V1.upper()} ", BODY, AT)


@pytest.mark.parametrize("header", [None, "", "   "])
def test_missing(header: str | None) -> None:
    assert refused(header) is SignatureFault.MISSING


@pytest.mark.parametrize(
    "header",
    [
        "nonsense",
        "=",
        ",,,",
        f"t={AT}",
        f"v1={V1}",
        f"t=,v1={V1}",
        f"t=-{AT},v1={V1}",
        f"t={AT}.0,v1={V1}",
        f"t=\uff11\uff17,v1={V1}",
        f"t=\u00b2,v1={V1}",
        f"t={'9' * 5000},v1={V1}",
        f"t={AT},t={AT},v1={V1}",
        f"t={AT},v1=",
        f"t={AT},v1={V1[:-1]}",
        f"t={AT},v1={V1}0",
        f"t={AT},v1={'g' * 64}",
        f"t={AT},v1=" + "\u00e9" * 64,
        f"t={AT},v0={V1}",
        f"t={AT},v1={V1},v1=short",
        f"t={AT}" + f",v1={V1}" * 17,
        f"t={AT},v1={V1}," + "x" * 5000,
    ],
)
def test_malformed(header: str) -> None:
    assert refused(header) is SignatureFault.MALFORMED


@pytest.mark.parametrize("none", [(), ("",), ("", "")])
def test_without_a_secret_nothing_is_trusted(none: tuple[str, ...]) -> None:
    empty = hmac.new(b"", f"{AT}.".encode() + BODY, hashlib.sha256).hexdigest()
    assert refused(f"t={AT},v1={empty}", secrets=none) is SignatureFault.NO_SECRET


def test_an_empty_secret_signs_nothing() -> None:
    with pytest.raises(ValueError, match="empty"):
        sign("", BODY, AT)
