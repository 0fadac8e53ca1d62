"""What a plugin remembers: like a dict, durable, and committed together with the outputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from . import reading
from .failure import Reject, Stop
from .host import host

if TYPE_CHECKING:
    from .answer import Answer
    from .run import Call

V = TypeVar("V")
Key = str | bytes

#: Bytes of entries that an instance keeps from one call to the next, all stores together.
_KEPT = 8 << 20
#: Bytes that an entry takes besides its key and value: a guess on the safe side.
_OVERHEAD = 300
#: Entries that are asked for at once.
_PAGE = 256
_LONGEST_KEY = 64 << 10
_LONGEST_VALUE = (1 << 20) - _LONGEST_KEY - (2 << 10)


@dataclass(frozen=True)
class Spec:
    """How a store was declared."""

    name: str
    ttl_ms: int | None
    version: int
    keyed_by_event: bool


class _Slot:
    """What is under a key, as bytes."""

    __slots__ = ("dirty", "source", "value", "written")

    def __init__(self, value: bytes | None, written: int | None, source: int = 0, dirty: bool = False) -> None:
        self.value = value
        self.written = written
        self.source = source
        self.dirty = dirty


class _Memory:
    """The call at hand, and how much is kept. Handlers run one at a time, so that handles need not be told."""

    call: Call | None = None
    bytes = 0


class Store(MutableMapping[Key, V], Generic[V]):
    """A store. Keys are text (or bytes); what is read is the reader's own: to change an entry is to write it again.

    It is there while an event or a timer is handled. What an event wrote is seen by itself and by the next; if it fails, it has
    written nothing. Iteration is in the byte order of the keys, and asks the host for a few hundred entries at a time."""

    def __init__(self, index: int, spec: Spec, values: Any) -> None:
        self._index = index
        self._spec = spec
        self._convert = None if values is Any else reading.reader(values).of_object
        self._tasks: dict[int, dict[bytes, _Slot]] = {}
        self._slots: dict[bytes, _Slot] = {}
        self._dirty: set[bytes] = set()
        # What entries were before the event at hand wrote them.
        self._journal: dict[bytes, tuple[bytes | None, int | None, int, bool]] = {}
        self._fetched = 0

    @property
    def name(self) -> str:
        """The name that it was declared with."""
        return self._spec.name

    def __getitem__(self, key: Key) -> V:
        value = self._live(_key(key))
        if value is None:
            raise KeyError(key)
        return self._decode(key, value)

    def __setitem__(self, key: Key, value: V) -> None:
        encoded = self._encode(value)
        if len(encoded) > _LONGEST_VALUE:
            raise Reject("long-value", f"a value for the store `{self.name}` has {len(encoded)} bytes, and {_LONGEST_VALUE} are the most")
        self._write(_key(key), encoded)

    def __delitem__(self, key: Key) -> None:
        encoded = _key(key)
        if self._live(encoded) is None:
            raise KeyError(key)
        self._write(encoded, None)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, (str, bytes)) and self._live(_key(key)) is not None

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self.range())

    def __len__(self) -> int:
        """How many entries there are. It walks all of them."""
        return sum(1 for _ in self._walk(b"", b"", False))

    def update_entry(self, key: Key, change: Callable[[V], V], default: V) -> V:
        """Writes what `change` makes of an entry, or of the default where there is none, and answers it."""
        value = change(self.get(key, default))
        self[key] = value
        return value

    def range(self, start: Key = b"", stop: Key | None = None, *, prefix: Key | None = None, reverse: bool = False) -> Iterator[tuple[str, V]]:
        """The entries with start <= key < stop, or with a prefix, in the byte order of their keys, or from the last one."""
        first, end = _key(start), b"" if stop is None else _key(stop)
        if prefix is not None:
            first = _key(prefix)
            end = _after(first)
        elif stop is not None and first >= end:
            return
        for key, value in self._walk(first, end, reverse):
            yield self._text(key), self._decode(key, value)

    def _walk(self, start: bytes, end: bytes, reverse: bool) -> Iterator[tuple[bytes, bytes]]:
        # What this call wrote takes the place of what was there before it.
        written = [(key, self._live(key)) for key in sorted(self._dirty, reverse=reverse) if start <= key and (not end or key < end)]
        position = 0
        for key, value in self._pages(start, end, reverse):
            while position < len(written) and (written[position][0] > key if reverse else written[position][0] < key):
                own = written[position]
                position += 1
                if own[1] is not None:
                    yield own[0], own[1]
            if position < len(written) and written[position][0] == key:
                own = written[position]
                position += 1
                if own[1] is not None:
                    yield own[0], own[1]
            else:
                yield key, value
        for key, own_value in written[position:]:
            if own_value is not None:
                yield key, own_value

    def _pages(self, start: bytes, end: bytes, reverse: bool) -> Iterator[tuple[bytes, bytes]]:
        while True:
            key_lengths, value_lengths, data, written = host().scan(self._index, start, end, reverse, _PAGE)
            if not key_lengths:
                return
            at, last = 0, b""
            for index, (key_length, value_length) in enumerate(zip(key_lengths, value_lengths)):
                middle = at + key_length
                last = data[at:middle]
                at = middle + value_length
                if not self._is_over(written[index] if written else None):
                    yield last, data[middle:at]
            if not reverse:
                start = last + b"\0"
            elif not last:
                return
            else:
                end = last

    def _encode(self, value: V) -> bytes:
        try:
            return reading.dump(value)
        except (TypeError, ValueError) as error:
            raise TypeError(f"a value for the store `{self.name}` cannot be written as JSON: {error}") from None

    def _decode(self, key: Key, value: bytes) -> V:
        try:
            return self._read(value)
        except (ValueError, StopIteration, reading.Mismatch) as error:
            raise Stop(
                "unreadable-state",
                f"what the store `{self.name}` has under the key {key!r} does not fit: {error}. A store whose values changed their form "
                "needs a form that reads the old ones as well, or another name",
            ) from None

    def _read(self, value: bytes) -> V:
        if self._convert is None:
            return cast(V, json.loads(value))
        return cast(V, self._convert(reading._scan_decimals(value.decode(), 0)[0]))

    def _text(self, key: bytes) -> str:
        try:
            return key.decode()
        except UnicodeDecodeError:
            raise Stop("unreadable-state", f"a key of the store `{self.name}` is not UTF-8: {key!r}") from None

    def _live(self, key: bytes) -> bytes | None:
        slot = self._find(key)
        return None if self._is_over(slot.written) else slot.value

    def _is_over(self, written: int | None) -> bool:
        """Whether an entry that was last written at this stream time is gone."""
        ttl = self._spec.ttl_ms
        return ttl is not None and written is not None and written + ttl <= at_hand(self).stream_time

    def _find(self, key: bytes) -> _Slot:
        found = self._slots.get(key)
        if found is not None:
            return found
        if len(key) > _LONGEST_KEY:
            raise Reject("long-key", f"a key for the store `{self.name}` has {len(key)} bytes, and {_LONGEST_KEY} are the most")
        return self._fetch(key)

    def _fetch(self, key: bytes) -> _Slot:
        """Asks the host: a call costs as much as a short event, so it asks for the keys of the events to come as well."""
        call = at_hand(self)
        asked = {key: None}
        if self._spec.keyed_by_event and call.run is not None:
            start = max(self._fetched, call.source + 1)
            for other in call.run.keys(start):
                if other is not None and other not in self._slots:
                    asked[other] = None
            self._fetched = len(call.run)
        keys = list(asked)
        lengths, data, written = host().get_many(self._index, keys)
        at = 0
        for index, length in enumerate(lengths):
            value = None
            if length >= 0:
                value = data[at : at + length]
                at += length
            self._slots[keys[index]] = _Slot(value, written[index] if written and length >= 0 else None)
            _Memory.bytes += len(keys[index]) + max(length, 0) + _OVERHEAD
        if len(lengths) < len(keys):
            # Those that the host left out are asked for again.
            self._fetched = 0
        return self._slots[key]

    def _write(self, key: bytes, value: bytes | None) -> None:
        call = at_hand(self)
        slot = self._find(key)
        if key not in self._journal:
            self._journal[key] = (slot.value, slot.written, slot.source, slot.dirty)
            call.wrote = True
        _Memory.bytes += len(value or b"") - len(slot.value or b"")
        slot.value, slot.written, slot.source, slot.dirty = value, call.stream_time, call.source, True
        self._dirty.add(key)

    def _begin(self, partition: int) -> None:
        self._fetched = 0
        self._slots = self._tasks.setdefault(partition, {})

    def _take_back(self) -> None:
        for key, (value, written, source, dirty) in self._journal.items():
            slot = self._slots[key]
            slot.value, slot.written, slot.source, slot.dirty = value, written, source, dirty
            if not dirty:
                self._dirty.discard(key)
        self._journal.clear()


class BytesStore(Store[bytes]):
    """A store whose values are bytes, kept as they are."""

    def __init__(self, index: int, spec: Spec) -> None:
        super().__init__(index, spec, Any)

    def _encode(self, value: bytes) -> bytes:
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise TypeError(f"a value for the store `{self.name}` is bytes, not {type(value).__name__}")
        return bytes(value)

    def _decode(self, key: Key, value: bytes) -> bytes:
        return value


def at_hand(store: Store[Any]) -> Call:
    """The call at hand, that a store is needed for."""
    if _Memory.call is None:
        raise RuntimeError(f"the store `{store.name}` is there while an event or a timer is handled, not before")
    return _Memory.call


def _key(key: Key) -> bytes:
    if isinstance(key, str):
        return key.encode()
    if isinstance(key, bytes):
        return key
    raise TypeError(f"the key of an entry is a str or bytes, not {type(key).__name__}")


def _after(prefix: bytes) -> bytes:
    """The first key that does not begin so: the last byte that can be raised is, and what follows it left out."""
    short = prefix.rstrip(b"\xff")
    return short[:-1] + bytes([short[-1] + 1]) if short else b""


def begin(stores: list[Store[Any]], call: Call) -> None:
    """A call for a task begins."""
    _Memory.call = call
    for store in stores:
        store._begin(call.partition)


def keep(stores: list[Store[Any]]) -> None:
    """The event at hand is done."""
    for store in stores:
        store._journal.clear()


def take_back(stores: list[Store[Any]]) -> None:
    """The event at hand failed: it has written nothing."""
    for store in stores:
        store._take_back()


def end(stores: list[Store[Any]], answer: Answer) -> None:
    """The call is over: each entry that it wrote goes into the answer once, as the last event left it."""
    for store in stores:
        for key in store._dirty:
            slot = store._slots[key]
            slot.dirty = False
            answer.writes.append((slot.source, store._index, key, slot.value))
        store._dirty.clear()
    # Sources never decrease; the rest only has to be the same each time.
    answer.writes.sort(key=lambda write: write[:3])
    if _Memory.bytes > _KEPT:
        # The host has it all: what is needed again is asked for again.
        _Memory.bytes = 0
        for store in stores:
            store._tasks.clear()
    _Memory.call = None
