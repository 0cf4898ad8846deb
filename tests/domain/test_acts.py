"""Who an act by hand was by, as the log names them, and whose workflow it was done to."""

from datetime import UTC, datetime

import pytest

from domain.acts import ActByHand, said, tenant_of

ACT = ActByHand("acme", "order/acme/1001", "run", 2, "update", "hold", datetime(2026, 1, 1, tzinfo=UTC), 200)


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ("temporal-cli:mia@laptop.lan", "temporal:temporal-cli:mia@laptop.lan"),
        ("4711@worker.example.com", "temporal:4711@worker.example.com"),
        ("", "temporal"),
        (None, "temporal"),
    ],
)
def test_an_identity_is_told_as_temporal_knows_it(identity: str | None, name: str) -> None:
    assert ACT.by(identity) == name


def test_an_email_address_is_never_written_down() -> None:
    assert "@" not in ACT.by("mia@example.com")
    assert ACT.by("mia@example.com") == ACT.by("Mia@example.com") != ACT.by("ugo@example.com")


def test_a_request_id_of_ours_is_none_of_a_request() -> None:
    assert ACT.request_id == "temporal/run/2"


def test_words_are_cut_and_odd_messages_say_nothing() -> None:
    assert said({"actor": " Mia "}, "actor") == "Mia"
    assert said(ACT, "name") == "hold"
    assert said({"actor": "x" * 1000}, "actor") == "x" * 500
    assert said({"actor": 7}, "actor") is said("text", "actor") is said(None, "actor") is said({"actor": ""}, "actor")


def test_a_workflow_of_no_tenant_has_no_log() -> None:
    assert tenant_of("order/acme/1001") == "acme"
    assert tenant_of("sweeper") is tenant_of("sweeper/acme") is tenant_of("//x") is None
