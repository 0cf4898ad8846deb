"""What support reads in the Temporal UI: a summary of 200 bytes at most, and current details in Markdown."""

from datetime import datetime

from domain.money import Money


def order_summary(number: str, total_minor: int, currency: str, items: int, city: str) -> str:
    """`Order 1001 · €1,250.00 · 2 items → Paris`, cut to the 200 bytes a static summary takes."""
    pieces = f"{items} item" if items == 1 else f"{items} items"
    text = f"Order {number} · {Money(total_minor, currency)} · {pieces} → {city}"
    return text.encode()[:200].decode(errors="ignore")


class Story:
    """A timeline in Markdown, newest line last, with what a person may do now."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._lines: list[str] = []

    def add(self, at: datetime, text: str) -> None:
        """Something happened. No personal data."""
        self._lines.append(f"- `{at:%d %b %H:%M:%S}` {text}")

    def render(self, stage: str, *, attention: str | None = None, acts: tuple[str, ...] = ()) -> str:
        """The page, cut to the last fifty lines so that it stays below 20 KB."""
        head = [f"## {self._title}", f"**Stage:** {stage}"]
        if attention:
            head.append(f"**Needs a person:** {attention}")
        if acts:
            head.append("**Possible acts:** " + ", ".join(f"`{act}`" for act in acts))
        return "\n\n".join([*head, "\n".join(self._lines[-50:])])
