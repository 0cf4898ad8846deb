"""Whether a variant may be sold at this moment, as SQL for the statement that prices a cart."""

FOR_SALE = """(v.status = 'active' AND (v.product_id IS NULL OR (p.status = 'active'
    AND coalesce(p.publish_at <= now(), true) AND coalesce(now() < p.unpublish_at, true))))"""
"""Of a variant `v` and its product `p`, outer-joined: `domain.catalog.Listing.on_sale`, by the transaction's clock.

`p.access` beside it is the entitlement that a shopper needs. A variant without a product is sold as it is.
"""
