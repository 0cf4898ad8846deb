"""A full database: who looks, and who buys, reads by an index; no table of orders is read from end to end."""
