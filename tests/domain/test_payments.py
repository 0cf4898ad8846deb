"""Messages about payments: every answer of the provider comes back from Temporal as the thing it was."""

from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import books, disputes, journal
from domain.payments import (
    AuthorizePayment,
    CaptureFact,
    CapturePayment,
    LookUpPayment,
    LookUpRefund,
    PaymentAuthorized,
    PaymentDeclined,
    PaymentFact,
    PaymentMode,
    PaymentNews,
    RefundFact,
    RefundPayment,
    VoidFact,
    VoidPayment,
)
from domain.refusals import Refusal, RefusalCode
from gateways.temporal import data_converter

UNIONS = (PaymentFact, CaptureFact, VoidFact, RefundFact)
ASKED = (
    AuthorizePayment,
    LookUpPayment,
    LookUpRefund,
    CapturePayment,
    VoidPayment,
    RefundPayment,
    PaymentNews,
    journal.BeginCapture,
    journal.BeginVoid,
    journal.FinishVoid,
    journal.Renew,
    journal.BeginRefund,
    journal.RefundBegun,
    journal.RecordRefund,
    journal.BeginReauthorization,
    journal.Reauthorization,
    journal.RecordReauthorization,
    journal.RecordLapse,
    disputes.DisputeInput,
    disputes.LookUpDispute,
    disputes.RecordDispute,
    disputes.DisputeNews,
    books.CompareBooks,
    books.Compared,
    books.RecordDrifts,
)

st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))


def answers(union: Any) -> st.SearchStrategy[tuple[Any, object]]:
    """An answer, and the union that it is declared as."""
    return st.tuples(st.just(union), st.from_type(union))


facts = st.sampled_from(UNIONS).flatmap(answers)


async def there_and_back(value: object, kind: Any) -> object:
    """Through Temporal, as an activity's answer or input goes."""
    payloads = await data_converter.encode([value])
    (back,) = await data_converter.decode(payloads, [kind])
    return back


@given(facts)
async def test_an_answer_is_still_itself_when_it_arrives(fact: tuple[Any, object]) -> None:
    union, value = fact
    back = await there_and_back(value, union)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("kind", ASKED)
@given(st.data())
async def test_a_request_arrives_as_it_was_sent(kind: type[object], data: st.DataObject) -> None:
    asked = data.draw(st.from_type(kind))
    assert await there_and_back(asked, kind) == asked


@pytest.mark.parametrize("union", UNIONS)
def test_every_answer_names_its_kind(union: Any) -> None:
    kinds = [next(field.default for field in fields(one) if field.name == "kind") for one in get_args(union)]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize("kind", [*ASKED, *(one for union in UNIONS for one in get_args(union))])
def test_every_message_is_frozen(kind: type[object]) -> None:
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]  # what @dataclass leaves behind


def test_a_fact_cannot_be_changed() -> None:
    held = PaymentAuthorized("pi_1", 100)
    with pytest.raises(FrozenInstanceError):
        held.amount_minor = 1  # type: ignore[misc]


def test_only_the_fields_of_a_later_version_are_missing_from_an_old_message() -> None:
    """What an older worker wrote has no later fields; those have defaults."""
    (payload,) = data_converter.payload_converter.to_payloads(
        [{"kind": "declined", "refusal": {"code": "card_declined", "message": "No."}}]
    )
    (fact,) = data_converter.payload_converter.from_payloads([payload], [PaymentFact])  # type: ignore[list-item]
    assert fact == PaymentDeclined(Refusal(RefusalCode.CARD_DECLINED, "No."))


def test_the_mode_says_who_confirms() -> None:
    assert {mode.value for mode in PaymentMode} == {"server", "client"}
