"""What the audit promises of refunds by hand: as much as was asked for, with a second person where one is needed."""

REFUND_CHECKS = {
    "refunds: nothing goes back that nobody allowed": """
        SELECT q.refund_id, 'request is ' || q.state || ', a refund of ' || f.amount_minor || ' is ' || f.state
        FROM refund_requests q
        JOIN payment_operations f ON f.tenant_id = q.tenant_id AND f.payment_id = q.payment_id AND f.kind = 'refund'
          AND f.reference = q.refund_id AND f.state <> 'failed'
        WHERE q.state IN ('awaiting_approval', 'declined', 'expired')""",
    "refunds: a large one has its second person": """
        SELECT refund_id, amount_minor || ' asked for by ' || actor || ', allowed by ' || coalesce(decided_by, 'nobody')
        FROM refund_requests WHERE needs_second AND state IN ('approved', 'failed')
          AND (decided_by IS NULL OR decided_by = actor)""",
    "refunds: what goes back is what was asked for": """
        SELECT q.refund_id, q.amount_minor || ' asked for, ' || f.amount_minor || ' ' || f.state
        FROM refund_requests q
        JOIN payment_operations f ON f.tenant_id = q.tenant_id AND f.payment_id = q.payment_id AND f.kind = 'refund'
          AND f.reference = q.refund_id AND f.state <> 'failed'
        WHERE q.amount_minor <> f.amount_minor""",
}
