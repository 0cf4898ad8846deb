"""What those who set prices meet is explained where they look it up."""

from tests.test_docs import A_MERCHANTS, PROBLEM, ROOT, code_table


def test_every_problem_a_merchant_meets_is_in_its_table() -> None:
    pages = ("price_lists", "promotions", "shipping_methods", "tax_rates")
    sources = "".join((ROOT / "api" / f"{page}.py").read_text() for page in pages)
    raised = {code: int(status) for status, code in PROBLEM.findall(sources)}
    assert raised.items() <= code_table("prices.md").items()
    assert raised.keys() - code_table("checkout.md").keys() == A_MERCHANTS
