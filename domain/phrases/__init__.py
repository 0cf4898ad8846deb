"""What customers read, in each language: which there are, which one somebody wants, and how dates and sums look."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from babel.dates import format_date, format_datetime, format_interval
from babel.numbers import format_currency

from domain.money import exponent
from domain.phrases import de, en, fr, it, ja

LANGUAGES: Mapping[str, Mapping[str, str]] = {
    "en": en.PHRASES,
    "fr": fr.PHRASES,
    "de": de.PHRASES,
    "it": it.PHRASES,
    "ja": ja.PHRASES,
}
FALLBACK = "en"


class Wording:
    """One language's phrases, dates (UTC) and sums."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else FALLBACK
        self._phrases = LANGUAGES[self.language]

    def __call__(self, phrase: str, **facts: object) -> str:
        """A phrase with its facts filled in. `KeyError` for one that there is not."""
        return self._phrases[phrase].format(**facts)

    def day(self, when: date) -> str:
        """A day as people write it."""
        return format_date(when, "long", locale=self.language)

    def span(self, first: date, last: date) -> str:
        """From a day to a day, as short as people write it; one day if they are the same."""
        return format_interval(first, last, skeleton="yMMMd", locale=self.language)

    def moment(self, when: datetime) -> str:
        """A day and a time, in UTC."""
        return f"{format_datetime(when, 'medium', locale=self.language)} UTC"

    def money(self, minor: int, currency: str) -> str:
        """An amount in minor units of a currency."""
        amount = Decimal(minor).scaleb(-exponent(currency))
        return format_currency(amount, currency, locale=self.language)


def wanted(accept_language: str | None, fallback: str = FALLBACK) -> str:
    """Which language somebody wants most, of those there are (RFC 9110, section 12.5.4)."""
    best, best_weight = fallback, 0.0
    for part in (accept_language or "")[:500].split(","):
        tag, _, parameter = part.strip().partition(";")
        language = tag.split("-")[0].lower()
        weight = _weight(parameter)
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameter: str) -> float:
    name, _, number = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(number) if 0 <= float(number) <= 1 else 0.0
    except ValueError:
        return 0.0
