"""Clients of outside systems, each behind a small typed face."""
