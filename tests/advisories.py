"""Known vulnerabilities of what `requirements.lock` holds, and of which packages nobody could be asked.

.venv/bin/python -m tests.advisories                                # asks the package index
.venv/bin/python -m tests.advisories --vulnerability-service osv    # asks OSV; arguments are pip-audit's

Exit code 1 for a vulnerability; 0 when none is known of those that could be asked about. pip-audit by itself says "no
known vulnerabilities" of an index that knows none of the packages, as a mirror does, and that is no answer.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

LOCK = Path(__file__).resolve().parents[1] / "requirements.lock"


class Told(NamedTuple):
    """What the service said: packages asked about, packages it could not say anything of, and what it knows."""

    asked: int
    unknown: list[str]
    found: list[str]


def told(answer: dict[str, Any]) -> Told:
    """pip-audit's JSON, read. Shape: `{"dependencies": [{"name", "version", "vulns"} | {"name", "skip_reason"}]}`."""
    every = answer["dependencies"]
    found = [
        f"{one['name']} {one['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no version'}"
        for one in every
        for flaw in one.get("vulns", ())
    ]
    unknown = [one["name"] for one in every if "skip_reason" in one]
    return Told(len(every) - len(unknown), unknown, found)


def main() -> int:
    """Ask, and say what came of it."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", *sys.argv[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        answer = told(json.loads(done.stdout))
    except json.JSONDecodeError:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        sys.stdout.write(f"NOT ASKED: the advisory service cannot be reached. {last[0][:300]}\n")
        return 0
    if answer.unknown:
        sys.stdout.write(f"NOT ASKED, because the index has no advisories of them: {', '.join(answer.unknown)}\n")
    for line in answer.found:
        sys.stdout.write(f"VULNERABLE: {line}\n")
    sys.stdout.write(
        f"{answer.asked} packages asked about, {len(answer.unknown)} not, {len(answer.found)} flaws known\n"
    )
    return 1 if answer.found else 0


if __name__ == "__main__":
    sys.exit(main())
