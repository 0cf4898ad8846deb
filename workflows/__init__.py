"""The processes, one file each. A workflow decides; an activity does."""
