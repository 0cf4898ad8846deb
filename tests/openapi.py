"""The API's description as it is committed, and whether a change of it would break a caller.

.venv/bin/python -m tests.openapi             # writes docs/openapi.json, unless that would break somebody
.venv/bin/python -m tests.openapi --breaking  # writes it all the same: say why in the commit
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from api.app import create_app

FILE = Path(__file__).resolve().parents[1] / "docs" / "openapi.json"
METHODS = ("get", "post", "put", "patch", "delete")
NARROWER = {
    "maximum": min, "exclusiveMaximum": min, "maxLength": min, "maxItems": min,
    "minimum": max, "exclusiveMinimum": max, "minLength": max, "minItems": max,
}  # fmt: skip
"""Bounds of what is taken, and which of two is the stricter."""

Json = dict[str, Any]


def described() -> Json:
    """The API of this code."""
    return json.loads(json.dumps(create_app().openapi(), sort_keys=True))  # type: ignore[no-any-return]


def committed() -> Json:
    """The API that callers know."""
    return json.loads(FILE.read_text())  # type: ignore[no-any-return]


def text(api: Json) -> str:
    """As it is kept: sorted, so that two branches meet line by line."""
    return json.dumps(api, sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def breaks(old: Json, new: Json) -> list[str]:
    """What a caller of the old API would run into with the new one; a line each."""
    return list(dict.fromkeys(_Difference(old, new).found()))


class _Difference:
    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[str, str, bool]] = set()

    def found(self) -> Iterator[str]:
        for path, methods in self._old["paths"].items():
            for method in METHODS:
                if method in methods:
                    where = f"{method.upper()} {path}"
                    now = self._new["paths"].get(path, {}).get(method)
                    yield from self._operation(where, methods[method], now) if now else [f"{where} is gone"]

    def _operation(self, where: str, old: Json, new: Json) -> Iterator[str]:
        if _scopes(new) - _scopes(old):
            yield f"{where} needs {', '.join(sorted(_scopes(new) - _scopes(old)))} as well"
        before, after = _parameters(old), _parameters(new)
        for name in before.keys() - after.keys():
            yield f"{where} does not take {name} any more"
        for name, parameter in after.items():
            if parameter.get("required") and not before.get(name, {}).get("required"):
                yield f"{where} needs {name} now"
            if name in before:
                yield from self._schema(f"{where} {name}", before[name]["schema"], parameter["schema"], taken=True)
        if new.get("requestBody", {}).get("required") and not old.get("requestBody", {}).get("required"):
            yield f"{where} needs a body now"
        yield from self._contents(f"{where} body", old.get("requestBody", {}), new.get("requestBody", {}), taken=True)
        for status, answer in old["responses"].items():
            if status.startswith("2"):
                now = new["responses"].get(status)
                what = f"{where} {status}"
                yield from self._contents(what, answer, now, taken=False) if now else [f"{what} is gone"]

    def _contents(self, where: str, old: Json, new: Json, *, taken: bool) -> Iterator[str]:
        for kind, content in old.get("content", {}).items():
            if kind not in new.get("content", {}):
                yield f"{where} is not {kind} any more"
            else:
                schemas = content.get("schema", {}), new["content"][kind].get("schema", {})
                yield from self._schema(where, *schemas, taken=taken)

    def _schema(self, where: str, old: Json, new: Json, *, taken: bool) -> Iterator[str]:
        pair = (old.get("$ref", ""), new.get("$ref", ""), taken)
        if all(pair[:2]):
            if pair in self._seen:
                return
            self._seen.add(pair)
        old, new = _resolved(self._old, old), _resolved(self._new, new)
        yield from self._values(where, old, new, taken=taken)
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before.keys() - after.keys():
            yield f"{where}: {name} is gone"
        demanded = set(new.get("required", [])) - set(old.get("required", []))
        promised = set(old.get("required", [])) - set(new.get("required", []))
        for name in sorted(demanded if taken else promised & after.keys()):
            yield f"{where}: {name} is needed now" if taken else f"{where}: {name} may be missing now"
        for name in before.keys() & after.keys():
            yield from self._schema(f"{where}.{name}", before[name], after[name], taken=taken)
        if "items" in old and "items" in new:
            yield from self._schema(f"{where}[]", old["items"], new["items"], taken=taken)

    def _values(self, where: str, old: Json, new: Json, *, taken: bool) -> Iterator[str]:
        before, after = _kinds(self._old, old), _kinds(self._new, new)
        if lost := (before - after if taken else after - before):
            yield f"{where}: {', '.join(sorted(lost))} is {'not taken any more' if taken else 'new among the answers'}"
        if not taken:
            return
        for bound, stricter in NARROWER.items():
            if bound in new and (bound not in old or stricter(old[bound], new[bound]) != old[bound]):
                yield f"{where}: {bound} is {new[bound]} now"
        if "pattern" in new and new["pattern"] != old.get("pattern"):
            yield f"{where}: must match another pattern now"


def _resolved(api: Json, schema: Json) -> Json:
    while "$ref" in schema:
        schema = api["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _kinds(api: Json, schema: Json) -> set[str]:
    """Types and values that it may be; a new value in an answer is not new in this sense (docs/api.md)."""
    schema = _resolved(api, schema)
    kinds = schema.get("type", [])
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    for way in (*schema.get("anyOf", []), *schema.get("oneOf", [])):
        found |= _kinds(api, way)
    return found | {f"{value!r}" for value in schema.get("enum", [])}


def _scopes(operation: Json) -> set[str]:
    return {scope for way in operation.get("security", []) for scopes in way.values() for scope in scopes}


def _parameters(operation: Json) -> dict[str, Json]:
    """By place and name; names of headers are the same in any case (RFC 9110, section 5.1)."""
    found = {}
    for one in operation.get("parameters", []):
        name = one["name"].lower() if one["in"] == "header" else one["name"]
        found[f"{one['in']} {name}"] = one
    return found


def main() -> int:
    """Write the file, unless it breaks somebody."""
    new = described()
    broken = breaks(committed(), new) if FILE.exists() else []
    for line in broken:
        sys.stderr.write(f"breaks callers: {line}\n")
    if broken and "--breaking" not in sys.argv:
        return 1
    FILE.write_text(text(new))
    return 0


if __name__ == "__main__":
    sys.exit(main())
