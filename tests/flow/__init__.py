"""Whole paths through the real parts: Temporal, PostgreSQL, the API, a worker, and the stand-ins outside."""
