"""
Doubles for the tests of those who use this package.
"""

from .cluster import MemoryCluster
from .network import MemoryNetwork
from .recording import Recorded, RecordingProducer

__all__ = ["MemoryCluster", "MemoryNetwork", "Recorded", "RecordingProducer"]
