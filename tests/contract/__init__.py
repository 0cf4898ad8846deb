"""The contract with Stripe: what the gateway promises, against the stand-in always and Stripe's test mode if asked."""
