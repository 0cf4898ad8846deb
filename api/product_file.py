"""Products from a file, a row at a time: JSON lines, or CSV with a variant a line; the rules are those of the API."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_WHOLE = {"weight_grams", "length_mm", "width_mm", "height_mm"}
_OF_VARIANT = {"sku", "origin_country", "hs_code", "barcode", "variant_title", "variant_status"} | _WHOLE


def rows(file: Path) -> Iterator[object]:
    """What the file has, as rows of a bulk upsert; whatever cannot be read is a row that will be refused.

    CSV: columns named as the fields; `tags` with spaces between; `option.NAME`, `attr.NAME`; lines of one `id` that
    follow each other are one product. An attribute that reads as a number, true or false is one.
    """
    with file.open(encoding="utf-8-sig", newline="") as lines:
        if file.suffix.lower() == ".csv":
            yield from _products(csv.DictReader(lines))
        else:
            yield from (_parsed(line) for line in lines if line.strip())


def _parsed(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return line[:100]


def _products(lines: Iterable[dict[Any, Any]]) -> Iterator[object]:
    current: dict[str, Any] | None = None
    for line in lines:
        given = {name: value for name, value in line.items() if isinstance(name, str) and value}
        if current is None or current.get("id") != given.get("id"):
            if current is not None:
                yield current
            current = _product(given)
        if "sku" in given:
            current.setdefault("variants", []).append(_variant(given))
    if current is not None:
        yield current


def _product(given: dict[str, str]) -> dict[str, Any]:
    plain = {name: value for name, value in given.items() if name not in _OF_VARIANT and "." not in name}
    if "tags" in plain:
        plain |= {"tags": plain["tags"].split()}  # type: ignore[dict-item]
    attributes = {name[5:]: _value(value) for name, value in given.items() if name.startswith("attr.")}
    return plain | ({"attributes": attributes} if attributes else {})


def _variant(given: dict[str, str]) -> dict[str, Any]:
    names = {"variant_title": "title", "variant_status": "status"}
    plain = {names.get(name, name): given[name] for name in _OF_VARIANT & given.keys()}
    whole = {
        name: int(plain.pop(name)) if plain[name].isdecimal() else plain.pop(name) for name in _WHOLE & plain.keys()
    }
    sizes = {name: whole.pop(name) for name in _WHOLE & whole.keys() if name != "weight_grams"}
    options = {name[7:]: value for name, value in given.items() if name.startswith("option.")}
    return plain | whole | {"options": options} | ({"dimensions": sizes} if sizes else {})


def _value(text: str) -> object:
    try:
        read = json.loads(text)
    except ValueError:
        return text
    return read if isinstance(read, bool | int | float) else text
