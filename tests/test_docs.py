"""What the documentation names is there: files, headings, commands, problem codes."""

import re
from functools import cache
from pathlib import Path

import pytest
import typer.main

from api.catalog import ROW_STATUS
from api.problems import REFUSAL_STATUS
from cli import app
from domain.catalog import RowCode

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
MAKE = re.compile(r"(?:^|[`(]|&& )make ([a-z]+)", re.MULTILINE)
MILEPOST = re.compile(r"(?:^|[` /])milepost ([a-z-]+)", re.MULTILINE)
CODE_ROW = re.compile(r"^\| `(\w+)` \| (\d{3}) \|", re.MULTILINE)
PROBLEM = re.compile(r"Problem\(\s*(\d{3}), \"(\w+)\"")
DIAGRAMS = ("sequenceDiagram", "stateDiagram-v2", "flowchart LR", "flowchart TD")
NOT_A_STOREFRONTS = {"signature_invalid", "malformed_event", "payload_unreadable", "encoding_refused"}
"""What the senders of webhooks meet, and Temporal's UI."""
A_MERCHANTS = {"default_list_fixed", "list_currency_fixed", "limit_below_uses"}
"""What those who set prices meet: in the table of docs/prices.md."""
A_WAREHOUSES = {"stock_changed", "below_reserved", "below_backordered"}
"""What those who count meet: in the table of docs/stock.md."""

A_CATALOGS = {
    "cursor_invalid", "secret_key_required", "version_changed", "sku_taken", "duplicate_sku", "duplicate_options",
    "options_differ",
}  # fmt: skip
"""What those who tend or read the catalog meet: in the table of docs/catalog.md."""

A_DROPS = {"drop_exists", "sku_in_another_drop", "allotment_below_taken", "sku_still_sold"}
"""What those who plan a drop meet: in the table of docs/drops.md."""

A_MEMBERSHIPS = {"unknown_plan", "already_a_member", "not_renewed", "plan_is_fixed", "tier_is_kept"}
"""What those who join or make plans meet: in the table of docs/memberships.md."""
A_RETURNER = {"not_in_parcel"}
"""What those who send things back meet: in the table of docs/returns.md."""

AN_INTEGRATORS = {
    "rate_limited", "origin_not_allowed", "idempotency_key_in_use", "if_match_required", "precondition_failed",
}  # fmt: skip
"""What any route may answer with: in the table of docs/api.md."""

OF_MAILS = {"mail_not_failed"}
"""What support meets: in the table of docs/tracking.md."""

AN_ADMINISTRATORS = {"key_already_made", "key_revoked", "wrong_token", "customer_token_invalid"}
"""What those who let others in meet: in the table of docs/access.md."""

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@cache
def prose(page: Path) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", page.read_text())


@cache
def anchors(page: Path) -> set[str]:
    """Its headings as links name them: lower case, no punctuation, a hyphen for a space."""
    titles = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(prose(page)))
    return {title.strip().replace(" ", "-") for title in titles}


@by_page
def test_relative_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        found = target.exists() and target.is_relative_to(ROOT)
        if not found or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


@by_page
def test_commands_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    group = typer.main.get_group(app)
    text = page.read_text()
    assert set(MAKE.findall(text)) <= targets
    assert set(MILEPOST.findall(text)) <= set(group.commands)


@by_page
def test_diagrams_are_of_a_kind_we_use(page: Path) -> None:
    for language, body in FENCE.findall(page.read_text()):
        if language == "mermaid":
            assert body.splitlines()[0] in DIAGRAMS
            opened = len(re.findall(r"^ *(?:alt|opt|loop|par|subgraph)\b", body, re.MULTILINE))
            assert opened == len(re.findall(r"^ *end$", body, re.MULTILINE))


def code_table(page: str) -> dict[str, int]:
    """The codes that a page's table explains, each once, with their statuses."""
    rows = CODE_ROW.findall((ROOT / "docs" / page).read_text())
    documented = {code: int(status) for code, status in rows}
    assert len(rows) == len(documented)
    return documented


def test_every_problem_a_warehouse_meets_is_in_its_table() -> None:
    raised = {code: int(status) for status, code in PROBLEM.findall((ROOT / "api" / "stock.py").read_text())}
    documented = code_table("stock.md")
    assert raised.items() <= documented.items()
    assert documented.keys() - raised.keys() <= code_table("checkout.md").keys()
    assert raised.keys() - code_table("checkout.md").keys() == A_WAREHOUSES


def test_every_problem_of_the_catalog_is_in_its_table() -> None:
    raised = {code.value: status for code, status in ROW_STATUS.items()} | {
        code: int(status)
        for page in ("catalog", "catalog_query", "catalog_viewer", "cursors")
        for status, code in PROBLEM.findall((ROOT / "api" / f"{page}.py").read_text())
    }
    documented = code_table("catalog.md")
    assert raised.items() <= documented.items()
    assert documented.keys() - raised.keys() <= {"not_found", "body_too_large"}
    assert raised.keys() - code_table("checkout.md").keys() == A_CATALOGS
    prose_of_rows = (ROOT / "docs" / "catalog.md").read_text()
    assert all(f"`{code}`" in prose_of_rows for code in RowCode)


def test_every_problem_a_planner_of_drops_meets_is_in_its_table() -> None:
    raised = {code: int(status) for status, code in PROBLEM.findall((ROOT / "api" / "drops.py").read_text())}
    assert raised.items() <= code_table("drops.md").items()
    assert raised.keys() - code_table("checkout.md").keys() == A_DROPS


def test_every_problem_of_memberships_is_in_its_table() -> None:
    raised = {
        code: int(status)
        for page in ("memberships", "plans")
        for status, code in PROBLEM.findall((ROOT / "api" / f"{page}.py").read_text())
    }
    documented = code_table("memberships.md")
    general = code_table("checkout.md").keys()
    assert {code: status for code, status in raised.items() if code not in general}.items() <= documented.items()
    assert documented.keys() >= A_MEMBERSHIPS


def test_the_problems_of_mails_are_in_their_table() -> None:
    assert code_table("tracking.md").keys() == OF_MAILS


def test_every_problem_of_returns_is_in_its_table() -> None:
    source = (ROOT / "api" / "returns.py").read_text()
    raised = {code: int(status) for status, code in PROBLEM.findall(source)}
    documented = code_table("returns.md")
    assert raised.keys() - code_table("checkout.md").keys() == A_RETURNER
    rules = ("activities/returns.py", "activities/exchanging.py", "workflows/returns.py")
    said = "".join((ROOT / name).read_text() for name in rules) + source
    assert all(f'"{code}"' in said for code in documented)


def test_the_problems_of_access_are_in_their_tables() -> None:
    assert code_table("api.md").keys() == AN_INTEGRATORS
    assert code_table("access.md").keys() == AN_ADMINISTRATORS
    sources = "".join(path.read_text() for path in sorted((ROOT / "api").glob("*.py")))
    raised = {code: int(status) for status, code in PROBLEM.findall(sources)}
    assert (code_table("api.md") | code_table("access.md")).items() <= raised.items()


def test_the_problems_of_graphql_are_in_its_table() -> None:
    sources = "".join(path.read_text() for path in sorted((ROOT / "api" / "graph").glob("*.py")))
    raised = {code: int(status) for status, code in PROBLEM.findall(sources) if code.islower()}
    known = code_table("checkout.md") | code_table("api.md") | code_table("catalog.md")
    assert {code: status for code, status in raised.items() if code not in known} == code_table("graphql.md")


def test_every_problem_a_storefront_meets_is_in_its_table() -> None:
    documented = code_table("checkout.md")
    sources = "".join(path.read_text() for path in sorted((ROOT / "api").glob("*.py")))
    known = {code: int(status) for status, code in PROBLEM.findall(sources)} | {
        code.value: status for code, status in REFUSAL_STATUS.items()
    }
    others = NOT_A_STOREFRONTS | A_MERCHANTS | A_WAREHOUSES | A_CATALOGS | A_DROPS | A_MEMBERSHIPS
    others |= AN_INTEGRATORS | AN_ADMINISTRATORS | OF_MAILS | A_RETURNER
    assert {code: status for code, status in known.items() if code not in others}.items() <= documented.items()
    assert not documented.keys() & others
    for code in documented.keys() - known.keys():
        everywhere = sources + "".join((ROOT / "workflows" / name).read_text() for name in ("checkout.py", "refund.py"))
        assert f'"{code}"' in everywhere, code
