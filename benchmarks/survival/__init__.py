"""`make chaos`: many shoppers, and every part of the system killed, frozen and cut off under them, from a seed.

`shoppers.py` is what people do, `trouble.py` what goes wrong, `healing.py` the end of it, `verdict.py` what must hold.
"""
