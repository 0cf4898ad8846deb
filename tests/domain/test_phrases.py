"""Every language says everything, with the same facts; and each state, step and scan has its words."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.following import Step
from domain.mails import Milestone, pause_seconds
from domain.phrases import LANGUAGES, Wording, wanted
from domain.states import OrderState, ReturnState
from domain.tracking import TrackingStatus


def facts(phrase: str) -> set[str]:
    """What is filled in."""
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_says_everything_with_the_same_facts(language: str) -> None:
    english = {key: facts(phrase) for key, phrase in LANGUAGES["en"].items()}
    assert {key: facts(phrase) for key, phrase in LANGUAGES[language].items()} == english


def test_nothing_that_can_be_is_without_words() -> None:
    spoken = LANGUAGES["en"].keys()
    assert {f"step.{one}{text}" for one in Step for text in ("", ".text")} <= spoken
    assert {f"return.{one}" for one in ReturnState} <= spoken
    assert {f"scan.{one}" for one in TrackingStatus} <= spoken
    assert {f"state.{one}" for one in OrderState} <= spoken
    assert {f"mail.{one}" for one in Milestone} | {f"mail.{one}.text" for one in Milestone} <= spoken


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"), ("", "en"), ("fr", "fr"), ("fr-CH, de;q=0.9", "fr"), ("de;q=0.2, ja;q=0.8", "ja"),
        ("es, it;q=0.5", "it"), ("*", "en"), ("de;q=0", "en"), ("fr;q=x, de;q=0.1", "de"),
    ],
)  # fmt: skip
def test_the_best_language_there_is_is_spoken(header: str | None, language: str) -> None:
    assert wanted(header) == language


@given(st.text(max_size=700))
def test_any_header_gets_a_language(header: str) -> None:
    assert wanted(header) in LANGUAGES


def test_sums_look_as_people_write_them() -> None:
    assert Wording("en").money(125_000, "EUR") == "€1,250.00"
    assert Wording("de").money(125_000, "EUR") == "1.250,00\xa0€"
    assert Wording("ja").money(500, "JPY") == "￥500"


@given(st.integers(0, 10_000))
def test_a_mail_is_tried_again_later_and_later_and_at_least_each_hour(attempts: int) -> None:
    assert 30 <= pause_seconds(attempts) <= pause_seconds(attempts + 1) <= 3600
