"""The same worlds as the tests of faults play in."""

from tests.faults.conftest import nursery, world, worlds

__all__ = ["nursery", "world", "worlds"]
