"""What a part of an order line is worth, so that its parts together are worth exactly what was paid for it."""

from dataclasses import dataclass

from domain.money import portion


@dataclass(frozen=True, slots=True)
class SoldLine:
    """A line as it was sold, in minor units: `net + tax = gross`, for all its pieces, discount taken off."""

    quantity: int
    net_minor: int
    tax_minor: int

    @property
    def gross_minor(self) -> int:
        """What was paid for the line."""
        return self.net_minor + self.tax_minor


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a line that some of its pieces are worth, in minor units."""

    net_minor: int
    tax_minor: int

    @property
    def gross_minor(self) -> int:
        """What was paid for those pieces: what goes back for them, or is captured as they leave."""
        return self.net_minor + self.tax_minor


def share_of(line: SoldLine, before: int, quantity: int) -> Share:
    """What the next `quantity` pieces are worth after `before` of them went the same way.

    The first n pieces are worth their `portion` of the gross, and that has its portion of the tax; a share is the
    difference of two such sums. So whatever the sequence, the shares add up to the line exactly, and neither net nor
    tax is ever negative. Parcels and cancellations take the same portions (`domain/shares.py`). Raises `ValueError`
    for more than there are.
    """
    if quantity < 0 or before < 0 or before + quantity > line.quantity:
        raise ValueError(f"{quantity} more after {before} of {line.quantity} pieces")
    first = portion(line.gross_minor, before, line.quantity)
    last = portion(line.gross_minor, before + quantity, line.quantity)
    whole = line.gross_minor or 1
    tax = portion(line.tax_minor, last, whole) - portion(line.tax_minor, first, whole)
    return Share(last - first - tax, tax)
