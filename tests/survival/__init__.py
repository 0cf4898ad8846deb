"""A short chaos: the crowd of `make chaos`, small, on every change."""
