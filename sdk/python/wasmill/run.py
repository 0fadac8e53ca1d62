"""The events of one call, and each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar, overload

from . import reading
from .answer import Answer
from .failure import Reject
from .wiring import Input

T = TypeVar("T")
Header = tuple[str, bytes | None]


class Run:
    """The columns of a call. Nothing is decoded before it is asked for."""

    __slots__ = ("_escapes", "_headers", "_text", "data", "header_columns", "input", "key_lengths", "offsets", "partition", "timestamps", "topic", "value_lengths")

    def __init__(
        self,
        input: Input,
        topic: str,
        partition: int,
        offsets: list[int],
        timestamps: list[int],
        key_lengths: list[int],
        value_lengths: list[int],
        data: bytes,
        header_columns: tuple[list[int], list[int], list[int], bytes],
    ) -> None:
        self.input = input
        self.topic = topic
        self.partition = partition
        self.offsets = offsets
        self.timestamps = timestamps
        self.key_lengths = key_lengths
        self.value_lengths = value_lengths
        self.data = data
        self.header_columns = header_columns
        self._headers: list[list[tuple[bytes, bytes | None]]] | None = None
        self._escapes = b"\\" in data
        # One text for all events: a place in it is a place in the bytes. What is not ASCII is decoded event by event.
        self._text = data.decode("ascii") if data.isascii() else None

    def __len__(self) -> int:
        return len(self.offsets)

    def keys(self, first: int) -> Iterator[bytes | None]:
        """The keys of the events from a number on."""
        at = 0
        for index, (key, value) in enumerate(zip(self.key_lengths, self.value_lengths)):
            if index >= first:
                yield None if key < 0 else self.data[at : at + key]
            at += max(key, 0) + max(value, 0)

    def headers(self, index: int) -> list[tuple[bytes, bytes | None]]:
        """The headers of an event."""
        if not self.header_columns[0]:
            return []
        if self._headers is None:
            self._headers = self._find_headers()
        return self._headers[index]

    def _find_headers(self) -> list[list[tuple[bytes, bytes | None]]]:
        counts, names, values, data = self.header_columns
        at, header, found = 0, 0, []
        for count in counts:
            own: list[tuple[bytes, bytes | None]] = []
            for number in range(header, header + count):
                middle = at + names[number]
                end = middle + max(values[number], 0)
                own.append((data[at:middle], None if values[number] < 0 else data[middle:end]))
                at = end
            header += count
            found.append(own)
        return found


class Event:
    """One event. What it holds is made when it is asked for."""

    __slots__ = ("_index", "_key_start", "_run", "_value_start")

    def __init__(self, run: Run, index: int, key_start: int, value_start: int) -> None:
        self._run = run
        self._index = index
        self._key_start = key_start
        self._value_start = value_start

    @property
    def input(self) -> Input:
        """The input that it came in by."""
        return self._run.input

    @property
    def topic(self) -> str:
        """The topic that it came from."""
        return self._run.topic

    @property
    def partition(self) -> int:
        """The partition of its topic."""
        return self._run.partition

    @property
    def offset(self) -> int:
        """Its offset in the partition."""
        return self._run.offsets[self._index]

    @property
    def timestamp(self) -> int:
        """Milliseconds since the Unix epoch, as the broker has it."""
        return self._run.timestamps[self._index]

    @property
    def key(self) -> bytes | None:
        """The key."""
        length = self._run.key_lengths[self._index]
        return None if length < 0 else self._run.data[self._key_start : self._key_start + length]

    @property
    def key_text(self) -> str | None:
        """The key as text. Raises Reject if it is not UTF-8."""
        key = self.key
        return None if key is None else _text(key, "key")

    @property
    def value(self) -> bytes | None:
        """The value; None is a tombstone."""
        length = self._run.value_lengths[self._index]
        return None if length < 0 else self._run.data[self._value_start : self._value_start + length]

    @property
    def value_text(self) -> str | None:
        """The value as text. Raises Reject if it is not UTF-8."""
        value = self.value
        return None if value is None else _text(value, "value")

    @property
    def is_tombstone(self) -> bool:
        """Whether the value is null: in a compacted topic, the end of its key."""
        return self._run.value_lengths[self._index] < 0

    @property
    def headers(self) -> list[Header]:
        """The headers in their order. A name may repeat, and a value may be None."""
        return [(_text(name, "name of a header"), value) for name, value in self._run.headers(self._index)]

    def header(self, name: str) -> bytes | None:
        """The value of the last header of this name; None: there is none, or it is null."""
        return next((value for other, value in reversed(self.headers) if other == name), None)

    @overload
    def json(self, kind: type[T]) -> T: ...
    @overload
    def json(self) -> Any: ...
    def json(self, kind: Any = None) -> Any:
        """The value, read as JSON: into a type (a dataclass, `list[int]`, …), or as dicts, lists, texts and numbers.

        Raises Reject: `no-value` for a tombstone, `bad-json` for what is no JSON or does not fit. A field that is a `Decimal` has all
        digits of its number; fields of the JSON that the dataclass has not are passed over."""
        run = self._run
        length = run.value_lengths[self._index]
        if length < 0:
            raise Reject("no-value", "the event has no value (a tombstone), and JSON was expected")
        start = self._value_start
        text = run._text
        if text is None:
            try:
                text = run.data[start : start + length].decode()
            except UnicodeDecodeError as error:
                raise Reject("bad-json", f"the value is not UTF-8: {error}") from None
            start, length = 0, len(text)
        if kind is None:
            return reading.parse(text[start : start + length])
        return reading.reader(kind).of_text(text, start, start + length, run._escapes)


class Timer:
    """A timer that is due. It is gone, unless it is set anew by its handler."""

    __slots__ = ("at", "clock", "key")

    def __init__(self, key: bytes, at: int, clock: str) -> None:
        #: The key that it was set under.
        self.key = key
        #: The time that it was set for, milliseconds since the Unix epoch.
        self.at = at
        #: The clock that it goes by: "event-time" or "wall-clock".
        self.clock = clock

    @property
    def key_text(self) -> str:
        """The key as text. Raises Reject if it is not UTF-8."""
        return _text(self.key, "key")


class Call:
    """One call of the host's: the task, the event at hand, and what was done so far."""

    __slots__ = ("answer", "earliest", "has_stores", "now", "partition", "run", "source", "stream_time", "wrote")

    def __init__(self, partition: int, now: int, stream_time: int, run: Run | None, timestamps: list[int], has_stores: bool) -> None:
        self.partition = partition
        self.now = now
        self.stream_time = stream_time
        self.run = run
        self.answer = Answer(timestamps)
        self.source = 0
        self.has_stores = has_stores
        self.wrote = False
        # The earliest timer on event time that was set in this call.
        self.earliest = float("inf")


def _text(value: bytes, what: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise Reject("not-text", f"the {what} is not UTF-8: {error}") from None
