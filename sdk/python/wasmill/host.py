"""The host's functions. They are there when a plugin runs, and neither while it is built nor in a test."""

from __future__ import annotations

from typing import Protocol


class Host(Protocol):
    """What the generated bindings do."""

    def get_many(self, store: int, keys: list[bytes]) -> tuple[list[int], bytes, list[int]]:
        """Values of the first of these keys: lengths (-1: nothing), all bytes, and stream times of the last writes."""
        ...

    def scan(self, store: int, start: bytes, end: bytes, reverse: bool, limit: int) -> tuple[list[int], list[int], bytes, list[int]]:
        """Some of the entries of a range, none only if there are no more."""
        ...

    def level(self) -> int | None:
        """The lowest level of Python's logging that is kept; None: nothing is."""
        ...

    def log(self, level: int, message: str, fields: list[tuple[str, str]]) -> None:
        """Writes a line."""
        ...


_host: Host | None = None


def provide(host: Host) -> None:
    """What runs the plugin says how its host is reached."""
    global _host
    _host = host


def host() -> Host:
    """The host."""
    if _host is None:
        raise RuntimeError("stores and logs are there while the host runs the plugin")
    return _host


def is_there() -> bool:
    """Whether there is one."""
    return _host is not None
