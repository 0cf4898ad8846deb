"""What each type, field and argument of the schema means: said once, here, and seen in every tool that reads it.

A type says what its class says, and a field with a function what the function says. The rest is below: under its own
place, or under its name alone where it means the same wherever it is. What has no words fails a test.
"""

from collections.abc import Iterator
from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLObjectType, GraphQLSchema
from strawberry import Schema
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.enum import StrawberryEnumDefinition

OF: dict[str, str] = {
    "AttributeFilter.least": "The smallest number; left out: no end.",
    "AttributeFilter.most": "The largest number; left out: no end.",
    "AttributeFilter.name": "What the shop calls it, such as `carat`.",
    "AttributeFilter.values": "Any of them; a text, or what writes a number or a truth.",
    "OptionFilter.name": "What the shop calls it, such as `size`.",
    "OptionFilter.values": "Any of them.",
    "Backordered.expectedOn": "The day they are expected, as the shopper was told; null: nobody knows.",
    "Backordered.quantity": "Units that are not there yet.",
    "Cancellation.amount": "What the pieces cost, shipping included if nothing is left to be sent.",
    "Cancellation.at": "When it was carried out.",
    "Cancellation.id": "The cancellation's id.",
    "Cancellation.reason": "Why, in the words of who cancelled.",
    "Cancellation.refund": "As much of it as had been captured; it goes back.",
    "Checkout.backordered": "What is sold before it is there.",
    "Checkout.expiresAt": "Until when stock and price are held; null: it has ended.",
    "Checkout.id": "The checkout's id; it derives from the key that began it.",
    "Checkout.nextAction": "What the shopper must do now; null: nothing.",
    "Checkout.orderNumber": "The order it became; null: not yet, or never.",
    "Checkout.reason": "Why it was refused or ended, as a code that does not change.",
    "Checkout.reasonDetail": "The same in words for people.",
    "Checkout.secret": "With it a page sees this checkout again; only in the answer that begins it.",
    "Checkout.total": "What is charged, tax and shipping included.",
    "CheckoutInput.currency": "What is paid in (ISO 4217).",
    "CheckoutInput.customer": "Who buys.",
    "CheckoutInput.expectedTotal": "What the shopper was shown; another price is refused.",
    "CheckoutInput.lines": "What is bought.",
    "CheckoutInput.payment": "How it is paid.",
    "CheckoutInput.promotionCodes": "Codes that the shopper typed, in that order.",
    "CheckoutInput.shippingAddress": "Where it goes.",
    "CheckoutInput.shippingMethod": "One of the shop's ways to send.",
    "CustomerInput.email": "Where the order is confirmed to.",
    "CustomerInput.id": "Your own number of the customer; with a secret key only.",
    "CustomerInput.name": "As they call themselves.",
    "AddressInput.city": "The town.",
    "AddressInput.country": "ISO 3166-1, two letters.",
    "AddressInput.line1": "Street and number.",
    "AddressInput.line2": "What else the carrier must know to find it.",
    "AddressInput.name": "Who receives it.",
    "AddressInput.postalCode": "As it is written there.",
    "AddressInput.region": "State or province, where an address has one.",
    "Dispute.amount": "What the bank asks back.",
    "Dispute.evidenceDueAt": "Until when evidence may be sent; null: none is asked for.",
    "Dispute.id": "The payment provider's id.",
    "Dispute.reason": "The bank's reason, as the provider names it.",
    "Event.message": "One sentence for support; no address, no card number.",
    "Event.type": "What kind of thing happened, for instance `order.placed`.",
    "LineInput.quantity": "How many.",
    "Media.alt": "What it shows, for who cannot see it.",
    "Media.kind": "Picture, film or model.",
    "Media.position": "Its place among the product's, from 0.",
    "Media.url": "Where it is.",
    "Mutation.beginCheckout(input)": "The cart, the address, and how it is paid.",
    "Mutation.cancelOrder(lines)": "Only these pieces; left out: all that has not left.",
    "Mutation.refundOrder(amount)": "How much; left out: all that is left.",
    "Membership.amount": "What a period costs.",
    "Membership.attentionReason": "Why a person is needed; null: nobody is.",
    "Membership.benefitsUntil": "Until when they have what it gives; null: they have nothing.",
    "Membership.card": "Brand and last digits.",
    "Membership.endsWithPeriod": "Whether it ends with the period that is paid.",
    "Membership.id": "The membership's id.",
    "Membership.nextTier": "The tier from the next period on; null: the same.",
    "Membership.periodEndsAt": "When the current period ends; null: there is none yet.",
    "Membership.plan": "The plan it is of.",
    "Membership.reason": "Why it was refused or ended, as a code that does not change.",
    "Membership.reasonDetail": "The same in words for people.",
    "Membership.tier": "The tier now.",
    "NextAction.clientSecret": "For the payment provider's script in the shopper's browser.",
    "NextAction.redirectUrl": "Where the shopper must go, for instance to their bank.",
    "Order.attentionReason": "Why a person is needed; null: nobody is.",
    "Order.checkoutId": "The checkout it came of.",
    "Order.discount": "What promotions took off.",
    "Order.needsAttention": "Whether a person must look at it.",
    "Order.number": "What the customer is told; without gaps.",
    "Order.placedAt": "When it was accepted.",
    "Order.shipping": "What sending it costs.",
    "Order.tax": "All of its tax, that of shipping included.",
    "Order.total": "What the customer pays for all of it.",
    "OrderLine.cancelled": "Of them, pieces that do not go.",
    "OrderLine.compareAt": "The unit price before a sale; null: it was none.",
    "OrderLine.discount": "What promotions took off this line.",
    "OrderLine.gross": "Net and tax.",
    "OrderLine.net": "Without tax.",
    "OrderLine.quantity": "Pieces that were ordered.",
    "OrderLine.tax": "The line's tax.",
    "OrderLine.taxBasisPoints": "The rate it was taxed by: 2000 are 20 %.",
    "OrderLine.unit": "What one piece cost.",
    "Period.amount": "What it costs.",
    "Period.endsAt": "When it ends.",
    "Period.number": "Counted from 0.",
    "Period.startsAt": "When it begins.",
    "Period.tier": "The tier of it.",
    "PageInfo.endCursor": "`after` of the next page; null: the page is empty.",
    "PageInfo.hasNextPage": "Whether there is another page.",
    "Payment.authorized": "What is, or was, held on the card.",
    "Payment.captureBefore": "When the authorization lapses.",
    "Payment.captured": "What was taken.",
    "Payment.card": "Brand and last digits.",
    "Payment.id": "The payment's id.",
    "Payment.refunded": "What went back of it, refunds under way included.",
    "PaymentInput.capture": "`manual`: as each parcel leaves; `automatic`: at once.",
    "PaymentInput.mode": "`client`: the shopper confirms in the browser; `server`: with `paymentMethod`, at once.",
    "PaymentInput.paymentMethod": "The provider's id of how it is paid.",
    "PaymentInput.returnUrl": "Where the bank's page leads back to.",
    "PaymentInput.saveCard": "Whether the customer lets us keep the card.",
    "Price.amount": "What one piece costs, before promotions.",
    "Price.compareAt": "What it cost before a sale; null: it is none.",
    "Price.priceList": "The list that the price is from.",
    "Product.access": "The entitlement that one must have to see it; null: anybody may.",
    "Product.attributes": "What the shop says of it, by name.",
    "Product.brand": "Whose make it is.",
    "Product.description": "Text for its page.",
    "Product.id": "Its id, which the shop chose.",
    "Product.media": "Its pictures and the like, in their order.",
    "Product.productType": "What kind of thing it is.",
    "Product.status": "`draft`, `active` or `archived`.",
    "Product.tags": "Words it can be found by.",
    "Product.variants": "What of it can be bought.",
    "Product.version": "It grows with every change.",
    "Promised.expectedOn": "The day they are expected; null: nobody knows.",
    "Promised.quantity": "Units that are not there yet.",
    "Mutation.refundOrder(cause)": "What kind of reason it is; the words go into `reason`.",
    "Refund.approveBy": "Until when a second person may allow it; null: none is needed.",
    "Refund.askedBy": "Who asked for it, by hand.",
    "Refund.cause": "What kind of reason they had.",
    "Refund.decidedBy": "Who allowed it, or did not.",
    "Refund.decision": "Why, in their words.",
    "Refund.amount": "What is given back; null: not known yet.",
    "Refund.id": "The refund's id.",
    "Refund.reason": "Why it failed, as a code.",
    "Refund.reasonDetail": "Why it was made, in the words of who asked.",
    "Scan.code": "The carrier's own code.",
    "Scan.description": "The carrier's own words.",
    "Scan.location": "Where it was seen.",
    "Scan.status": "What it means.",
    "Shipment.carrier": "Who takes it; null: not decided yet.",
    "Shipment.id": "The parcel's id.",
    "Shipment.location": "Where it leaves from.",
    "Shipment.shipBy": "When it must leave to arrive as promised.",
    "Shipment.trackingNumber": "The carrier's number of it.",
    "Shipment.trackingStatus": "Where it is, as the carrier said last.",
    "Shipment.trackingUrl": "The carrier's page about it.",
    "Shipment.waitsForStock": "Pieces of it are not there yet.",
    "ShipmentLine.cancelled": "Of them, pieces that do not go.",
    "ShipmentLine.quantity": "Pieces of it in the parcel.",
    "Standing.earlyAccessSeconds": "How long before others they may buy in a drop.",
    "Standing.entitlements": "What they may see and buy that others may not.",
    "Standing.freeShipping": "Whether sending costs them nothing.",
    "Standing.priceTier": "Whose prices they pay; null: everybody's.",
    "Standing.purchaseLimit": "How many of a thing they may buy a period; null: no limit.",
    "Standing.tier": "The tier of their membership; null: they have none.",
    "Variant.options": "What makes it this one, such as size and colour.",
    "Variant.productId": "The product it is of; null: it stands by itself.",
    "Variant.status": "`draft`, `active` or `archived`.",
    "Variant.taxClass": "The class of goods that it is taxed as.",
    "Variant.weightGrams": "Its weight in grams.",
    "Query.products(attributes)": "All of these; an attribute is a product's.",
    "Query.products(brands)": "Any of them.",
    "Query.products(options)": "All of these; an option is a variant's.",
    "Query.products(tags)": "All of them.",
    "Query.products(types)": "Any of them.",
    "Query.products(words)": "Words to be found in titles, descriptions, brands and tags.",
}
_ANYWHERE: dict[str, str] = {
    "actor": "Who did it.",
    "after": "Where the page begins: `endCursor` of the one before.",
    "country": "The market (ISO 3166-1, two letters).",
    "currency": "Of all amounts here (ISO 4217).",
    "cursor": "This one's place in the list.",
    "customerId": "The customer's number.",
    "edges": "Each with its cursor.",
    "everything": "Drafts and archived goods as well; not with a publishable key.",
    "first": "How many at most: 1 to 100.",
    "id": "Its id.",
    "idempotencyKey": "Names this one attempt: sent again, it is done once.",
    "lines": "What is in it.",
    "node": "What stands there.",
    "number": "The order's number.",
    "occurredAt": "When it happened.",
    "pageInfo": "Whether there is more.",
    "reason": "Why, for support; no personal data.",
    "secret": "The checkout's `secret`; needed with a publishable key.",
    "sku": "Which thing it is.",
    "state": "Where it stands.",
    "title": "As the shopper reads it.",
}


def put(schema: Schema, core: GraphQLSchema) -> None:
    """Give everything in the schema its words."""
    said = dict(_said(schema, core))
    for place, thing in places(core):
        name = place.rpartition("(")[2].rstrip(")") if "(" in place else place.rpartition(".")[2]
        thing.description = thing.description or OF.get(place) or said.get(place) or _ANYWHERE.get(name)


def places(core: GraphQLSchema) -> Iterator[tuple[str, Any]]:
    """Types, fields and arguments of ours, as `Order`, `Order.lines` and `Query.orders(first)`."""
    for name, kind in core.type_map.items():
        if name.startswith("__") or not isinstance(kind, GraphQLObjectType | GraphQLInputObjectType | GraphQLEnumType):
            continue
        yield name, kind
        if isinstance(kind, GraphQLEnumType):
            continue
        for label, field in kind.fields.items():
            yield f"{name}.{label}", field
            if isinstance(kind, GraphQLObjectType):
                yield from ((f"{name}.{label}({one})", argument) for one, argument in field.args.items())


def _said(schema: Schema, core: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """What classes and functions say of themselves."""
    for name in core.type_map:
        kind = schema.get_type_by_name(name)
        if isinstance(kind, StrawberryEnumDefinition):
            yield name, _text(kind.wrapped_cls)
        elif isinstance(kind, StrawberryObjectDefinition):
            yield name, _text(kind.origin)
            for one in kind.fields:
                if one.base_resolver is not None:
                    label = schema.config.name_converter.from_field(one)
                    yield f"{name}.{label}", _text(one.base_resolver.wrapped_func)


def _text(thing: object) -> str:
    return " ".join((thing.__doc__ or "").split())
