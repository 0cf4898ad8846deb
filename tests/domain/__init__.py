"""The pure rules, by property."""
