"""A link opens one order's page until its end, and nobody without a secret can make one."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.links import Link, LinkForged, Links

LINKS = st.builds(Link, st.text(max_size=40), st.text(max_size=20), st.integers(0, 2**40))
SECRETS = st.text(min_size=1, max_size=40)
TOKEN = Links(["secret"]).make(Link("demo", "1001", 1_800_000_000))


@given(LINKS, st.lists(SECRETS, min_size=1, max_size=3, unique=True))
def test_what_any_of_the_secrets_signed_is_read(link: Link, secrets: list[str]) -> None:
    signed = Links(secrets[-1:]).make(link)
    assert Links(secrets).read(signed) == link


@given(LINKS, SECRETS, SECRETS)
def test_another_secret_reads_nothing(link: Link, mine: str, other: str) -> None:
    if mine == other:
        return
    with pytest.raises(LinkForged):
        Links([other]).read(Links([mine]).make(link))


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from(string.ascii_letters + string.digits + "-_.=é "))
def test_one_sign_changed_and_it_is_forged(place: int, sign: str) -> None:
    altered = TOKEN[:place] + sign + TOKEN[place + 1 :]
    if altered == TOKEN:
        return
    with pytest.raises(LinkForged):
        Links(["secret"]).read(altered)


@given(st.text(max_size=800))
def test_no_text_is_taken_for_a_link(text: str) -> None:
    with pytest.raises(LinkForged):
        Links(["secret"]).read(text)


def test_without_a_secret_there_are_no_links() -> None:
    with pytest.raises(ValueError, match="secret"):
        Links([])
