"""A stack of its own: moving Stripe's clock makes every authorization of a shared one lapse."""

from tests.own_stack import shop, stack, whole_shop

__all__ = ["shop", "stack", "whole_shop"]
