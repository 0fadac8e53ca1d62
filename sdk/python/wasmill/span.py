"""When windows begin, end and close."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

#: Windows of a key that may be open at once: they are one entry of a store.
_MOST_OPEN = 1_000
#: No time is later.
_LATEST = (1 << 63) - 1


def later(time: int, by: int) -> int:
    """A time and so many milliseconds after it."""
    return min(time + by, _LATEST)


class Missing:
    """Stands for the value of a new window."""


@dataclass(slots=True)
class Open:
    """A window that is not closed yet; its end is not in it."""

    start: int
    end: int
    value: Any = Missing


class Shape(Protocol):
    """How windows lie in time."""

    @property
    def length(self) -> int:
        """How long a window that gets no other event is open, before its grace."""
        ...

    def problem(self, grace: int) -> str | None:
        """What makes no sense about them."""
        ...

    def add(self, windows: list[Open], time: int, is_closed: Callable[[int], bool], change: Callable[[Any], Any]) -> list[Open]:
        """Has `change` make the value of every window that a time is in, but for those that are closed by their end, and answers them.

        `windows` has those of a key that are open, in the order of their beginnings."""
        ...


@dataclass(frozen=True)
class Fixed:
    """Windows of a size, of which one begins every so many milliseconds."""

    size: int
    every: int

    @property
    def length(self) -> int:
        """Their size."""
        return self.size

    def problem(self, grace: int) -> str | None:
        """Those that leave out events, and those of which there would be too many."""
        if self.every > self.size:
            return "leave out events: they begin further apart than they are long"
        most = (self.size + grace) // self.every
        if most > _MOST_OPEN:
            return f"would have up to {most} of a key open at once, with their grace; {_MOST_OPEN} are the most"
        return None

    def add(self, windows: list[Open], time: int, is_closed: Callable[[int], bool], change: Callable[[Any], Any]) -> list[Open]:
        """An event is in several."""
        changed: list[Open] = []
        index = 0
        for start in starts(time, self.size, self.every):
            end = later(start, self.size)
            if is_closed(end):
                continue
            while index < len(windows) and windows[index].start < start:
                index += 1
            if index == len(windows) or windows[index].start != start:
                windows.insert(index, Open(start, end))
            windows[index].value = change(windows[index].value)
            changed.append(windows[index])
        return changed


@dataclass(frozen=True)
class Sessions:
    """Windows that end when no event came for a gap. `merge` makes one value of those of two."""

    gap: int
    merge: Callable[[Any, Any], Any]

    @property
    def length(self) -> int:
        """The gap."""
        return self.gap

    def problem(self, grace: int) -> str | None:
        """None."""
        return None

    def add(self, windows: list[Open], time: int, is_closed: Callable[[int], bool], change: Callable[[Any], Any]) -> list[Open]:
        """An event joins all sessions that it is less than a gap away from; alone it makes one, unless that is closed."""
        start, end = time, later(time, self.gap)
        near = [index for index, window in enumerate(windows) if window.end > start and window.start < end]
        if not near and is_closed(end):
            return []
        first = near[0] if near else sum(window.end <= start for window in windows)
        session, *others = windows[first : first + len(near)] or [Open(start, end)]
        for other in others:
            session.value = self.merge(session.value, other.value)
            session.end = other.end
        session.start, session.end = min(session.start, start), max(session.end, end)
        session.value = change(session.value)
        windows[first : first + len(near)] = [session]
        return [session]


def starts(time: int, size: int, every: int) -> Iterator[int]:
    """The windows of a size, beginning at multiples of `every`, that a time is in: their beginnings, in order."""
    last = time - time % every
    count = (size - 1 - (time - last)) // every + 1
    return (last - back * every for back in range(count - 1, -1, -1))
