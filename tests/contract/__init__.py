"""The contract with Stripe: what the gateway promises, against the stand-in always and Stripe's test mode if asked.

`STRIPE_API_KEY=sk_test_… pytest tests/contract -m live` asks Stripe itself. Files named `test_stand_in_*` pull levers
that Stripe does not have.
"""
