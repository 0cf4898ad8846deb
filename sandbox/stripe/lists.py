"""What all resources share: pages (docs.stripe.com/api/pagination), search, and the expansion of ids."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.stripe.account import KINDS, Account, shown
from sandbox.stripe.errors import Obj, invalid
from sandbox.stripe.params import Check, Raw, integer, shape, text

_RANGE = shape({"gt": integer, "gte": integer, "lt": integer, "lte": integer})
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: a > b, "gte": lambda a, b: a >= b, "lt": lambda a, b: a < b, "lte": lambda a,
    b: a <= b,
}  # fmt: skip


def _created(name: str, value: Raw) -> Any:
    return _RANGE(name, value) if isinstance(value, dict) else integer(name, value)


def _limit(name: str, value: Raw) -> int:
    count = integer(name, value)
    if not 1 <= count <= 100:
        raise invalid("Limit must be between 1 and 100", param=name, code="parameter_invalid_integer")
    return count


LIST: dict[str, Check] = {
    "created": _created, "ending_before": text, "limit": _limit, "starting_after": text,
}  # fmt: skip


def page(
    account: Account,
    kind: str,
    url: str,
    filters: dict[str, Any],
    equal: Iterable[str] = (),
    where: Callable[[Obj], bool] | None = None,
) -> Obj:
    """One page, newest first, of what passes the filters: `created`, fields that must be equal, `where`."""
    items = account.all(kind)
    keys = list(reversed(items))
    after, before = filters.get("starting_after"), filters.get("ending_before")
    # A cursor marks a place among all objects, also where the filters leave its own object out.
    if after is not None:
        account.find(kind, after, param="starting_after", status=400)
        keys = keys[keys.index(after) + 1 :]
    if before is not None:
        account.find(kind, before, param="ending_before", status=400)
        keys = keys[: keys.index(before)]
    found = [
        item
        for item in map(items.__getitem__, keys)
        if all(item.get(name) == filters[name] for name in equal if filters.get(name) is not None)
        and _in_range(item["created"], filters.get("created"))
        and (where is None or where(item))
    ]
    limit = filters.get("limit") or 10
    return _list(url, found[:limit] if before is None else found[-limit:], more=len(found) > limit)


def _in_range(created: int, wanted: Any) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, dict):
        return all(_COMPARE[name](created, bound) for name, bound in wanted.items())
    return bool(created == wanted)


def _list(url: str, items: list[Obj], *, more: bool) -> Obj:
    return {"object": "list", "data": items, "has_more": more, "url": url}


# -- search (docs.stripe.com/search) ---------------------------------------------------------------------

_CLAUSE = re.compile(
    r"""\s*(?P<not>-?)(?P<field>\w+)(?:\[(?P<quote>['"])(?P<key>(?:\\.|(?!(?P=quote)).)*)(?P=quote)\])?
    (?P<op>:|>=|<=|>|<|~)(?:(?P<quote2>['"])(?P<text>(?:\\.|(?!(?P=quote2)).)*)(?P=quote2)|(?P<bare>\S+))\s*""",
    re.VERBOSE,
)
_FIELDS = {
    "customer": {"created", "email", "metadata", "name", "phone"},
    "payment_intent": {"amount", "created", "currency", "customer", "metadata", "status"},
}


def search(account: Account, kind: str, url: str, query: str, limit: int, start: str | None) -> Obj:
    """Objects matching a query of Stripe's search language; what is younger than the lag is not found yet."""
    clauses, everyone = _clauses(query, _FIELDS[kind])
    horizon = account.now() - account.search_lag
    found = [
        item
        for item in reversed(account.all(kind).values())
        if item["created"] <= horizon and (all if everyone else any)(_matches(item, clause) for clause in clauses)
    ]
    first = _page_number(start)
    shown_now = found[first : first + limit]
    more = len(found) > first + limit
    following = str(first + limit) if more else None
    return {
        "object": "search_result", "data": shown_now, "has_more": more, "next_page": following, "url": url,
    }  # fmt: skip


def _page_number(start: str | None) -> int:
    if start is None:
        return 0
    if not start.isdigit():
        raise invalid("Invalid page", param="page")
    return int(start)


def _clauses(query: str, fields: set[str]) -> tuple[list[dict[str, str | None]], bool]:
    clauses: list[dict[str, str | None]] = []
    joints: set[str] = set()
    rest = query
    while True:
        match = _CLAUSE.match(rest)
        if match is None or match["field"] not in fields or (match["field"] == "metadata") != bool(match["quote"]):
            raise invalid(f"We were unable to parse your search query: {query}", param="query")
        clauses.append(match.groupdict())
        rest = rest[match.end() :]
        if not rest:
            break
        joint = re.match(r"(AND|OR)\s+", rest, re.IGNORECASE)
        joints.add(joint[1].upper() if joint else "AND")
        rest = rest[joint.end() :] if joint else rest
    if len(joints) > 1:
        raise invalid("A search query can't combine AND and OR.", param="query")
    return clauses, joints != {"OR"}


def _matches(item: Obj, clause: dict[str, str | None]) -> bool:
    name = clause["field"] or ""
    value = item.get(name)
    if name == "metadata":
        value = (value or {}).get(_unescape(clause["key"] or ""))
    wanted = _unescape(clause["text"] or "") if clause["bare"] is None else clause["bare"]
    hit = _hit(value, clause["op"] or ":", wanted)
    return hit != bool(clause["not"])


def _hit(value: Any, operator: str, wanted: str) -> bool:
    if value is None:
        return wanted == "null"
    if operator == ":":
        return str(value).lower() == wanted.lower()
    if operator == "~":
        return wanted.lower() in str(value).lower()
    if not isinstance(value, int) or not wanted.isdigit():
        raise invalid("Only numeric fields can be compared.", param="query")
    return _COMPARE[{">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}[operator]](value, int(wanted))


def _unescape(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted)


# -- expansion (docs.stripe.com/expand) ------------------------------------------------------------------


def expand(account: Account, body: Obj, paths: list[str]) -> Obj:
    """A copy of the answer with the ids at these dotted paths replaced by their objects, four levels deep."""
    answer: Obj = shown(body)
    for path in paths:
        steps = path.split(".")
        if len(steps) > 4 + (steps[0] == "data"):
            raise invalid("You cannot expand more than 4 levels of a property", param="expand")
        _expand(account, answer, steps, path)
    return answer


def _expand(account: Account, node: Any, steps: list[str], path: str) -> None:
    if isinstance(node, list):
        for item in node:
            _expand(account, item, steps, path)
        return
    name = steps[0]
    if name == "refunds" and node.get("object") == "charge":
        url = f"/v1/charges/{node['id']}/refunds"
        node[name] = shown(page(account, "refund", url, {"charge": node["id"], "limit": 10}, ("charge",)))
    elif name not in node:
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
    value = node[name]
    if isinstance(value, str):
        kind = next((kind for prefix, kind in KINDS.items() if value.startswith(prefix)), None)
        if kind is None:
            raise invalid(f"This property cannot be expanded ({path}).", param="expand")
        node[name] = shown(account.all(f"deleted_{kind}").get(value) or account.find(kind, value))
    if len(steps) > 1 and node[name] is not None:
        _expand(account, node[name], steps[1:], path)
