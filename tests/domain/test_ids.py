"""Ids: the same for the same thing, different for different things, and safe in a URL."""

import re
from collections.abc import Callable
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import ids

PREFIXED = re.compile(r"(co|pay|shp|cus|re|dr)_[0-7][0-9a-hjkmnp-tv-z]{25}")

tenants = st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True)
keys = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255)  # as the API takes them
emails = st.emails()

Derive = Callable[[str, str], str]
DERIVED: list[Derive] = [
    ids.checkout_id,
    ids.payment_id,
    ids.customer_id,
    lambda tenant, key: ids.shipment_id(tenant, key, 0),
    lambda tenant, key: ids.refund_id(tenant, "pay_1", key),
    lambda tenant, key: ids.drift_id(tenant, "refunds agree", key),
]


@pytest.mark.parametrize("derive", DERIVED)
@given(tenant=tenants, key=keys)
def test_the_same_thing_has_the_same_id(derive: Derive, tenant: str, key: str) -> None:
    assert derive(tenant, key) == derive(tenant, key)


@pytest.mark.parametrize("derive", DERIVED)
@given(tenant=tenants, key=keys)
def test_an_id_stands_in_a_url_as_it_is(derive: Derive, tenant: str, key: str) -> None:
    made = derive(tenant, key)
    assert quote(made, safe="") == made
    assert PREFIXED.fullmatch(made)


@pytest.mark.parametrize("derive", DERIVED[:2])
@given(st.data())
def test_different_things_have_different_ids(derive: Derive, data: st.DataObject) -> None:
    pairs = data.draw(st.lists(st.tuples(tenants, keys), unique=True, max_size=20))
    assert len({derive(*pair) for pair in pairs}) == len(pairs)


@given(tenants, keys)
def test_the_kind_is_part_of_the_id(tenant: str, key: str) -> None:
    made = [derive(tenant, key) for derive in DERIVED]
    assert len({one.partition("_")[2] for one in made}) == len(made)


@given(tenants, keys, st.lists(st.integers(0, 10_000), unique=True, max_size=20))
def test_every_parcel_of_a_checkout_has_its_own(tenant: str, checkout: str, parcels: list[int]) -> None:
    assert len({ids.shipment_id(tenant, checkout, parcel) for parcel in parcels}) == len(parcels)


@given(tenants, keys, keys, keys)
def test_the_same_key_asks_for_another_refund_of_another_payment(tenant: str, one: str, other: str, key: str) -> None:
    assert (ids.refund_id(tenant, one, key) == ids.refund_id(tenant, other, key)) is (one == other)


@given(tenants, emails)
def test_a_customer_is_one_whatever_the_letter_case(tenant: str, email: str) -> None:
    assert ids.customer_id(tenant, f" {email.upper()} ") == ids.customer_id(tenant, email.lower())


@given(tenants, emails)
def test_a_customer_id_does_not_tell_the_address(tenant: str, email: str) -> None:
    assert "@" not in ids.customer_id(tenant, email)


def test_ids_of_yesterday_are_those_of_today() -> None:
    """A change here would begin every repeated checkout anew."""
    checkout = ids.checkout_id("demo", "key-1")
    assert checkout == "co_136hnw077gah1tyz8mpcc67sr0"
    assert ids.payment_id("demo", checkout) == "pay_50tq1ntbapaa9a5n83ps9jf0mf"
    assert ids.shipment_id("demo", checkout, 1) == "shp_6z5vvsa47pbwq9hnxhhftpnw7b"
    assert ids.refund_id("demo", "pay_1", "key-1") == "re_17q1jpbspsabcr70zf56d8fmc6"
    assert ids.drift_id("demo", "refunds agree", "re_1") == "dr_2zv8pkt369bcd8cgpm9v5x3b1v"
    assert ids.customer_id("demo", "ada@example.com") == "cus_0w0nevjcd9b79bjab5jpczrkz8"
    assert ids.operation_key("demo", "pay_1", "capture", 2) == "demo/pay_1/capture/2"


@given(st.lists(st.tuples(tenants, keys, st.sampled_from("abc"), st.integers(1, 9)), unique=True, max_size=20))
def test_every_operation_has_its_own_key(operations: list[tuple[str, str, str, int]]) -> None:
    made = {ids.operation_key(tenant, ids.payment_id(tenant, key), kind, n) for tenant, key, kind, n in operations}
    assert len(made) == len(operations)
    assert max(map(len, made), default=0) <= 255  # what Stripe takes


@given(tenants, keys)
def test_workflow_ids_tell_kind_and_tenant_and_come_back_from_a_url(tenant: str, key: str) -> None:
    checkout = ids.checkout_id(tenant, key)
    made = [
        ids.checkout_workflow(tenant, checkout),
        ids.order_workflow(tenant, checkout),
        ids.shipment_workflow(tenant, checkout),
        ids.refund_workflow(tenant, checkout),
        ids.dispute_workflow(tenant, checkout),
    ]
    kinds = ("checkout", "order", "shipment", "refund", "dispute")
    assert [one.split("/") for one in made] == [[kind, tenant, checkout] for kind in kinds]
    assert [unquote(quote(one, safe="")) for one in made] == made
    assert all(one.isascii() and len(one) <= 255 for one in made)


@given(keys)
def test_only_a_digest_of_an_api_key_is_kept(key: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", ids.api_key_hash(key))
    assert ids.api_key_hash(key) == ids.api_key_hash(key) != ids.api_key_hash(key + " ")
