"""The table of acts in docs/support.md is that of `domain/support.py`.

.venv/bin/python -m tests.acts  # writes it
"""

from pathlib import Path

from domain.support import CHECKOUT_ACTS, ORDER_ACTS, PARCEL_ACTS, Act

PAGE = Path(__file__).resolve().parents[1] / "docs" / "support.md"
BEGIN, END = "<!-- acts: written by `python -m tests.acts` -->\n", "<!-- end of acts -->\n"


def row(act: Act[object], on: str) -> str:
    """An act as support reads it."""
    said = (
        ", ".join((*(["actor, reason"] if act.signed else []), *(f"`{one}`" for one in act.takes)))
        or "nothing, or actor, reason"
    )
    codes = ", ".join(f"`{one}`" for one in act.codes)
    return f"| `{act.name}` | {on} | {said} | {act.does} | {act.when} | {codes} |\n"


def table() -> str:
    """All of them."""
    head = "| act | on | said with it | what it does | allowed | refused with |\n|---|---|---|---|---|---|\n"
    rows = [row(act, "order") for act in ORDER_ACTS] + [row(act, "parcel") for act in PARCEL_ACTS]  # type: ignore[arg-type]  # what it is done to is not looked at
    rows += [row(act, "checkout") for act in CHECKOUT_ACTS]  # type: ignore[arg-type]  # as above
    return head + "".join(rows)


def written() -> str:
    """As it stands on the page."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.partition(END)[2])
