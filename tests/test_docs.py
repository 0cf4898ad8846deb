"""What the documentation names is there: files, headings, commands, problem codes."""

import re
from functools import cache
from pathlib import Path

import pytest
import typer.main

from api.problems import REFUSAL_STATUS
from cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
MAKE = re.compile(r"(?:^|[`(]|&& )make ([a-z]+)", re.MULTILINE)
MILEPOST = re.compile(r"(?:^|[` /])milepost ([a-z]+)", re.MULTILINE)
CODE_ROW = re.compile(r"^\| `(\w+)` \| (\d{3}) \|", re.MULTILINE)
PROBLEM = re.compile(r"Problem\(\s*(\d{3}), \"(\w+)\"")
DIAGRAMS = ("sequenceDiagram", "stateDiagram-v2", "flowchart LR", "flowchart TD")
NOT_A_STOREFRONTS = {"signature_invalid", "malformed_event"}
"""What the senders of webhooks meet."""
A_WAREHOUSES = {"stock_changed", "below_reserved"}
"""What those who count meet: in the table of docs/stock.md."""

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


def test_every_problem_a_storefront_meets_is_in_its_table() -> None:
    documented = code_table("checkout.md")
    sources = "".join(path.read_text() for path in sorted((ROOT / "api").glob("*.py")))
    known = {code: int(status) for status, code in PROBLEM.findall(sources)} | {
        code.value: status for code, status in REFUSAL_STATUS.items()
    }
    others = NOT_A_STOREFRONTS | A_WAREHOUSES
    assert {code: status for code, status in known.items() if code not in others}.items() <= documented.items()
    assert not documented.keys() & others
    for code in documented.keys() - known.keys():
        everywhere = sources + (ROOT / "workflows" / "checkout.py").read_text()
        assert f'"{code}"' in everywhere, code
