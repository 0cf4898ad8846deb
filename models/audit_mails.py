"""What the audit promises of e-mails: whoever is to be told of something has one, and none waits for long."""

WAITS = "mails: none waits for long"
"""Not looked at where there is no mail server: there they all wait, as `docs/tracking.md` says."""

MAIL_CHECKS = {
    "mails: what a customer is to be told of has its e-mail": """
        SELECT e.checkout_id, e.type || ' has no e-mail ' || mail_of(e.type, e.data)
        FROM events e WHERE mail_of(e.type, e.data) IS NOT NULL
          AND (EXISTS (SELECT FROM checkouts c WHERE c.tenant_id = e.tenant_id AND c.checkout_id = e.checkout_id)
            OR EXISTS (SELECT FROM memberships m WHERE m.tenant_id = e.tenant_id AND m.membership_id = e.checkout_id))
          AND NOT EXISTS (SELECT FROM mails x WHERE x.tenant_id = e.tenant_id AND x.checkout_id = e.checkout_id
            AND x.milestone = mail_of(e.type, e.data) AND x.part = mail_part(e.type, e.data))""",
    WAITS: """
        SELECT milestone, count(*) || ' due for more than an hour, and nobody sends them; one is of '
          || min(checkout_id)
        FROM mails WHERE state = 'pending' AND due_at < now() - interval '1 hour' GROUP BY milestone""",
}
