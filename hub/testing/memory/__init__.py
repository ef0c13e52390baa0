"""The hub in one process without a broker: its real agents on topics in memory, by a clock that is set. Begin with `MemoryHub`."""

from hub.testing.memory.agent import MemoryAgent
from hub.testing.memory.broker import CommittedRecord, MemoryBroker, RecordBatch
from hub.testing.memory.clock import SetClock
from hub.testing.memory.hub import MemoryHub

__all__ = ["CommittedRecord", "MemoryAgent", "MemoryBroker", "MemoryHub", "RecordBatch", "SetClock"]
