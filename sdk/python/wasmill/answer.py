"""What a call did, as columns that grow event by event."""

from __future__ import annotations

from .failure import Failure

NULL = -1
SAME = -2

EVENT_TIME = "event-time"
WALL_CLOCK = "wall-clock"


class Answer:
    """The optional columns stay empty until an output needs them, and are then filled up for the outputs before it."""

    def __init__(self, source_timestamps: list[int]) -> None:
        self.source_timestamps = source_timestamps
        self.done = 0
        self.sources: list[int] = []
        self.sinks: list[int] = []
        self.partitions: list[int] = []
        self.timestamps: list[int] = []
        self.key_lengths: list[int] = []
        self.value_lengths: list[int] = []
        self.data: list[bytes] = []
        self.header_counts: list[int] = []
        self.headers: list[tuple[bytes, bytes | None]] = []
        # source, store, key, value
        self.writes: list[tuple[int, int, bytes, bytes | None]] = []
        # source, clock, key, at
        self.timers: list[tuple[int, str, bytes, int]] = []
        self.failures: list[tuple[int, Failure]] = []

    def push(
        self,
        source: int,
        sink: int,
        key: bytes | int,
        value: bytes | int,
        partition: int,
        timestamp: int | None,
        headers: list[tuple[bytes, bytes | None]] | None,
    ) -> None:
        """Adds an output. A key or value of NULL or SAME is what it says; headers of None are those of the source."""
        before = len(self.sources)
        if partition != NULL or self.partitions:
            self.partitions.extend([NULL] * (before - len(self.partitions)))
            self.partitions.append(partition)
        if timestamp is not None or self.timestamps:
            missing = self.sources[len(self.timestamps) :]
            self.timestamps.extend(self.source_timestamps[other] for other in missing)
            self.timestamps.append(self.source_timestamps[source] if timestamp is None else timestamp)
        if headers is None or headers or self.header_counts:
            self.header_counts.extend([0] * (before - len(self.header_counts)))
            self.header_counts.append(SAME if headers is None else len(headers))
            self.headers.extend(headers or ())
        self.sources.append(source)
        self.sinks.append(sink)
        self.key_lengths.append(self._field(key))
        self.value_lengths.append(self._field(value))

    def _field(self, field: bytes | int) -> int:
        if isinstance(field, int):
            return field
        self.data.append(field)
        return len(field)

    def take_back(self, source: int) -> None:
        """Forgets what an event, the last one, has done."""
        while self.sources and self.sources[-1] == source:
            self.sources.pop()
            self.sinks.pop()
            for lengths in (self.key_lengths, self.value_lengths):
                if lengths.pop() >= 0:
                    self.data.pop()
            outputs = len(self.sources)
            if len(self.header_counts) > outputs:
                count = self.header_counts.pop()
                if count > 0:
                    del self.headers[-count:]
            del self.partitions[outputs:], self.timestamps[outputs:]
        while self.timers and self.timers[-1][0] == source:
            self.timers.pop()

    def earliest(self, first: int) -> float:
        """The earliest time that the timers from the number `first` on are set for on event time."""
        times = (at for _, clock, _, at in self.timers[first:] if clock == EVENT_TIME and at >= 0)
        return min(times, default=float("inf"))

    def disturbs(self, first: int, follow: list[tuple[str, bytes]], now: int, stream_time: int) -> bool:
        """Whether the timers from the number `first` on are due already, or one of those that follow: a run of timers ends there."""
        for _, clock, key, at in self.timers[first:]:
            time = stream_time if clock == EVENT_TIME else now
            if 0 <= at <= time or (clock, key) in follow:
                return True
        return False
