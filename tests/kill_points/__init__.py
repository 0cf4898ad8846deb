"""The kill-point matrix: at every step that any process of an order takes, the worker dies, and nothing is lost."""
