"""Shipping methods: the band of a cart's weight and value, free above an amount, free for members."""

from hypothesis import given
from hypothesis import strategies as st

from domain.shipping_methods import RateBand, ShippingMethod, offers

LIGHT, HEAVY, FREE = RateBand(500, 0, 2000), RateBand(900, 2000, 10_000), RateBand(0, 0, 2000, min_order_minor=10_000)
STANDARD = ShippingMethod("standard", "Standard", (LIGHT, HEAVY, FREE), "soon", 3, 5)
COURIER = ShippingMethod("courier", "Courier", (RateBand(3000),), members_free=False)


def costs(weight: int, value: int, *, free: bool = False) -> dict[str, int]:
    return {one.method: one.amount_minor for one in offers((STANDARD, COURIER), weight, value, free=free)}


def test_the_band_of_the_weight_holds_up_to_its_end() -> None:
    assert costs(1999, 0) == {"standard": 500, "courier": 3000}
    assert costs(2000, 0) == {"standard": 900, "courier": 3000}
    assert costs(10_000, 0) == {"courier": 3000}, "too heavy is no method"


def test_free_from_an_order_value_on_where_the_weight_allows() -> None:
    assert costs(100, 9_999)["standard"] == 500
    assert costs(100, 10_000)["standard"] == 0
    assert costs(2000, 10_000)["standard"] == 900


def test_members_ship_free_where_the_method_does() -> None:
    assert costs(100, 0, free=True) == {"standard": 0, "courier": 3000}
    (standard, _) = offers((STANDARD, COURIER), 100, 0, free=True)
    assert (standard.list_minor, standard.promise, standard.min_days, standard.max_days) == (500, "soon", 3, 5)


bands = st.builds(
    lambda amount, least, span, value: RateBand(amount, least, None if span is None else least + span, value),
    st.integers(0, 9), st.integers(0, 5), st.none() | st.integers(1, 5), st.integers(0, 5),
)  # fmt: skip


@given(st.lists(bands, max_size=5), st.integers(0, 12), st.integers(0, 12))
def test_the_band_that_holds_fits_and_none_that_fits_begins_higher(
    found: list[RateBand], weight: int, value: int
) -> None:
    fit = [band for band in found if band.holds(weight, value)]
    got = offers((ShippingMethod("m", "M", tuple(found)),), weight, value, free=False)
    assert bool(got) == bool(fit)
    if fit:
        best = max((band.min_order_minor, band.min_weight_grams) for band in fit)
        assert got[0].amount_minor in {b.amount_minor for b in fit if (b.min_order_minor, b.min_weight_grams) == best}
