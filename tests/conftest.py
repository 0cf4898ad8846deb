"""What all tests share: property tests are not timed, because a pause of a busy machine is no failure.

A test may show something beneath the summary: `record_property(SHOWN, text)`. It reaches it from another process too.
"""

from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent
SHOWN = "shown"
LONGEST = (
    "kill_points/test_kill_points.py",
    "faults/test_life_table.py",
    "faults/test_random_lives.py",
    "cost/test_cost.py",
    "faults/test_member_faults.py",
    "survival/test_short_chaos.py",
    "faults/test_fault_table.py",
    "growth/test_plans.py",
    "faults/test_day.py",
    "workflows/test_versions.py",
    "models/test_stock_machine.py",
)
"""They come first: at the end each would be waited for alone, with a core idle."""
STACKS = frozenset({"stack", "postgres"})

settings.register_profile("milepost", deadline=None)
settings.load_profile("milepost")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; and what asks for the stack, or its database, can be left out: `-m "not stack"`."""
    turns = {HERE / name: turn for turn, name in enumerate(LONGEST)}
    items.sort(key=lambda item: turns.get(item.path, len(turns)))
    for item in items:
        if isinstance(item, pytest.Function) and not STACKS.isdisjoint(item.fixturenames):
            item.add_marker(pytest.mark.stack)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have to show, whether they passed or not."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, text in getattr(report, "user_properties", ()):
                if name == SHOWN and report.when == "call":
                    terminalreporter.write_line(f"\n{text}")
