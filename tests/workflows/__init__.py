"""Workflows by themselves, on the real Temporal server."""
