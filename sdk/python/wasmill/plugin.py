"""What an author writes, and how it is called."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from . import reading, store
from .answer import Answer
from .context import Context
from .failure import failure_of
from .run import Call, Event, Run, Timer
from .wiring import Wiring


@dataclass
class NoSettings:
    """For a plugin without settings: refuses any."""


S = TypeVar("S")


class Plugin(Generic[S]):
    """A plugin: a subclass of it in `plugin.py`, with the type of its settings, a dataclass, between the brackets.

    The host makes several instances (one a worker) and may replace any of them between two calls, so an attribute is for what
    `setup` worked out, never for what must last: that belongs in a store."""

    #: A JSON Schema of the settings, for tools and editors.
    settings_schema: typing.ClassVar[str | None] = None

    def setup(self, settings: S, wiring: Wiring) -> None:
        """Checks the settings and declares inputs, sinks and stores, the same each time for the same settings.

        A ValueError says what is wrong with the settings, to the person who wrote them: the plugin is then not started."""
        raise NotImplementedError

    def process(self, event: Event, ctx: Context) -> None:
        """Handles one event. Outputs go to `ctx`; those of an event that fails are dropped.

        `Reject` is for an event that can never be processed, `Retry` for one that may work later, `Stop` when no event can be
        processed any more. Any other exception rejects the event with its message and traceback."""
        raise NotImplementedError

    def on_timer(self, timer: Timer, ctx: Context) -> None:
        """Handles a timer that is due: see `Context.set_timer`. It is gone then, unless it is set anew here."""


def settings_type(plugin: type[Plugin[Any]]) -> type[Any]:
    """What stands between the brackets."""
    for base in getattr(plugin, "__orig_bases__", ()):
        origin, arguments = typing.get_origin(base), typing.get_args(base)
        if isinstance(origin, type) and issubclass(origin, Plugin) and arguments and isinstance(arguments[0], type):
            return arguments[0]
    return NoSettings


class Instance:
    """A configured plugin."""

    def __init__(self, plugin: type[Plugin[Any]], settings: str) -> None:
        self.wiring = Wiring()
        self.plugin = plugin()
        self.plugin.setup(reading.settings_of(settings_type(plugin), settings), self.wiring)
        self.wiring._check()
        self.inputs = self.wiring._inputs
        self.stores = self.wiring._stores

    def process(self, run: Run, now: int, stream_time: int, latest: int) -> Answer:
        """Handles a run of events."""
        stores, process, timestamps = self.stores, self.plugin.process, run.timestamps
        call = Call(run.partition, now, stream_time, run, timestamps, bool(stores))
        answer, context = call.answer, Context(call)
        timers = answer.timers
        store.begin(stores, call)
        at = index = 0
        for key_length, value_length in zip(run.key_lengths, run.value_lengths):
            key_start = at
            if key_length > 0:
                at += key_length
            event = Event(run, index, key_start, at)
            if value_length > 0:
                at += value_length
            timestamp = timestamps[index]
            if call.stream_time < timestamp <= latest:
                call.stream_time = timestamp
            timers_before = len(timers)
            call.source = index
            index += 1
            answer.done = index
            try:
                process(event, context)
            except Exception as error:
                if not self._fail(call, error):
                    break
            if call.wrote:
                store.keep(stores)
                call.wrote = False
            if len(timers) > timers_before:
                call.earliest = min(call.earliest, answer.earliest(timers_before))
            # A timer that this call has set comes before the next event if it is due.
            if call.earliest <= call.stream_time:
                break
        store.end(stores, answer)
        return answer

    def process_timers(self, partition: int, now: int, stream_time: int, due: list[Timer]) -> Answer:
        """Handles timers that are due."""
        call = Call(partition, now, stream_time, None, [timer.at for timer in due], bool(self.stores))
        answer, context = call.answer, Context(call)
        store.begin(self.stores, call)
        keys = [(timer.clock, timer.key) for timer in due]
        for index, timer in enumerate(due):
            timers_before = len(answer.timers)
            call.source = index
            answer.done = index + 1
            try:
                self.plugin.on_timer(timer, context)
            except Exception as error:
                if not self._fail(call, error):
                    break
            if call.wrote:
                store.keep(self.stores)
                call.wrote = False
            if answer.disturbs(timers_before, keys[index + 1 :], now, stream_time):
                break
        store.end(self.stores, answer)
        return answer

    def _fail(self, call: Call, error: Exception) -> bool:
        """Drops the effects of the event or timer at hand. Whether the call goes on after it."""
        call.answer.take_back(call.source)
        store.take_back(self.stores)
        failure = failure_of(error)
        call.answer.failures.append((call.source, failure))
        return failure.kind == "reject"
