"""What a document may ask for, and who may ask it: looked at before anything is read (docs/graphql.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from api.graph.errors import invalid
from api.problems import Problem
from api.resources import Caller
from domain.access import CallerKind, Scope, allows

MAX_TOKENS, MAX_DEPTH, MAX_ALIASES, MAX_COST, MAX_ACTS = 2_000, 10, 30, 10_000, 5
MOST_A_PAGE, USUAL_PAGE, NOMINAL_LIST = 100, 20, 5

SCOPES_OF: dict[str, Scope] = {
    "Query.product": "catalog:read",
    "Query.products": "catalog:read",
    "Query.variant": "catalog:read",
    "Variant.price": "prices:read",
    "Query.checkout": "checkouts:read",
    "Query.order": "orders:read",
    "Query.orders": "orders:read",
    "Query.standing": "memberships:read",
    "Query.memberships": "memberships:read",
    "Order.standing": "memberships:read",
    "Mutation.beginCheckout": "checkouts:write",
    "Mutation.confirmCheckout": "checkouts:write",
    "Mutation.cancelCheckout": "checkouts:write",
    "Mutation.cancelOrder": "orders:act",
    "Mutation.refundOrder": "payments:refund",
    "Mutation.approveRefund": "payments:approve",
    "Mutation.declineRefund": "payments:approve",
}
"""What a field needs, as the route beside it does; one that is not here is covered by the one that leads to it."""


@dataclass(slots=True)
class _Seen:
    cost: int = 0
    depth: int = 0
    aliases: int = 0
    fields: set[str] = field(default_factory=set)

    def add(self, other: "_Seen", times: int = 1) -> None:
        self.cost += other.cost * times
        self.depth = max(self.depth, other.depth)
        self.aliases += other.aliases
        self.fields |= other.fields


class _Walk:
    """Each fragment is looked at once, however often it is spread."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._schema, self._variables = schema, variables
        self._fragments = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        self._known: dict[str, _Seen] = {}

    def look(self, selections: SelectionSetNode, owner: GraphQLNamedType) -> _Seen:
        """All that is asked of one type."""
        seen = _Seen()
        for node in selections.selections:
            if isinstance(node, FieldNode):
                seen.add(self._field(node, owner))
            elif isinstance(node, InlineFragmentNode):
                on = node.type_condition
                seen.add(self.look(node.selection_set, self._schema.type_map[on.name.value] if on else owner))
            elif isinstance(node, FragmentSpreadNode):
                seen.add(self._fragment(node.name.value))
        return seen

    def _fragment(self, name: str) -> _Seen:
        if name not in self._known:
            found = self._fragments[name]
            self._known[name] = self.look(found.selection_set, self._schema.type_map[found.type_condition.name.value])
        return self._known[name]

    def _field(self, node: FieldNode, owner: GraphQLNamedType) -> _Seen:
        name = node.name.value
        seen = _Seen(depth=1, aliases=1 if node.alias else 0, fields={f"{owner.name}.{name}"})
        kind = getattr(owner, "fields", {}).get(name)
        if name.startswith("__") or kind is None or node.selection_set is None:
            return seen
        below = self.look(node.selection_set, get_named_type(kind.type))
        times = NOMINAL_LIST if is_list_type(get_nullable_type(kind.type)) else 1
        if "first" in kind.args:
            times = self._first(node)
        elif name in ("nodes", "edges") and owner.name.endswith("Connection"):
            times = 1  # counted where the page was asked for
        seen.cost = times if "first" not in kind.args else 1
        seen.depth += below.depth
        below.depth = 0
        seen.add(below, times)
        return seen

    def _first(self, node: FieldNode) -> int:
        given = next((one.value for one in node.arguments or () if one.name.value == "first"), None)
        if given is None:
            return USUAL_PAGE
        if isinstance(given, VariableNode):
            told = self._variables.get(given.name.value, MOST_A_PAGE)
        else:
            told = int(given.value) if isinstance(given, IntValueNode) else MOST_A_PAGE
        return told if isinstance(told, int) and 1 <= told <= MOST_A_PAGE else MOST_A_PAGE


def check(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    caller: Caller,
) -> list[str]:
    """The names of the operation's root fields. Raises the problem for what is too much, or not theirs to ask."""
    root = schema.get_root_type(operation.operation)
    assert root is not None  # noqa: S101  # the document is valid
    seen = _Walk(schema, document, variables).look(operation.selection_set, root)
    _refuse_strangers(seen, caller)
    limits = {
        "depth": (seen.depth, MAX_DEPTH),
        "aliases": (seen.aliases, MAX_ALIASES),
        "cost": (seen.cost, MAX_COST),
    }
    for what, (asked, most) in limits.items():
        if asked > most:
            facts = {"limit": what, "asked": str(asked), "most": str(most)}
            raise Problem(
                422, "query_too_large", f"Its {what} is {asked}, and {most} is the most. Ask for less.", facts=facts
            )
    roots = _roots(document, operation.selection_set)
    if operation.operation is OperationType.MUTATION and len(roots) > MAX_ACTS:
        raise invalid(f"A request has at most {MAX_ACTS} mutations.")
    return roots


def _refuse_strangers(seen: _Seen, caller: Caller) -> None:
    introspects = not seen.fields.isdisjoint(
        {f"{root}.{name}" for root in ("Query", "Mutation") for name in ("__schema", "__type")}
    )
    if introspects and caller.kind is CallerKind.PUBLISHABLE:
        detail = "A publishable key does not read the schema: it is in docs/schema.graphql."
        raise Problem(403, "secret_key_required", detail)
    for scope in sorted({SCOPES_OF[name] for name in seen.fields & SCOPES_OF.keys()}):
        if not allows(caller.scopes, scope):
            detail = f"This key may not do that: it lacks the scope `{scope}`. Use a key that has it."
            raise Problem(403, "insufficient_scope", detail, needed=scope)


def _roots(document: DocumentNode, selections: SelectionSetNode) -> list[str]:
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    found: list[str] = []
    for node in selections.selections:
        if isinstance(node, FieldNode):
            found.append(node.name.value)
        elif isinstance(node, InlineFragmentNode):
            found += _roots(document, node.selection_set)
        elif isinstance(node, FragmentSpreadNode):
            found += _roots(document, fragments[node.name.value].selection_set)
        if len(found) > MAX_COST:
            raise invalid("It has too many fields at its root.")
    return found
