"""Weights and lengths in other people's units. A parcel is never declared lighter or smaller than it is."""

from decimal import ROUND_CEILING, Decimal

GRAMS_AN_OUNCE = Decimal("28.349523125")
"""The international avoirdupois ounce, exactly (NIST Handbook 44, appendix C)."""
MILLIMETRES_AN_INCH = Decimal("25.4")
"""Exactly (ibid.)."""

_TENTH = Decimal("0.1")


def ounces(grams: int) -> Decimal:
    """Avoirdupois ounces, rounded up to a tenth: postage underpaid is claimed back, with a fee."""
    return (Decimal(grams) / GRAMS_AN_OUNCE).quantize(_TENTH, rounding=ROUND_CEILING)


def inches(millimetres: int) -> Decimal:
    """Inches, rounded up to a tenth."""
    return (Decimal(millimetres) / MILLIMETRES_AN_INCH).quantize(_TENTH, rounding=ROUND_CEILING)


def centimetres(millimetres: int) -> Decimal:
    """Centimetres, exactly."""
    return Decimal(millimetres).scaleb(-1)
