"""Python's cyclic garbage collector, told what kind of process this is."""

import gc

YOUNG, MIDDLE, OLD = 20_000, 20, 2
"""The last decides when what has grown old is looked through. A workflow that a worker has forgotten is a circle, and
old: with 20 a worker kept those of 8,000 orders, 600 MB, until it looked."""


def spare_what_stays() -> None:
    """Once everything is imported and opened: what is here stays, and is not looked through again and again.

    With Python's own thresholds (700, 10, 10) the collector took a tenth of an API process's time under load, nearly
    all of it on modules, classes and routes that live as long as the process (docs.python.org/3/library/gc.html).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
