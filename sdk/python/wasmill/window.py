"""Windows: events of a key that belong together by their time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import reading
from .answer import EVENT_TIME, NULL
from .span import Missing, Open, Shape, later
from .store import Key, Spec, Store, at_hand

if TYPE_CHECKING:
    from .run import Call, Timer

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Window(Generic[V]):
    """A window, and what is in it. As JSON it has `start`, `end` and `value`."""

    #: The key.
    key: bytes = field(metadata={"json": None})
    #: Milliseconds since the Unix epoch. Of a session, the time of its first event.
    start: int
    #: The end, which is not in it. Of a session, the time of its last event and the gap.
    end: int
    #: What the events in it made of it.
    value: V


@dataclass(frozen=True, slots=True)
class WindowUpdate(Generic[V]):
    """What an event came to."""

    #: What is to be sent: the windows that closed, or, with running results, those that the event is in.
    results: list[Window[V]]
    #: The event is in no window: those that it would have been in are closed.
    late: bool


@dataclass(slots=True)
class _Kept:
    """What is kept of a key: open windows in the order of their beginnings, and the time for which a timer is set."""

    windows: list[Open]
    wakes: int | None = None


class _KeptStore(Store[_Kept]):
    """Has what is kept of each key, with values of a type."""

    def __init__(self, index: int, spec: Spec, values: Any) -> None:
        super().__init__(index, spec, Any)
        self._value: reading.Convert = (lambda value: value) if values is Any else reading.converter(values)
        if values is not Any:
            # Numbers are read with all of their digits.
            self._convert = lambda kept: kept

    def _encode(self, value: _Kept) -> bytes:
        windows = [{"start": window.start, "end": window.end, "value": window.value} for window in value.windows]
        return super()._encode({"windows": windows} if value.wakes is None else {"windows": windows, "wakes": value.wakes})  # type: ignore[arg-type]

    def _read(self, value: bytes) -> _Kept:
        kept: Any = super()._read(value)
        try:
            windows = [Open(window["start"], window["end"], self._value(window["value"])) for window in kept["windows"]]
            return _Kept(windows, kept.get("wakes"))
        except (KeyError, TypeError) as error:
            raise reading.Mismatch(f"they are no windows ({error!r})") from None


class Windows(Generic[V]):
    """A value for each key and window, made of the events whose timestamps are in it, and kept as JSON.

    A window closes when stream time is as far as its end, and as much further as its grace. Its result comes out then, once and
    for good: right away where an event of the same key comes, or else by a timer, so the plugin's `on_timer` must call `on_timer`.
    With running results there is one with each event instead. Either way they depend on the events alone: not on the wall clock, nor
    on how events are cut into calls.

        def setup(self, settings: NoSettings, wiring: Wiring) -> None:
            wiring.input("orders")
            self.orders = wiring.tumbling("orders-a-minute", "1 min", int, grace="5 s")
            self.rates = wiring.sink("rates")

        def process(self, event: Event, ctx: Context) -> None:
            update = self.orders.update(event.key or b"", lambda orders: orders + 1, 0)
            self.send(update.results, ctx)

        def on_timer(self, timer: Timer, ctx: Context) -> None:
            self.send(self.orders.on_timer(timer), ctx)

        def send(self, windows: list[Window[int]], ctx: Context) -> None:
            for window in windows:
                ctx.emit(self.rates, key=window.key, timestamp=window.end, json=window)
    """

    def __init__(self, index: int, spec: Spec, values: Any, shape: Shape, grace: int, running: bool) -> None:
        self._store = _KeptStore(index, spec, values)
        self._shape = shape
        self._grace = grace
        self._running = running

    @property
    def name(self) -> str:
        """The name that they were declared with."""
        return self._store.name

    def update(self, key: Key, change: Callable[[V], V], default: V) -> WindowUpdate[V]:
        """Writes what `change` makes of each window of a key that the event at hand is in, or of a copy of the default where it is new."""

        def next_value(value: Any) -> V:
            made = change(copy.deepcopy(default) if value is Missing else value)
            if made is None:
                raise TypeError(f"the function given to `update` of the windows `{self.name}` answers the new value, and answered None")
            return made

        call, content = at_hand(self._store), _bytes(key)
        kept = self._kept(content)
        closed = self._close(kept, call.stream_time)
        time = call.answer.source_timestamps[call.source]
        changed = self._shape.add(kept.windows, time, lambda end: self._is_closed(end, call.stream_time), next_value)
        results = changed if self._running else closed
        if changed or results:
            self._keep(call, content, kept)
        return WindowUpdate(_windows(content, results), not changed)

    def on_timer(self, timer: Timer) -> list[Window[V]]:
        """The windows that a timer closed; none if it is another's."""
        call, start = at_hand(self._store), self._timer_key(b"")
        if timer.clock != EVENT_TIME or not timer.key.startswith(start):
            return []
        key = timer.key[len(start) :]
        kept = self._kept(key)
        if not kept.windows:
            return []
        # It is gone; a session may have grown since it was set.
        kept.wakes = None
        closed = self._close(kept, call.stream_time)
        self._keep(call, key, kept)
        return _windows(key, closed)

    def open(self, key: Key) -> list[Window[V]]:
        """The windows of a key that are open."""
        content = _bytes(key)
        kept = self._kept(content)
        self._close(kept, at_hand(self._store).stream_time)
        return _windows(content, kept.windows)

    def _kept(self, key: bytes) -> _Kept:
        return self._store.get(key) or _Kept([])

    def _close(self, kept: _Kept, stream_time: int) -> list[Open]:
        """Takes out what is closed."""
        closed = [window for window in kept.windows if self._is_closed(window.end, stream_time)]
        if closed:
            kept.windows = [window for window in kept.windows if not self._is_closed(window.end, stream_time)]
        return closed

    def _is_closed(self, end: int, stream_time: int) -> bool:
        return later(end, self._grace) <= stream_time

    def _keep(self, call: Call, key: bytes, kept: _Kept) -> None:
        # Running results need no end: what nobody touches any more is gone by the store's TTL.
        if not self._running:
            following = min((later(window.end, self._grace) for window in kept.windows), default=None)
            if following is None:
                if kept.wakes is not None:
                    self._set_timer(call, key, NULL)
            elif kept.wakes is None or following < kept.wakes or kept.wakes <= call.stream_time:
                # One that is set for an earlier time will see for itself.
                self._set_timer(call, key, max(following, 0))
                kept.wakes = following
        if kept.windows:
            self._store[key] = kept
        else:
            self._store.pop(key, None)

    def _set_timer(self, call: Call, key: bytes, at: int) -> None:
        call.answer.timers.append((call.source, EVENT_TIME, self._timer_key(key), at))

    def _timer_key(self, key: bytes) -> bytes:
        """Its timers begin with its name, so that several in a plugin tell theirs apart."""
        return self.name.encode() + b"\0" + key


def _bytes(key: Key) -> bytes:
    return key.encode() if isinstance(key, str) else key


def _windows(key: bytes, windows: list[Open]) -> list[Window[Any]]:
    return [Window(key, window.start, window.end, window.value) for window in windows]
