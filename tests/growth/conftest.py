"""A stack of its own: its tables hold many copies of one order, which no other test wants."""

from tests.own_stack import stack, whole_shop

__all__ = ["stack", "whole_shop"]
