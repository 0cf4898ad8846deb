"""What people see of the carrier stand-in: a label to print, 4 by 6 inches, and a tracking page."""

from html import escape

from sandbox.carrier.records import Address, Parcel

_CODE_39 = {
    "0": "nnnwwnwnn",
    "1": "wnnwnnnnw",
    "2": "nnwwnnnnw",
    "3": "wnwwnnnnn",
    "4": "nnnwwnnnw",
    "5": "wnnwwnnnn",
    "6": "nnwwwnnnn",
    "7": "nnnwnnwnw",
    "8": "wnnwnnwnn",
    "9": "nnwwnnwnn",
    "M": "wnwnnnnwn",
    "P": "nnwnwnnwn",
    "*": "nwnnwnwnn",
}
"""Code 39 (ISO/IEC 16388), the signs of our tracking numbers: five bars with four gaps, narrow or wide."""

_WIDE = 3
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{number}</title><style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }}
td {{ padding: .25rem 1rem .25rem 0; vertical-align: top }} time {{ white-space: nowrap }}
</style></head><body><h1>{number}</h1><p>{service} · {state}</p><table>{rows}</table></body></html>
"""
_ROW = "<tr><td><time>{at}</time></td><td><strong>{status}</strong><br>{text}</td><td>{place}</td></tr>"


def bars(number: str) -> list[tuple[int, int]]:
    """The bars of a number in Code 39, as (start, width) in narrow units. `KeyError` for other signs."""
    drawn, at = [], 0
    for sign in f"*{number}*":
        for place, kind in enumerate(_CODE_39[sign]):
            width = _WIDE if kind == "w" else 1
            if place % 2 == 0:
                drawn.append((at, width))
            at += width
        at += 1  # the gap between two signs
    return drawn


def label_svg(parcel: Parcel) -> str:
    """The label as SVG, which prints from any browser in any script. `ValueError` without a label."""
    if parcel.label is None:
        raise ValueError(f"shipment {parcel.id} has no label")
    number, wanted = parcel.label.tracking_number, parcel.wanted
    drawn = bars(number)
    scale = 340 / (drawn[-1][0] + drawn[-1][1])
    code = "".join(
        f'<rect x="{22 + start * scale:.2f}" y="400" width="{width * scale:.2f}" height="110"/>'
        for start, width in drawn
    )
    weight = f"{wanted.weight_grams / 1000:.3f} kg"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="4in" height="6in" viewBox="0 0 384 576"'
        ' font-family="Helvetica, Arial, sans-serif">'
        '<rect width="384" height="576" fill="white"/>'
        '<rect x="6" y="6" width="372" height="564" fill="none" stroke="black" stroke-width="2"/>'
        f"{_text(22, 42, 22, wanted.service.upper(), bold=True)}"
        f"{_text(22, 64, 11, f'{weight} · {wanted.reference} · {wanted.contents}')}"
        '<path d="M6 78H378M6 190H378M6 380H378" stroke="black"/>'
        f"{_text(22, 96, 9, 'FROM')}{_lines(22, 112, 11, wanted.sender)}"
        f"{_text(22, 210, 9, 'TO')}{_lines(22, 236, 18, wanted.recipient)}"
        f"{code}{_text(22, 540, 20, number, bold=True)}"
        f"{_text(22, 560, 9, 'SAMPLE OF A STAND-IN CARRIER: NOT VALID FOR CARRIAGE')}</svg>"
    )


def tracking_html(parcel: Parcel) -> str:
    """The parcel's way so far, newest first."""
    scans = sorted(parcel.scans, key=lambda scan: scan.occurred_at, reverse=True)
    rows = (
        _ROW.format(
            at=escape(scan.occurred_at.isoformat(timespec="seconds")),
            status=escape(scan.status.replace("_", " ")),
            text=escape(scan.description),
            place=escape(scan.location),
        )
        for scan in scans
    )
    number = parcel.label.tracking_number if parcel.label else parcel.id
    where = "label voided" if parcel.state == "voided" else parcel.position.replace("_", " ")
    return _PAGE.format(
        number=escape(number), service=escape(parcel.wanted.service), state=escape(where), rows="".join(rows)
    )


def _text(x: float, y: float, size: int, text: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" font-size="{size}"{weight}>{escape(text)}</text>'


def _lines(x: float, y: float, size: int, address: Address) -> str:
    town = f"{address.postal_code} {address.city}"
    lines = (address.name, address.line1, address.line2, town, address.region, address.country)
    kept = [line for line in lines if line]
    return "".join(_text(x, y + place * size * 1.25, size, line) for place, line in enumerate(kept))
