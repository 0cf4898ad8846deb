"""What an advisory service did not say is not taken for "no vulnerability known"."""

from tests.advisories import told


def test_a_flaw_and_a_package_nobody_knows_are_told_apart() -> None:
    flaw = {"id": "PYSEC-2026-1", "fix_versions": ["2.0"], "aliases": [], "description": ""}
    answer = told(
        {
            "dependencies": [
                {"name": "a", "version": "1.0", "vulns": [flaw]},
                {"name": "b", "version": "1.0", "vulns": []},
                {"name": "c", "skip_reason": "Dependency not found"},
            ],
            "fixes": [],
        }
    )
    assert (answer.asked, answer.unknown, answer.found) == (2, ["c"], ["a 1.0: PYSEC-2026-1, mended in 2.0"])
