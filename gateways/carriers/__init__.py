"""Carriers: one file each, all with the same face."""
