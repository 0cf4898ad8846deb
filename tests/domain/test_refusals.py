"""Refusals: stable codes, one for each reason, each with a sentence where it is told."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from api.problems import refused
from domain.refusals import Refusal, RefusalCode, Refused

STABLE = """
promotion_already_used promotion_exhausted promotion_expired promotion_minimum_not_met promotion_not_applicable
promotion_not_combinable promotion_unknown
amount_not_chargeable amount_too_large amount_too_small authentication_failed authentication_required
cancelled_by_shopper cancelled_by_support card_declined charge_disputed drop_closed drop_not_entitled drop_not_open
expired_card incorrect_cvc insufficient_funds
internal_fault invalid_payment_method nothing_captured out_of_stock payment_rejected
payment_unavailable processing_error purchase_limit_reached refund_exceeds_captured refund_failed refund_limit_reached
reservation_expired total_mismatch
unknown_plan already_a_member not_renewed
unknown_shipping_method unknown_sku not_for_sale members_only unsupported_country unsupported_currency
"""

codes = st.sampled_from(RefusalCode)


def test_no_code_is_renamed_or_dropped() -> None:
    """Storefronts branch on them: one may be added to this list, none may leave it."""
    assert {code.value for code in RefusalCode} == set(STABLE.split())


def test_codes_are_unique_and_plain() -> None:
    values = [code.value for code in RefusalCode.__members__.values()]
    assert len(set(values)) == len(values)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", value) for value in values)
    assert [code.name.lower() for code in RefusalCode] == values


@given(codes, st.text(min_size=1), st.dictionaries(st.text(), st.text(), max_size=3))
def test_a_refusal_travels_unchanged(code: RefusalCode, message: str, facts: dict[str, str]) -> None:
    adapter = TypeAdapter(Refusal)
    refusal = Refusal(code, message, facts)
    assert adapter.validate_json(adapter.dump_json(refusal)) == refusal


@given(codes, st.text(min_size=1))
def test_it_is_raised_with_its_sentence(code: RefusalCode, message: str) -> None:
    error = Refused(Refusal(code, message))
    assert (str(error), error.refusal.code) == (message, code)


@pytest.mark.parametrize("code", list(RefusalCode))
def test_every_code_has_an_answer_over_http(code: RefusalCode) -> None:
    problem = refused(Refusal(code, "A sentence."))
    assert 400 <= problem.status < 600
    assert problem.code == code
