"""What support sees fits into what Temporal takes, whatever a shop's data look like, and names nobody."""

import dataclasses
import json
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.client import Client
from temporalio.common import TypedSearchAttributes

from domain.checkouts import Customer, PlannedParcel
from domain.ids import customer_id
from domain.orders import OrderInput
from domain.parcels import PostalAddress
from domain.pricing import MAX_LINES
from sandbox.temporal import SEARCH_ATTRIBUTES
from workflows import attributes
from workflows.display import Story, checkout_summary, cut, order_summary, parcel_summary

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAGE_BYTES = 20_000
LONGEST_SKUS = tuple(f"{place:02}" + "S" * 62 for place in range(MAX_LINES))
FOUR_BYTES = "𠮷"

cities = st.text(min_size=1, max_size=100) | st.sampled_from([FOUR_BYTES * 100, "北京" * 50, "Llanfair" * 12])
numbers = st.from_regex(r"[A-Z0-9-]{1,20}", fullmatch=True)
amounts = st.integers(0, 10**12 - 1)
currencies = st.sampled_from(["EUR", "JPY", "KWD", "INR"])
words = st.text(max_size=1000) | st.sampled_from([FOUR_BYTES * 1000, "a\nb " * 250])


def order(**other: object) -> OrderInput:
    one = OrderInput(
        tenant="t" * 40,
        order_number="1001",
        checkout_id="co_1",
        payment_id="pay_1",
        intent_id="pi_1",
        customer_id="c" * 64,
        currency="EUR",
        total_minor=11_500,
        items=MAX_LINES,
        city=FOUR_BYTES * 100,
        skus=LONGEST_SKUS,
        parcels=(PlannedParcel("shp_1", "florence"),),
        shipping_method="standard",
        capture_before=NOON,
        return_window_seconds=86_400,
    )
    return dataclasses.replace(one, **other)  # type: ignore[arg-type]


def biggest(pairs: TypedSearchAttributes) -> int:
    """Bytes of the largest value, as JSON, which is how the server counts."""
    return max(len(json.dumps(pair.value, separators=(",", ":")).encode()) for pair in pairs)


@given(numbers, amounts, currencies, st.integers(1, 50_000), cities)
def test_summaries_are_at_most_200_bytes(number: str, total: int, currency: str, items: int, city: str) -> None:
    of_order = order_summary(number, total, currency, items, city)
    for summary in (of_order, parcel_summary(number, city), checkout_summary(items, city)):
        assert len(summary.encode()) <= 200
        assert " → " in summary
    assert number in of_order


def test_what_is_short_is_whole() -> None:
    assert order_summary("1001", 125_000, "EUR", 2, "Paris") == "Order 1001 · €1,250.00 · 2 items → Paris"
    assert order_summary("1002", 500, "JPY", 1, "大阪") == "Order 1002 · ¥500 · 1 item → 大阪"
    assert parcel_summary("1001", "Paris") == "Parcel of order 1001 → Paris"


@given(st.text(), st.integers(0, 50))
def test_a_cut_text_is_a_beginning_in_whole_characters(text: str, most: int) -> None:
    short = cut(text, most)
    assert text.startswith(short)
    assert most - 3 <= len(short.encode()) <= most or short == text


@given(cities, st.lists(words, max_size=80), words)
def test_details_are_at_most_20_kb(city: str, said: list[str], attention: str) -> None:
    story = Story(order_summary("1001", 1, "EUR", 1, city))
    for line in said:
        story.add(NOON, line)
    page = story.render("placed", attention=attention, acts=("cancel", "acknowledge"))
    assert len(page.encode()) <= PAGE_BYTES
    assert page.count("\n- `") <= 50


def test_details_show_the_newest_lines_one_a_line() -> None:
    story = Story("Order 1001")
    for place in range(60):
        story.add(NOON, f"line {place}\nwith a break")
    lines = story.render("placed").splitlines()
    assert lines[-1] == "- `01 Mar 12:00:00` line 59 with a break"
    assert lines[-50].endswith("line 10 with a break")
    assert lines[:3] == ["## Order 1001", "", "**Stage:** placed"]


@given(st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True), max_size=MAX_LINES))
def test_an_attribute_never_grows_beyond_what_the_server_takes(skus: list[str]) -> None:
    found = attributes.of_order(order(skus=tuple(skus)))
    kept = found[attributes.SKUS]
    assert list(kept) == skus[: len(kept)]
    assert biggest(found) <= attributes.VALUE_BYTES
    assert len(kept) == len(skus) or len(json.dumps(skus)) > attributes.VALUE_BYTES - 70


@pytest.mark.stack
async def test_the_server_takes_the_largest_there_can_be(temporal: Client) -> None:
    largest = order()
    for found, summary in (
        (attributes.of_order(largest), order_summary("1001", 1, "EUR", 1, largest.city)),
        (attributes.of_shipment(largest.tenant, "1001"), parcel_summary("1001", largest.city)),
        (
            attributes.of_checkout(largest.tenant, largest.customer_id, "EUR", list(LONGEST_SKUS)),
            checkout_summary(50, largest.city),
        ),
    ):
        handle = await temporal.start_workflow(
            "Nobody", id=f"largest/{uuid.uuid4()}", task_queue="nobody", search_attributes=found, static_summary=summary
        )
        seen = await handle.describe()
        assert await seen.static_summary() == summary
        assert dict.fromkeys(pair.key.name for pair in seen.typed_search_attributes).keys() >= {"Tenant", "Stage"}
        await handle.terminate()


def test_every_attribute_is_one_the_server_is_set_up_with() -> None:
    kinds = {key.name: key.indexed_value_type.name.replace("_", "").lower() for key in attributes.ALL}
    assert kinds == {name: kind.lower() for name, kind in SEARCH_ATTRIBUTES.items()}


@given(st.builds(Customer, st.none(), st.emails(), st.text(min_size=4)), st.from_type(PostalAddress))
def test_neither_name_nor_street_nor_address_is_shown(who: Customer, where: PostalAddress) -> None:
    """The customer's number stands for them; the city is as near as it gets."""
    number = customer_id("demo", who.email)
    shown = [
        *attributes.of_checkout("demo", number, "EUR", ["SKU-1"]),
        *attributes.of_order(order(customer_id=number, city=where.city, skus=("SKU-1",))),
        *attributes.of_shipment("demo", "1001"),
    ]
    values = [str(pair.value) for pair in shown]
    assert not any(who.email in value or "@" in value for value in values)
    assert {pair.key.name for pair in shown} <= set(SEARCH_ATTRIBUTES)
    inputs = {field.name for field in dataclasses.fields(OrderInput)}
    assert not inputs & {field.name for field in dataclasses.fields(PostalAddress) if field.name != "city"}
