"""Tests of the books: what Stripe has of each payment, beside what we have; on a stack of their own."""
