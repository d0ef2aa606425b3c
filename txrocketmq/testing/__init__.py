"""
Doubles for the tests of those who use this package.
"""

from .cluster import MemoryCluster
from .network import MemoryNetwork

__all__ = ["MemoryCluster", "MemoryNetwork"]
