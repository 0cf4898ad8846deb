"""The schema: what may be asked at its root. docs/schema.graphql is what it says (`make graph`)."""

from graphql import GraphQLSchema
from strawberry import Schema, field
from strawberry import type as graph_type
from strawberry.schema.config import StrawberryConfig

from api.graph import acts as _acts
from api.graph import catalog as _catalog
from api.graph import members as _members
from api.graph import orders as _orders
from api.graph.scalars import SCALARS
from api.graph.words import put


@graph_type
class Query:
    """What can be read. What is another tenant's is not there."""

    product = field(resolver=_catalog.product)
    products = field(resolver=_catalog.search)
    variant = field(resolver=_catalog.variant)
    order = field(resolver=_orders.order)
    orders = field(resolver=_orders.page)
    standing = field(resolver=_orders.standing)
    memberships = field(resolver=_members.of_customer)
    checkout = field(resolver=_acts.checkout)


class Quiet(Schema):
    """Errors are logged where they become problems, and nowhere else: variables hold secrets."""

    def process_errors(self, errors: object, execution_context: object = None) -> None:
        """Nothing."""


SCHEMA = Quiet(query=Query, mutation=_acts.Mutation, config=StrawberryConfig(scalar_map=SCALARS))
CORE: GraphQLSchema = SCHEMA._schema  # the one place where validation and limits need it
put(SCHEMA, CORE)
