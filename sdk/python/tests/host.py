"""The host in memory, in the place of the bindings that componentize-py generates: see `wasmill/guest.py`."""

from __future__ import annotations

import enum
import sys
from dataclasses import dataclass, field, make_dataclass
from types import ModuleType
from typing import Any


@dataclass
class Entry:
    """What a store has under a key, and the stream time at which it was written."""

    value: bytes
    written: int = 0


@dataclass
class Host:
    """What there is, and what it was asked for."""

    stores: list[dict[bytes, Entry]] = field(default_factory=list)
    #: The lowest level of the log that is kept; None: none.
    level: Any = None
    lines: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)
    #: The keys of each time that the SDK asked for some.
    asked: list[list[bytes]] = field(default_factory=list)
    #: So many keys are answered for at once.
    most: int = 1 << 30


host = Host()


def cut(data: bytes, lengths: list[int]) -> list[bytes | None]:
    """A column of lengths and the data that they cut; None where a length is below zero."""
    at, found = 0, []
    for length in lengths:
        found.append(None if length < 0 else data[at : at + length])
        at += max(length, 0)
    return found


def _get_many(store: int, key_lengths: list[int], keys: bytes) -> tuple[list[int], bytes, list[int]]:
    asked = [key for key in cut(keys, key_lengths) if key is not None]
    host.asked.append(asked)
    found = [host.stores[store].get(key) for key in asked[: host.most]]
    return (
        [-1 if entry is None else len(entry.value) for entry in found],
        b"".join(entry.value for entry in found if entry),
        [entry.written if entry else 0 for entry in found],
    )


def _scan(store: int, start: bytes, end: bytes, reverse: bool, limit: int) -> tuple[list[int], list[int], bytes, list[int]]:
    keys = sorted((key for key in host.stores[store] if start <= key and (not end or key < end)), reverse=reverse)[:limit]
    entries = [host.stores[store][key] for key in keys]
    data = b"".join(key + entry.value for key, entry in zip(keys, entries))
    return [len(key) for key in keys], [len(entry.value) for entry in entries], data, [entry.written for entry in entries]


class Err(Exception):
    """How bindings hand over the error of a result."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value


def _module(name: str, **content: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(content)
    sys.modules[name] = module
    return module


def _records(**names: str) -> dict[str, type]:
    return {name: make_dataclass(name, fields.split()) for name, fields in names.items()}


Level = enum.Enum("Level", "TRACE DEBUG INFO WARN ERROR")

_module("componentize_py_types", Err=Err)
_module("wit_world")
_exports = {
    "lifecycle": _module(
        "wit_world.exports.lifecycle",
        Emission=enum.Enum("Emission", "EVERY LAST_OF_COMMIT"),
        **_records(
            About="name version description settings_schema",
            Port="name topic",
            Sink="name topic emission",
            Store="name ttl_ms version keyed_by_event",
            Wiring="inputs sinks stores",
        ),
    ),
    "batch_processor": _module(
        "wit_world.exports.batch_processor",
        **_records(
            Task="partition now stream_time latest",
            Batch="task input topic offsets timestamps key_lengths value_lengths data headers",
            Headers="counts name_lengths value_lengths data",
            Writes="sources stores key_lengths value_lengths data",
            TimerWrites="sources clocks at key_lengths keys",
            Effects="done sources sinks partitions timestamps key_lengths value_lengths data headers writes timers failures",
        ),
    ),
}
_module("wit_world.exports", Lifecycle=object, BatchProcessor=object, **_exports)
_imports = {
    "log": _module(
        "wit_world.imports.log",
        Level=Level,
        enabled=lambda: host.level,
        log=lambda level, message, fields: host.lines.append((level.name.lower(), message, fields)),
    ),
    "state_reader": _module("wit_world.imports.state_reader", get_many=_get_many, scan=_scan),
    "types": _module(
        "wit_world.imports.types",
        Clock=enum.Enum("Clock", "EVENT_TIME WALL_CLOCK"),
        **_records(
            Timer="key at clock", Reason="code message detail", Failure_Reject="value", Failure_Retry="value", Failure_Stop="value"
        ),
    ),
}
_module("wit_world.imports", **_imports)
batch: Any = _exports["batch_processor"]
types: Any = _imports["types"]
