"""Rounds of the market under faults, for as long as one asks."""
