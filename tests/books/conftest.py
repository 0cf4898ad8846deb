"""A stack of its own: a comparison of the books looks at every payment of the last day."""

from tests.own_stack import shop, stack, whole_shop

__all__ = ["shop", "stack", "whole_shop"]
