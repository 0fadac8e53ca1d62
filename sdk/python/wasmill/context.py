"""What a handler does: outputs and timers, and where and when it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from . import reading
from .answer import EVENT_TIME, NULL, SAME, WALL_CLOCK
from .failure import Reject
from .run import Call
from .wiring import Sink

#: The headers of the W3C's Trace Context, which belong to whatever comes of an event.
_TRACE = (b"traceparent", b"tracestate")


class _Unset:
    def __repr__(self) -> str:
        return "the event's own"


_SAME: Any = _Unset()

Headers = Mapping[str, str | bytes | None] | Iterable[tuple[str, str | bytes | None]]


class Context:
    """Takes the outputs of an event, sets timers, and knows where and when the call runs."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    @property
    def partition(self) -> int:
        """The partition number of the task."""
        return self._call.partition

    @property
    def timestamp(self) -> int:
        """The timestamp of the event at hand, or the time that the timer at hand was set for: milliseconds since the Unix epoch."""
        return self._call.answer.source_timestamps[self._call.source]

    @property
    def now(self) -> int:
        """Wall clock, milliseconds since the Unix epoch: the same for all events of a call."""
        return self._call.now

    @property
    def stream_time(self) -> int:
        """The greatest event timestamp that the task has seen, this event's included. Those too far ahead of the wall clock do not count."""
        return self._call.stream_time

    def forward(self, sink: Sink) -> None:
        """Passes the event on as it is: key, value, headers and timestamp. Nothing is copied."""
        call = self._call
        run = call.run
        call.answer.push(call.source, _index(sink), SAME, SAME, NULL, None, None if run is not None and run.header_columns[0] else [])

    def emit(
        self,
        sink: Sink,
        *,
        json: Any = _SAME,
        value: str | bytes | None = _SAME,
        key: str | bytes | None = _SAME,
        headers: Headers = (),
        keep_headers: bool = False,
        timestamp: int | datetime | None = None,
        partition: int | None = None,
    ) -> None:
        """Sends an output, with a value in JSON (dataclasses and decimals included), or with text or bytes; None is a tombstone.

        It has the event's key, value and timestamp unless others are given; its partition is found by the key, and its headers are
        those that are given. `keep_headers`: all of the event's, before these. The trace of the event, its headers `traceparent` and
        `tracestate`, is passed on where present. In `on_timer` an output has the timer's key and time."""
        call = self._call
        if json is not _SAME and value is not _SAME:
            raise TypeError("an output has either `json` or `value`")
        if json is not _SAME:
            try:
                content: bytes | int = reading.dump(json)
            except (TypeError, ValueError) as error:
                raise Reject("not-json", f"the output cannot be written as JSON: {error}") from None
        else:
            content = _field(value, "the value of an output")
        at = None if timestamp is None else _time(timestamp)
        number = NULL if partition is None else partition
        if not isinstance(number, int) or not NULL <= number < 1 << 31:
            raise TypeError(f"the partition of an output is {partition!r}")
        call.answer.push(call.source, _index(sink), _field(key, "the key of an output"), content, number, at, self._headers(headers, keep_headers))

    def set_timer(self, key: str | bytes, at: int | datetime, clock: str = EVENT_TIME) -> None:
        """Has `on_timer` called with this key when a clock says `at` (milliseconds since the Unix epoch, or a datetime): "event-time"
        is the task's stream time, and the timer fires right after the event that moved it so far; "wall-clock" is the host's.

        There is one timer a key and clock: another one takes its place. A plugin that sets timers declares a store."""
        self._timer(key, max(_time(at), 0), clock)

    def cancel_timer(self, key: str | bytes, clock: str = EVENT_TIME) -> None:
        """Takes back the timer of this key and clock, if there is one."""
        self._timer(key, NULL, clock)

    def _timer(self, key: str | bytes, at: int, clock: str) -> None:
        if clock not in (EVENT_TIME, WALL_CLOCK):
            raise ValueError(f'a timer goes by "event-time" or "wall-clock", not by {clock!r}')
        if not self._call.has_stores:
            raise TypeError("a plugin that sets timers declares a store, which they are kept with")
        content = _field(key, "the key of a timer")
        if not isinstance(content, bytes):
            raise TypeError("a timer has a key")
        self._call.answer.timers.append((self._call.source, clock, content, at))

    def _headers(self, headers: Headers, keep: bool) -> list[tuple[bytes, bytes | None]] | None:
        """None: those of the event, all of them."""
        run = self._call.run
        source = [] if run is None else run.headers(self._call.source)
        if not source and not headers:
            return []
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        own = [(name.encode(), None if value is None else _bytes(value, "the value of a header")) for name, value in pairs]
        if keep:
            return source + own if own or not source else None
        # An author who names one of the two starts a trace of his own: the other would not belong to it.
        if any(name in _TRACE for name, _ in own):
            return own
        return own + [header for header in source if header[0] in _TRACE]


def _index(sink: Sink) -> int:
    if not isinstance(sink, Sink):
        raise TypeError(f"a sink is what `wiring.sink` gave, and this is {sink!r}")
    return sink.index


def _field(value: Any, what: str) -> bytes | int:
    if value is _SAME:
        return SAME
    return NULL if value is None else _bytes(value, what)


def _bytes(value: Any, what: str) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise TypeError(f"{what} is text, bytes or None, not {type(value).__name__}")


def _time(time: int | datetime) -> int:
    if isinstance(time, datetime):
        if time.tzinfo is None:
            raise TypeError("a datetime without a time zone is no point in time: say datetime(…, tzinfo=timezone.utc)")
        return round(time.timestamp() * 1000)
    if isinstance(time, int):
        return time
    raise TypeError(f"a time is milliseconds since 1970, a whole number, or a datetime, not {type(time).__name__}")
