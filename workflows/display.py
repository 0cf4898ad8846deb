"""What support reads in the Temporal UI: a summary of 200 bytes and current details of 20 KB in Markdown, at most."""

from datetime import datetime

from domain.money import Money

SUMMARY_BYTES = 200
LINE_BYTES = 300
LINES = 50
"""So many of a timeline's lines are shown: with all around them they stay below 20 KB."""


def cut(text: str, most: int) -> str:
    """The beginning of a text that is `most` bytes of UTF-8 or fewer, in whole characters."""
    return text.encode()[:most].decode(errors="ignore")


def checkout_summary(lines: int, city: str) -> str:
    """`Checkout · 2 lines → Paris`, before anything has a price."""
    return cut(f"Checkout · {lines} lines → {city}", SUMMARY_BYTES)


def order_summary(number: str, total_minor: int, currency: str, items: int, city: str) -> str:
    """`Order 1001 · €1,250.00 · 2 items → Paris`."""
    pieces = f"{items} item" if items == 1 else f"{items} items"
    return cut(f"Order {number} · {Money(total_minor, currency)} · {pieces} → {city}", SUMMARY_BYTES)


def parcel_summary(order_number: str, city: str) -> str:
    """`Parcel of order 1001 → Paris`."""
    return cut(f"Parcel of order {order_number} → {city}", SUMMARY_BYTES)


def dispute_title(order_number: str | None) -> str:
    """`Dispute of order 1001`."""
    return f"Dispute of order {order_number}" if order_number else "Dispute of a payment without an order"


class Story:
    """A timeline in Markdown, newest line last, with what a person may do now."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._lines: list[str] = []

    def add(self, at: datetime, text: str) -> None:
        """Something happened, in one line. No personal data."""
        self._lines.append(f"- `{at:%d %b %H:%M:%S}` {_line(text)}")

    def render(self, stage: str, *, attention: str | None = None, acts: tuple[str, ...] = ()) -> str:
        """The page, cut to the last lines so that it stays below 20 KB."""
        head = [f"## {self._title}", f"**Stage:** {stage}"]
        if attention:
            head.append(f"**Needs a person:** {_line(attention)}")
        if acts:
            head.append("**Possible acts:** " + ", ".join(f"`{act}`" for act in acts))
        return "\n\n".join([*head, "\n".join(self._lines[-LINES:])])


def _line(text: str) -> str:
    """What others wrote, such as a carrier, takes one line and no more than its share of the page."""
    return cut(" ".join(text.split()), LINE_BYTES)
