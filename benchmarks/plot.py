"""The picture of a run of `make bench`: throughput and latency at each number of shoppers, beside the floor."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

OURS, FLOOR = "#1f4e79", "#b0b7c0"


def draw(found: dict[str, Any], where: Path) -> None:
    """Write it to `where`, in the format of its suffix."""
    rows = found["checkouts"]
    shoppers = [str(row["at_once"]) for row in rows]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    rates, waits = figure.subplots(1, 2)
    for side, name, colour in ((-0.2, "floor", FLOOR), (0.2, "checkout", OURS)):
        places = [place + side for place in range(len(rows))]
        label = "checkout to placed order" if name == "checkout" else "floor: a bare workflow of the same shape"
        rates.bar(places, [row[name]["per_second"] for row in rows], width=0.4, color=colour, label=label)
        for share, width in (("p99", 0.1), ("p50", 0.4)):
            waits.bar(places, [row[name][share] for row in rows], width=width, color=colour)
    for place, row in enumerate(rows):
        ratio = row["checkout"]["per_second"] / row["floor"]["per_second"]
        rates.annotate(f"{ratio:.2f}", (place + 0.2, row["checkout"]["per_second"]), ha="center", va="bottom")
    for axes, title in ((rates, "a second, and the ratio"), (waits, "milliseconds: p50 wide, p99 narrow")):
        axes.set_xticks(range(len(rows)), shoppers)
        axes.set_xlabel("shoppers at once")
        axes.set_title(title, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    waits.set_yscale("log")
    figure.legend(*rates.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    figure.suptitle(f"{found['machine']}; commit {found['commit']}, {found['date']}", fontsize=8)
    figure.savefig(where, metadata={"Date": None} if where.suffix == ".svg" else None)
