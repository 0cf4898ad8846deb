"""`make bench-growth`: what an order and what reading cost as the database fills, and whether processes grow.

`copies.py` fills the tables, `looks.py` asks the API, `costs.py` counts what orders take, `memory.py` what stays.
"""
