"""What Stripe takes in which currency: minor units and the smallest amounts (docs.stripe.com/currencies)."""

from sandbox.stripe.errors import StripeError, invalid

ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
# Zero-decimal by now, but kept at two decimals by Stripe, with 00 as the only decimals.
FROZEN_TWO_DECIMAL = frozenset(["isk", "ugx"])

MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300,
    "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip

_TWO_DECIMAL = """
aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf
cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils
inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn
nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd
std szl thb tjs top try ttd twd tzs uah ugx usd uyu uzs wst xcd yer zar zmw
"""
TWO_DECIMAL = frozenset(_TWO_DECIMAL.split())
SUPPORTED = ZERO_DECIMAL | THREE_DECIMAL | TWO_DECIMAL
LARGEST = 99_999_999


def exponent(currency: str) -> int:
    """How many decimals the minor unit has: 0, 2 or 3."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def format_amount(amount: int, currency: str) -> str:
    """1250, eur → `12.50 eur`."""
    places = exponent(currency)
    return f"{amount / 10**places:.{places}f} {currency}"


def check_currency(code: str | None) -> str:
    """A supported three-letter code, in lower case. Raises 400 naming `currency`."""
    lowered = (code or "").lower()
    if lowered not in SUPPORTED:
        raise invalid(f"Invalid currency: {code}.", param="currency")
    return lowered


def check_amount(amount: int, currency: str, *, param: str = "amount") -> None:
    """An amount to charge: positive, at least the minimum, at most eight digits, rounded as Stripe asks."""
    if amount < 1:
        raise _bad_amount("Invalid positive integer", "parameter_invalid_integer", param)
    smallest = MINIMUM.get(currency, 1)
    if amount < smallest:
        raise _bad_amount(f"Amount must be at least {format_amount(smallest, currency)}", "amount_too_small", param)
    if amount > LARGEST:
        raise _bad_amount(f"Amount must be no more than {format_amount(LARGEST, currency)}", "amount_too_large", param)
    if currency in THREE_DECIMAL and amount % 10:
        raise _bad_amount(f"Amounts in {currency} must end in 0.", "parameter_invalid_integer", param)
    check_decimals(amount, currency)


def check_decimals(amount: int, currency: str) -> None:
    """An amount to charge, capture or refund: no króna and no Ugandan shilling is cut; no parameter is named.

    support.stripe.com/questions/deprecation-of-fractional-isk-charges-and-refunds
    """
    if currency in FROZEN_TWO_DECIMAL and amount % 100:
        message = f"Invalid amount. {currency.upper()} has no decimals any more: the amount must be divisible by 100."
        raise invalid(message, code="invalid_charge_amount_no_decimal_compatible")


def _bad_amount(message: str, code: str, param: str) -> StripeError:
    return invalid(message, param=param, code=code)
