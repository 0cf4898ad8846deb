"""What members are written: each e-mail in each language, to the address they joined with, and none that is no news."""

import json

import pytest

from activities.letters import LetterWriter
from domain.letters import Letter, Moot
from domain.mails import Milestone
from domain.phrases import LANGUAGES
from models import events, mails
from sandbox.stack import Stack
from settings import Settings
from tests.models.kit import Shop
from tests.models.test_audit_memberships import MEMBER, member

__all__ = ["member"]
ACCOUNT = "https://acme.example/account"
NEWS = (
    ("membership.renewed", {"period": 0}),
    ("membership.not_paid", {"period": 1}),
    ("membership.changed", {"ends": True, "period": 0, "time": 1}),
    ("membership.changed", {"period": 0}),
    ("membership.cancelled", {"reason": "asked"}),
    ("membership.lapsed", {"reason": "not_renewed"}),
    ("payment.refunded", {"refund": "r_1", "minor": 495}),
)
PERIOD = (
    "INSERT INTO membership_periods"
    " (tenant_id, membership_id, period, tier_id, state, currency, amount_minor, payment_id, starts_at, ends_at)"
    " SELECT tenant_id, membership_id, 1, tier_id, 'due', currency, amount_minor, payment_id,"
    " ends_at, ends_at + interval '31 days' FROM membership_periods WHERE period = 0"
)


def writer(postgres: Stack, language: str) -> LetterWriter:
    """It writes for all shops in that language."""
    sender = {"address": "club@acme.example", "language": language, "account_url": ACCOUNT}
    environment = postgres.environment() | {"MAIL_SENDERS": json.dumps([sender])}
    return LetterWriter(Settings.model_validate({name.lower(): value for name, value in environment.items()}))


async def written(shop: Shop, postgres: Stack, language: str = "en") -> dict[Milestone, Letter | Moot]:
    """What there is to send."""
    async with shop.transaction() as session:
        there = await mails.of_checkout(session, MEMBER)
        return {one.milestone: await writer(postgres, language).write(session, one) for one in there}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
async def test_each_thing_a_member_is_told_of_can_be_written(
    member: Shop,
    postgres: Stack,
    language: str,
) -> None:
    member.run("UPDATE memberships SET email = 'ada@example.com', state = 'past_due', ends_with_period = true", PERIOD)
    async with member.transaction() as session:
        for kind, facts in NEWS:
            events.record(session, member.tenant, MEMBER, kind, "for support only", **facts)
    told = await written(member, postgres, language)
    assert {one for one in Milestone if one.startswith("member_")} | {Milestone.REFUNDED} == set(told)
    for letter in told.values():
        assert isinstance(letter, Letter), letter
        assert letter.to == "ada@example.com"
        assert f'lang="{language}"' in letter.html
        assert "for support only" not in letter.text
        assert "{" not in letter.subject + letter.text
    assert len({letter.mail_id for letter in told.values() if isinstance(letter, Letter)}) == len(told)
    failed, refunded = told[Milestone.MEMBER_NOT_PAID], told[Milestone.REFUNDED]
    assert isinstance(failed, Letter)
    assert isinstance(refunded, Letter)
    assert ACCOUNT in failed.text
    assert "4" in refunded.subject


async def test_what_is_no_news_any_more_and_who_has_no_address_gets_nothing(
    member: Shop,
    postgres: Stack,
) -> None:
    told = await written(member, postgres)
    assert told == {Milestone.MEMBER_JOINED: Moot("no address")}
    member.run("UPDATE memberships SET email = 'ada@example.com'", PERIOD)
    async with member.transaction() as session:
        events.record(session, member.tenant, MEMBER, "membership.not_paid", "declined", period=0)
        events.record(session, member.tenant, MEMBER, "membership.not_paid", "declined", period=1)
        events.record(session, member.tenant, MEMBER, "membership.changed", "ends", ends=True, period=0, time=1)
    told = await written(member, postgres)
    assert told.pop(Milestone.MEMBER_NOT_PAID) == Moot("overtaken"), "it is paid by now"
    assert told.pop(Milestone.MEMBER_ENDING) == Moot("overtaken"), "they took it back"
    assert told.keys() == {Milestone.MEMBER_JOINED}
