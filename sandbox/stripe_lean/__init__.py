"""A stand-in for Stripe's API: payment intents with manual capture, test cards, 3-D Secure, idempotency keys, webhooks.

It keeps what Stripe documents (docs.stripe.com/api/payment_intents, /testing, /idempotency, /webhooks), as far as
Milepost uses it, and can be told to fail (`/_control/...`). Run it with `python -m sandbox.stripe_lean`.
"""
