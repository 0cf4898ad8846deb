"""The built-in tax table: which rate holds, and what each item is taxed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.refusals import RefusalCode, Refused
from domain.tax import SHIPPING, STANDARD, Destination, Taxable, TaxQuestion, TaxRate, TaxTable

TABLE = TaxTable(
    (
        TaxRate("US", 0, included=False),
        TaxRate("US", 725, included=False, region="CA"),
        TaxRate("US", 100, included=False, tax_class="food"),
        TaxRate("US", 0, included=False, region="CA", tax_class="food"),
        TaxRate("FR", 2000, included=True),
        TaxRate("FR", 550, included=True, tax_class="food"),
        TaxRate("FR", 1000, included=True, tax_class=SHIPPING),
    )
)


@pytest.mark.parametrize(
    ("destination", "tax_class", "points"),
    [
        (Destination("US", "CA"), STANDARD, 725),
        (Destination("US", " ca "), STANDARD, 725),
        (Destination("US", "NY"), STANDARD, 0),
        (Destination("US", "NY"), "food", 100),
        (Destination("US", "CA"), "food", 0),
        (Destination("US", "CA"), SHIPPING, 725),
        (Destination("FR", "CA"), "food", 550),
        (Destination("FR"), SHIPPING, 1000),
        (Destination("FR"), "books", 2000),
    ],
)
def test_a_class_comes_before_the_standard_and_a_region_before_its_country(
    destination: Destination, tax_class: str, points: int
) -> None:
    rate = TABLE.rate(destination, tax_class)
    assert rate is not None
    assert rate.basis_points == points


def test_a_country_without_a_rate_is_not_sold_to() -> None:
    question = TaxQuestion("EUR", Destination("JP"), (Taxable("A", STANDARD, 1000),))
    with pytest.raises(Refused) as caught:
        TABLE.assess(question)
    assert caught.value.refusal.code is RefusalCode.UNSUPPORTED_COUNTRY


@given(
    st.lists(
        st.builds(Taxable, st.just("A"), st.sampled_from([STANDARD, "food", SHIPPING]), st.integers(0, 10**12)),
        max_size=5,
    ),
    st.sampled_from([Destination("FR"), Destination("US", "CA"), Destination("US")]),
)
def test_each_item_is_answered_in_its_place_and_adds_up(items: list[Taxable], destination: Destination) -> None:
    answers = TABLE.assess(TaxQuestion("EUR", destination, tuple(items)))
    assert len(answers) == len(items)
    for item, answer in zip(items, answers, strict=True):
        assert answer.net_minor + answer.tax_minor == answer.gross_minor
        assert item.amount_minor == (answer.gross_minor if answer.included else answer.net_minor)
        assert min(answer.net_minor, answer.tax_minor) >= 0
