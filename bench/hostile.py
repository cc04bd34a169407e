"""Payees that mean harm, as code for an account."""

BURNS_GAS = "0x5b5f56"
"""Jumps in a circle until the gas is gone."""
REVERTS = "0x5f5ffd"
RETURNS_MUCH = "0x620177005ff3"
"""Takes the Ether and returns 96,000 bytes, about the most that its gas can buy."""
NO_CODE = "0x"
