"""Measured figures, always as a ratio to a floor of the same run: machines are noisy and shared."""
