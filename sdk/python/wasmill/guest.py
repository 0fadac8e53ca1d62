"""Between the generated bindings and an Instance. The one file that sees them: they are there only in a module."""

from __future__ import annotations

import logging
from types import ModuleType
from typing import Any

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import batch_processor as batch
from wit_world.exports import lifecycle
from wit_world.imports import log, state_reader, types

from . import host, logs
from .answer import NULL, Answer
from .failure import Failure, stack_of
from .plugin import Instance, Plugin
from .run import Run, Timer

_LEVELS = [(logging.ERROR, log.Level.ERROR), (logging.WARNING, log.Level.WARN), (logging.INFO, log.Level.INFO), (logging.DEBUG, log.Level.DEBUG)]
_LOWEST = {log.Level.TRACE: 1, log.Level.DEBUG: logging.DEBUG, log.Level.INFO: logging.INFO, log.Level.WARN: logging.WARNING, log.Level.ERROR: logging.ERROR}


class Bindings:
    """The host."""

    def get_many(self, store: int, keys: list[bytes]) -> tuple[list[int], bytes, list[int]]:
        found: tuple[list[int], bytes, list[int]] = state_reader.get_many(store, [len(key) for key in keys], b"".join(keys))
        return found

    def scan(self, store: int, start: bytes, end: bytes, reverse: bool, limit: int) -> tuple[list[int], list[int], bytes, list[int]]:
        found: tuple[list[int], list[int], bytes, list[int]] = state_reader.scan(store, start, end, reverse, limit)
        return found

    def level(self) -> int | None:
        lowest = log.enabled()
        return None if lowest is None else _LOWEST[lowest]

    def log(self, level: int, message: str, fields: list[tuple[str, str]]) -> None:
        given = next((given for least, given in _LEVELS if level >= least), log.Level.TRACE)
        log.log(given, message, fields)


def plugin_of(module: ModuleType) -> type[Plugin[Any]]:
    """The one plugin of the author's module."""
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Plugin) and value is not Plugin and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        names = ", ".join(plugin.__name__ for plugin in found) or "none"
        raise SystemExit(f"error: {module.__name__}.py must have one subclass of wasmill.Plugin, and has {names}")
    return found[0]


def exported(module: ModuleType, name: str, version: str, description: str, schema: str | None) -> tuple[type, type]:
    """The module's exports: the classes `Lifecycle` and `BatchProcessor`."""
    plugin = plugin_of(module)
    logs.install()
    instances: list[Instance] = []

    class Lifecycle(exports.Lifecycle):  # type: ignore[misc]
        def describe(self) -> Any:
            return lifecycle.About(name, version, description, schema or plugin.settings_schema)

        def configure(self, settings: str) -> Any:
            _begin()
            try:
                instance = Instance(plugin, settings)
            except Exception as error:
                if not isinstance(error, ValueError):
                    logging.error("%s", stack_of(error))
                raise Err(str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}") from None
            instances[:] = [instance]
            return _wiring(instance)

    class BatchProcessor(exports.BatchProcessor):  # type: ignore[misc]
        def process_batch(self, events: Any) -> Any:
            _begin()
            instance, task, headers = instances[0], events.task, events.headers
            run = Run(
                instance.inputs[events.input],
                events.topic,
                task.partition,
                events.offsets,
                events.timestamps,
                events.key_lengths,
                events.value_lengths,
                events.data,
                (headers.counts, headers.name_lengths, headers.value_lengths, headers.data),
            )
            return _effects(instance.process(run, task.now, task.stream_time, task.latest))

        def process_timers(self, task: Any, due: list[Any]) -> Any:
            _begin()
            timers = [Timer(timer.key, timer.at, _CLOCK_NAMES[timer.clock]) for timer in due]
            return _effects(instances[0].process_timers(task.partition, task.now, task.stream_time, timers))

    return Lifecycle, BatchProcessor


_CLOCKS = {"event-time": types.Clock.EVENT_TIME, "wall-clock": types.Clock.WALL_CLOCK}
_CLOCK_NAMES = {clock: name for name, clock in _CLOCKS.items()}
_FAILURES = {"reject": types.Failure_Reject, "retry": types.Failure_Retry, "stop": types.Failure_Stop}


def _begin() -> None:
    if not host.is_there():
        host.provide(Bindings())
    logs.begin()


def _wiring(instance: Instance) -> Any:
    wiring = instance.wiring
    emissions = (lifecycle.Emission.EVERY, lifecycle.Emission.LAST_OF_COMMIT)
    specs = [store._spec for store in wiring._stores]
    return lifecycle.Wiring(
        [lifecycle.Port(port.name, port.topic) for port in wiring._inputs],
        [lifecycle.Sink(sink.name, sink.topic, emissions[sink.last_of_commit]) for sink in wiring._sinks],
        [lifecycle.Store(spec.name, spec.ttl_ms, spec.version, spec.keyed_by_event) for spec in specs],
    )


def _effects(answer: Answer) -> Any:
    headers, writes, timers = answer.headers, answer.writes, answer.timers
    return batch.Effects(
        answer.done,
        answer.sources,
        answer.sinks,
        answer.partitions,
        answer.timestamps,
        answer.key_lengths,
        answer.value_lengths,
        b"".join(answer.data),
        batch.Headers(
            answer.header_counts,
            [len(name) for name, _ in headers],
            [_length(value) for _, value in headers],
            b"".join(part for header in headers for part in header if part),
        ),
        batch.Writes(
            [source for source, _, _, _ in writes],
            [store for _, store, _, _ in writes],
            [len(key) for _, _, key, _ in writes],
            [_length(value) for _, _, _, value in writes],
            b"".join(part for write in writes for part in write[2:] if part),
        ),
        batch.TimerWrites(
            [source for source, _, _, _ in timers],
            [_CLOCKS[clock] for _, clock, _, _ in timers],
            [at for _, _, _, at in timers],
            [len(key) for _, _, key, _ in timers],
            b"".join(key for _, _, key, _ in timers),
        ),
        [(source, _failure(failure)) for source, failure in answer.failures],
    )


def _length(value: bytes | None) -> int:
    return NULL if value is None else len(value)


def _failure(failure: Failure) -> Any:
    return _FAILURES[failure.kind](types.Reason(_sound(failure.code), _sound(failure.message), failure.detail and _sound(failure.detail)))


def _sound(text: str) -> str:
    """Text that has UTF-8."""
    return text.encode("utf-8", "replace").decode()
