"""An issuer's keys: found by discovery, kept, found anew when it rotates, and good while it is away."""

from collections.abc import Iterator

import pytest

from gateways.oidc import IssuerAway, Issuers, TokenInvalid
from tests.flow.oidc_kit import AUDIENCE, Issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """With one key."""
    made = Issuer()
    made.new_key("first")
    yield made
    made.close()


async def test_keys_are_kept_and_found_anew_when_the_issuer_rotates(issuer: Issuer) -> None:
    ours = Issuers(ask_again_seconds=0)
    for _ in range(5):
        assert (await ours.verify(issuer.token("first"), issuer.url, [AUDIENCE]))["sub"] == "u-17"
    assert issuer.asked == 2
    issuer.new_key("second", "ES256")
    assert (await ours.verify(issuer.token("second"), issuer.url, [AUDIENCE]))["sub"] == "u-17"
    assert issuer.asked == 4
    await ours.close()


async def test_a_crowd_with_unknown_keys_asks_the_issuer_once(issuer: Issuer) -> None:
    ours = Issuers()
    stranger = Issuer()
    stranger.new_key("strange")
    for _ in range(5):
        with pytest.raises(TokenInvalid):
            await ours.verify(stranger.token("strange", iss=issuer.url), issuer.url, [AUDIENCE])
    assert issuer.asked == 2
    stranger.close()
    await ours.close()


async def test_an_issuer_that_was_never_reached_is_away_and_one_that_was_is_believed_on(issuer: Issuer) -> None:
    ours, late = Issuers(ask_again_seconds=0), Issuers()
    token = issuer.token("first")
    assert await ours.verify(token, issuer.url, [AUDIENCE])
    issuer.close()
    assert await ours.verify(token, issuer.url, [AUDIENCE])
    with pytest.raises(IssuerAway):
        await late.verify(token, issuer.url, [AUDIENCE])
    await ours.close()
    await late.close()


async def test_an_issuer_is_asked_over_tls_only_and_must_say_its_own_name() -> None:
    ours = Issuers()
    posing = Issuer()
    posing.new_key("first")
    by_name = posing.url.replace("127.0.0.1", "localhost")
    with pytest.raises(IssuerAway):
        await ours.verify(posing.token("first", iss=by_name), by_name, [AUDIENCE])
    with pytest.raises(IssuerAway):
        await ours.verify(posing.token("first", iss="http://id.example"), "http://id.example", [AUDIENCE])
    posing.close()
    await ours.close()
