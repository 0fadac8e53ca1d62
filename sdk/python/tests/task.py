"""One task of a plugin, with what the host has of it: stores, timers, stream time. Events go in and effects come out as columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from .host import Entry, Err, batch, cut, host, types
from wasmill import Plugin, guest

Header = tuple[str, bytes | None]
_CLOCKS = {types.Clock.EVENT_TIME: "event-time", types.Clock.WALL_CLOCK: "wall-clock"}
_NAMED = {name: clock for clock, name in _CLOCKS.items()}


@dataclass
class Event:
    """An event of a test."""

    key: bytes | str | None = None
    value: bytes | str | None = None
    timestamp: int = 0
    headers: Sequence[Header] = ()


@dataclass
class Output:
    """An output as it would be sent."""

    #: The number of the event that caused it; of a timer, that of the event that made it due.
    event: int
    timer: bytes | None
    sink: str
    key: bytes | None
    value: bytes | None
    timestamp: int
    partition: int
    headers: list[Header]


@dataclass
class Failed:
    """An event that failed."""

    event: int
    kind: str
    code: str
    message: str
    detail: str | None


@dataclass
class Came:
    """What came of some events."""

    outputs: list[Output] = field(default_factory=list)
    failures: list[Failed] = field(default_factory=list)
    calls: list[Any] = field(default_factory=list)

    def json(self) -> list[Any]:
        """The values of the outputs; nothing has failed."""
        assert not self.failures, self.failures
        return [json.loads(output.value or b"") for output in self.outputs]


class Task:
    """A plugin at work."""

    def __init__(self, plugin: type[Plugin[Any]], settings: dict[str, Any] | None = None, events_a_call: int = 500) -> None:
        self.settings = json.dumps(settings or {})
        self.events_a_call = events_a_call
        self.timers: dict[tuple[str, bytes], int] = {}
        self.stream_time = -1
        self.now = 0
        self.latest = (1 << 63) - 1
        self.lifecycle, self.processor = (exported() for exported in exports(plugin))
        self.restart()
        host.stores = [{} for _ in self.wiring.stores]
        host.asked = []
        host.most = 1 << 30

    def restart(self) -> None:
        """Puts a fresh instance in the place of the one at work."""
        self.wiring = self.lifecycle.configure(self.settings)

    def send(self, *events: Event) -> Came:
        """Has events handled."""
        came, first = Came(), 0
        while first < len(events):
            # A run ends at a timer that is due.
            last, time = first, self.stream_time
            while True:
                time = max(time, events[last].timestamp)
                last += 1
                if last == len(events) or last - first == self.events_a_call or time >= self._next_timer():
                    break
            self.handle(_Run(events[first:last]), came, first)
            first += came.calls[-1].done
            self.fire(came, first - 1)
        return came

    def handle(self, run: _Run, came: Came, first: int) -> None:
        """Has a run of events handled in one call."""
        effects = self.processor.process_batch(run.columns(self._task()))
        times = []
        for timestamp in run.timestamps[: effects.done]:
            if timestamp <= self.latest:
                self.stream_time = max(self.stream_time, timestamp)
            times.append(self.stream_time)
        self._apply(effects, run, times, came, lambda source: first + source)

    def fire(self, came: Came, event: int) -> None:
        """Has the timers handled that are due, in the order of their times."""
        while True:
            clocks = {"event-time": self.stream_time, "wall-clock": self.now}
            due = sorted((at, key, clock) for (clock, key), at in self.timers.items() if at <= clocks[clock])
            if not due:
                return
            effects = self.processor.process_timers(self._task(), [types.Timer(key, at, _NAMED[clock]) for at, key, clock in due])
            for _, key, clock in due[: effects.done]:
                del self.timers[clock, key]
            run = _Run([Event(key, None, at) for at, key, _ in due])
            self._apply(effects, run, [self.stream_time] * len(due), came, lambda _: event, [key for _, key, _ in due])

    def entries(self, name: str) -> dict[bytes, bytes]:
        """What a store has; entries that are over, too."""
        index = next(index for index, store in enumerate(self.wiring.stores) if store.name == name)
        return {key: entry.value for key, entry in host.stores[index].items()}

    def _task(self) -> Any:
        return batch.Task(3, self.now, self.stream_time, self.latest)

    def _next_timer(self) -> float:
        return min((at for (clock, _), at in self.timers.items() if clock == "event-time"), default=float("inf"))

    def _apply(
        self, effects: Any, run: _Run, times: list[int], came: Came, event: Callable[[int], int], due: list[bytes] | None = None
    ) -> None:
        came.calls.append(effects)
        fields = [length for pair in zip(effects.key_lengths, effects.value_lengths) for length in pair]
        parts = cut(effects.data, fields)
        header_lengths = [length for pair in zip(effects.headers.name_lengths, effects.headers.value_lengths) for length in pair]
        headers, taken = cut(effects.headers.data, header_lengths), 0
        for index, source in enumerate(effects.sources):
            same = (run.events[source].key, run.events[source].value)
            key, value = (_bytes(same[side]) if fields[2 * index + side] == -2 else parts[2 * index + side] for side in (0, 1))
            count = effects.headers.counts[index] if effects.headers.counts else 0
            own = list(run.events[source].headers) if count == -2 else []
            for number in range(taken, taken + max(count, 0)):
                own.append(((headers[2 * number] or b"").decode(), headers[2 * number + 1]))
            taken += max(count, 0)
            came.outputs.append(
                Output(
                    event(source),
                    due and due[source],
                    self.wiring.sinks[effects.sinks[index]].name,
                    key,
                    value,
                    effects.timestamps[index] if effects.timestamps else run.timestamps[source],
                    effects.partitions[index] if effects.partitions else -1,
                    own,
                )
            )
        for source, failure in effects.failures:
            reason = failure.value
            kind = type(failure).__name__.removeprefix("Failure_").lower()
            came.failures.append(Failed(event(source), kind, reason.code, reason.message, reason.detail))
        writes = effects.writes
        parts = cut(writes.data, [length for pair in zip(writes.key_lengths, writes.value_lengths) for length in pair])
        for index, store in enumerate(writes.stores):
            key, value = parts[2 * index], parts[2 * index + 1]
            if value is None:
                host.stores[store].pop(key, None)
            else:
                host.stores[store][key] = Entry(value, times[writes.sources[index]])
        timers = effects.timers
        for clock, at, key in zip(timers.clocks, timers.at, cut(timers.keys, timers.key_lengths)):
            if at < 0:
                self.timers.pop((_CLOCKS[clock], key), None)
            else:
                self.timers[_CLOCKS[clock], key] = at


class _Run:
    """Events as the columns of a call."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.timestamps = [event.timestamp for event in events]

    def columns(self, task: Any) -> Any:
        keys = [_bytes(event.key) for event in self.events]
        values = [_bytes(event.value) for event in self.events]
        headers = [(name.encode(), value) for event in self.events for name, value in event.headers]
        return batch.Batch(
            task,
            0,
            "in",
            [100 + index for index in range(len(keys))],
            self.timestamps,
            [_length(key) for key in keys],
            [_length(value) for value in values],
            b"".join((key or b"") + (value or b"") for key, value in zip(keys, values)),
            batch.Headers(
                [len(event.headers) for event in self.events] if headers else [],
                [len(name) for name, _ in headers],
                [_length(value) for _, value in headers],
                b"".join(name + (value or b"") for name, value in headers),
            ),
        )


def exports(*plugins: type[Plugin[Any]]) -> tuple[type, type]:
    """What a module exports in which these stand."""
    module = ModuleType("plugin")
    for plugin in plugins:
        plugin.__module__ = "plugin"
        setattr(module, plugin.__name__, plugin)
    return guest.exported(module, "name", "0.1.0", "what it does", None)


def refusal(plugin: type[Plugin[Any]], settings: str = "{}") -> str:
    """What is wrong with a plugin, or its settings."""
    lifecycle = exports(plugin)[0]()
    try:
        lifecycle.configure(settings)
    except Err as error:
        return str(error.value)
    raise AssertionError("it was not refused")


def _bytes(field: bytes | str | None) -> bytes | None:
    return field.encode() if isinstance(field, str) else field


def _length(field: bytes | None) -> int:
    return -1 if field is None else len(field)
