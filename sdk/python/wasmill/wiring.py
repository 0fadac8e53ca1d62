"""The doors of a plugin, and what it remembers in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, overload

from .span import Fixed, Sessions, Shape
from .store import BytesStore, Spec, Store
from .window import Windows

V = TypeVar("V")

_UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


Duration = int | str | timedelta


def duration(time: Duration) -> int:
    """Milliseconds of `"10 min"`, of a timedelta, or of a number of them."""
    return _milliseconds(time, 1)


def _milliseconds(time: Duration, least: int) -> int:
    if isinstance(time, timedelta):
        found = time // timedelta(milliseconds=1)
    elif isinstance(time, str):
        match = re.fullmatch(r"(\d+) *(ms|s|min|h|d)", time)
        found = int(match[1]) * _UNITS[match[2]] if match else -1
    else:
        found = time
    if found < least:
        raise ValueError(f'{time!r} is no duration: milliseconds, a timedelta, or a text as "10 min" (ms, s, min, h, d)')
    return found


@dataclass(frozen=True)
class Input:
    """An input, as `Wiring.input` declares it. `event.input is self.orders` tells where an event came in."""

    index: int
    name: str
    topic: str


@dataclass(frozen=True)
class Sink:
    """A sink, as `Wiring.sink` declares it: where outputs go."""

    index: int
    name: str
    topic: str
    last_of_commit: bool


class Wiring:
    """Where a plugin declares its inputs, sinks and stores. The configuration may give inputs and sinks other topics."""

    def __init__(self) -> None:
        self._inputs: list[Input] = []
        self._sinks: list[Sink] = []
        self._stores: list[Store[Any]] = []

    def input(self, name: str, *, topic: str | None = None) -> Input:
        """Declares an input, which reads the topic of the same name unless another is given."""
        declared = Input(len(self._inputs), name, topic or name)
        self._inputs.append(declared)
        return declared

    def sink(self, name: str, *, topic: str | None = None, last_of_commit: bool = False) -> Sink:
        """Declares a sink, which writes to the topic of the same name unless another is given.

        `last_of_commit`: of the outputs that have the same key only the last one before each commit goes out. It is for an
        aggregate of which readers want the newest value and not every step."""
        declared = Sink(len(self._sinks), name, topic or name, last_of_commit)
        self._sinks.append(declared)
        return declared

    @overload
    def store(self, name: str, values: type[V], *, ttl: Duration | None = None, version: int = 0, keyed_by_event: bool = False) -> Store[V]: ...
    @overload
    def store(self, name: str, *, ttl: Duration | None = None, version: int = 0, keyed_by_event: bool = False) -> Store[Any]: ...
    def store(self, name: str, values: Any = Any, *, ttl: Duration | None = None, version: int = 0, keyed_by_event: bool = False) -> Store[Any]:
        """Declares a store, whose values are kept as JSON: of a type (a dataclass, `int`, `list[str]`, …), or whatever JSON there is.

        `ttl`: entries that were not written for so long, by the events' time, are gone. `version` is that of the values' form: a
        plugin with a lower one than the store's is refused. `keyed_by_event`: entries are written under the key of the event at
        hand; reads are then fetched for many events at once, and a query is answered by the task that has the key."""
        spec = Spec(name, None if ttl is None else duration(ttl), version, keyed_by_event)
        declared: Store[Any] = Store(len(self._stores), spec, values)
        self._stores.append(declared)
        return declared

    def bytes_store(self, name: str, *, ttl: Duration | None = None, version: int = 0, keyed_by_event: bool = False) -> BytesStore:
        """Declares a store of bytes, which are kept as they are."""
        spec = Spec(name, None if ttl is None else duration(ttl), version, keyed_by_event)
        declared = BytesStore(len(self._stores), spec)
        self._stores.append(declared)
        return declared

    @overload
    def tumbling(self, name: str, size: Duration, values: type[V], *, grace: Duration = 0, running: bool = False, version: int = 0, keyed_by_event: bool = False) -> Windows[V]: ...
    @overload
    def tumbling(self, name: str, size: Duration, *, grace: Duration = 0, running: bool = False, version: int = 0, keyed_by_event: bool = False) -> Windows[Any]: ...
    def tumbling(self, name: str, size: Duration, values: Any = Any, **options: Any) -> Windows[Any]:
        """Declares windows of a fixed size, one after the other: from 10:00 to 10:05, from 10:05 to 10:10 (UTC). Each event is in one.

        They are kept in a store of this name, their values as those of `store`. `grace`: how long a window waits for events that come
        late. `running`: a result with each event, of each window that it is in, instead of one at the end. `version` and
        `keyed_by_event`: see `store`."""
        return self.hopping(name, size, size, values, **options)

    @overload
    def hopping(self, name: str, size: Duration, every: Duration, values: type[V], *, grace: Duration = 0, running: bool = False, version: int = 0, keyed_by_event: bool = False) -> Windows[V]: ...
    @overload
    def hopping(self, name: str, size: Duration, every: Duration, *, grace: Duration = 0, running: bool = False, version: int = 0, keyed_by_event: bool = False) -> Windows[Any]: ...
    def hopping(self, name: str, size: Duration, every: Duration, values: Any = Any, **options: Any) -> Windows[Any]:
        """Declares windows of a fixed size that begin in shorter intervals, and so overlap: five minutes every minute. Each event is in
        several. See `tumbling` for the rest."""
        return self._windows(name, Fixed(duration(size), duration(every)), values, **options)

    @overload
    def sessions(self, name: str, gap: Duration, merge: Callable[[V, V], V], values: type[V], *, grace: Duration = 0, running: bool = False, version: int = 0, keyed_by_event: bool = False) -> Windows[V]: ...
    @overload
    def sessions(self, name: str, gap: Duration, merge: Callable[[Any, Any], Any], *, grace: Duration = 0, running: bool = False, version: int = 0, keyed_by_event: bool = False) -> Windows[Any]: ...
    def sessions(self, name: str, gap: Duration, merge: Callable[[Any, Any], Any], values: Any = Any, **options: Any) -> Windows[Any]:
        """Declares windows that last as long as events of their key come: a session ends when none came for the `gap`. `merge` makes one
        value of those of two sessions, the earlier one first, when an event that comes late joins them. See `tumbling` for the rest."""
        return self._windows(name, Sessions(duration(gap), merge), values, **options)

    def _windows(
        self, name: str, shape: Shape, values: Any, *, grace: Duration = 0, running: bool = False, version: int = 0, keyed_by_event: bool = False
    ) -> Windows[Any]:
        patience = _milliseconds(grace, 0)
        problem = shape.problem(patience)
        if problem is not None:
            raise ValueError(f"the windows `{name}` {problem}")
        spec = Spec(name, shape.length + patience if running else None, version, keyed_by_event)
        declared: Windows[Any] = Windows(len(self._stores), spec, values, shape, patience, running)
        self._stores.append(declared._store)
        return declared

    def _check(self) -> None:
        for what, names in (
            ("input", [declared.name for declared in self._inputs]),
            ("sink", [declared.name for declared in self._sinks]),
            ("store", [declared.name for declared in self._stores]),
        ):
            twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
            if twice is not None:
                raise ValueError(f"the plugin declares the {what} `{twice}` twice: keep its handle instead")
