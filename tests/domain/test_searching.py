"""What a query string means before the database is asked."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.searching import ProductQuery, number, readings, sku_begun, split_prefix


@pytest.mark.parametrize(
    ("words", "split"),
    [
        ("silk sca", ("silk", "sca")),
        ("sca", ("", "sca")),
        ("écharpe s", ("écharpe s", None)),
        ("écha", ("", "écha")),
        ("silk scarf ", ("silk scarf ", None)),
        ("silk -sca", ("silk -sca", None)),
        ("silk or sca", ("silk or sca", None)),
        ("silk OR", ("silk OR", None)),
        ('"silk sca', ('"silk sca', None)),
        ('"silk scarf" blu', ('"silk scarf"', "blu")),
        ('"silk scarf"', ('"silk scarf"', None)),
        ("size:m", ("size:m", None)),
        ("a_b", ("a_b", None)),
        ("", ("", None)),
    ],
)
def test_the_word_that_is_being_typed(words: str, split: tuple[str, str | None]) -> None:
    assert split_prefix(words) == split


@given(st.text(max_size=40))
def test_nothing_is_lost_and_a_prefix_is_one_plain_word(words: str) -> None:
    head, begun = split_prefix(words)
    if begun is None:
        assert head == words
    else:
        assert begun.isalnum()
        assert words == words[: words.rindex(begun)] + begun
        assert words.startswith(head)


def test_a_value_is_read_as_all_that_it_may_be() -> None:
    assert readings("silk") == ["silk"]
    assert readings("90") == ["90", 90]
    assert readings("90.50") == ["90.50", 90.5]
    assert readings("true") == ["true", True]
    assert readings("1e5") == ["1e5"]


@pytest.mark.parametrize("text", ["", "1e5", "NaN", "Infinity", " 1", "+1", "0x1", "1_0", "٣", "1."])
def test_what_is_no_plain_number(text: str) -> None:
    assert number(text) is None


def test_a_query_is_named_by_all_of_it_but_who_asks() -> None:
    asked = ProductQuery(words="silk", tags=("a",))
    assert asked.name() == replace(asked, entitlements=frozenset({"vip"})).name()
    for other in (replace(asked, words=None), replace(asked, tags=("a", "b")), replace(asked, descending=False)):
        assert other.name() != asked.name()


@pytest.mark.parametrize(
    ("words", "begun"),
    [
        ("scarf-silk-01", "SCARF-SILK-01"), (" T-1 ", "T-1"), ("a.b", "A.B"), ("abc", "ABC"), ("ab", None),
        ("two words", None), ('"quoted"', None), ("-minus", None), ("x" * 65, None), ("caf\u00e9", None),
    ],
)  # fmt: skip
def test_what_may_be_a_sku(words: str, begun: str | None) -> None:
    assert sku_begun(words) == begun
