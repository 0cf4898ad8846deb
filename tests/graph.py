"""GraphQL's committed schema (docs/schema.graphql): written here, and compared for what would break a caller."""

import sys
from pathlib import Path

from graphql import build_schema
from graphql.utilities import find_breaking_changes

from api.graph.schema import SCHEMA

FILE = Path(__file__).resolve().parents[1] / "docs" / "schema.graphql"


def described() -> str:
    """What the code says."""
    return SCHEMA.as_str() + "\n"


def breaks(known: str, current: str) -> list[str]:
    """What a caller of the known schema would miss in the current one."""
    changes = find_breaking_changes(build_schema(known), build_schema(current))
    return sorted(one.description for one in changes)


def main() -> int:
    """Write the file, unless it breaks somebody."""
    broken = breaks(FILE.read_text(), described()) if FILE.exists() else []
    for line in broken:
        sys.stderr.write(f"breaks callers: {line}\n")
    if broken and "--breaking" not in sys.argv:
        return 1
    FILE.write_text(described())
    return 0


if __name__ == "__main__":
    sys.exit(main())
