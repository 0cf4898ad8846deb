"""Tests in which days pass, on a stack of their own: Stripe's clock is moved, and with it everything that is held."""
