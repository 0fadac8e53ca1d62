"""The doors of a plugin, and what it remembers in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, overload

from .store import BytesStore, Spec, Store

V = TypeVar("V")

_UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


def duration(time: int | str | timedelta) -> int:
    """Milliseconds of `"10 min"`, of a timedelta, or of a number of them."""
    if isinstance(time, timedelta):
        found = time // timedelta(milliseconds=1)
    elif isinstance(time, str):
        match = re.fullmatch(r"(\d+) *(ms|s|min|h|d)", time)
        found = int(match[1]) * _UNITS[match[2]] if match else 0
    else:
        found = time
    if found < 1:
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
    def store(self, name: str, values: type[V], *, ttl: int | str | timedelta | None = None, version: int = 0, keyed_by_event: bool = False) -> Store[V]: ...
    @overload
    def store(self, name: str, *, ttl: int | str | timedelta | None = None, version: int = 0, keyed_by_event: bool = False) -> Store[Any]: ...
    def store(self, name: str, values: Any = Any, *, ttl: int | str | timedelta | None = None, version: int = 0, keyed_by_event: bool = False) -> Store[Any]:
        """Declares a store, whose values are kept as JSON: of a type (a dataclass, `int`, `list[str]`, …), or whatever JSON there is.

        `ttl`: entries that were not written for so long, by the events' time, are gone. `version` is that of the values' form: a
        plugin with a lower one than the store's is refused. `keyed_by_event`: entries are written under the key of the event at
        hand; reads are then fetched for many events at once, and a query is answered by the task that has the key."""
        spec = Spec(name, None if ttl is None else duration(ttl), version, keyed_by_event)
        declared: Store[Any] = Store(len(self._stores), spec, values)
        self._stores.append(declared)
        return declared

    def bytes_store(self, name: str, *, ttl: int | str | timedelta | None = None, version: int = 0, keyed_by_event: bool = False) -> BytesStore:
        """Declares a store of bytes, which are kept as they are."""
        spec = Spec(name, None if ttl is None else duration(ttl), version, keyed_by_event)
        declared = BytesStore(len(self._stores), spec)
        self._stores.append(declared)
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
