"""Timers, and where the host must look at them."""

from __future__ import annotations

import unittest

from wasmill import Context, NoSettings, Plugin, Timer, Wiring
from wasmill import Event as Given

from .task import Came, Event, Task


class Timing(Plugin[NoSettings]):
    """Events say what to do: `set KEY AT [CLOCK]`, `cancel KEY`, or nothing. Timers say so; `again` comes again, `first` cancels `second`."""

    def setup(self, settings: NoSettings, wiring: Wiring) -> None:
        wiring.input("in")
        wiring.store("kept")
        self.out = wiring.sink("out")

    def process(self, event: Given, ctx: Context) -> None:
        match (event.value_text or "").split():
            case ["set", key, at]:
                ctx.set_timer(key, int(at))
            case ["set", key, at, clock]:
                ctx.set_timer(key, int(at), clock)
            case ["cancel", key]:
                ctx.cancel_timer(key)
            case ["fail", key]:
                ctx.set_timer(key, 0)
                raise RuntimeError("after it was set")
            case _:
                ctx.emit(self.out, value="event")

    def on_timer(self, timer: Timer, ctx: Context) -> None:
        ctx.emit(self.out, value=f"{timer.key_text} {timer.clock} {ctx.timestamp}")
        if timer.key == b"again" and timer.at < 20:
            ctx.set_timer(timer.key, timer.at + 5)
        if timer.key == b"first":
            ctx.cancel_timer("second")


def say(timestamp: int, value: str) -> Event:
    return Event("k", value, timestamp)


def said(came: Came) -> list[str]:
    assert not came.failures, came.failures
    return [f"{output.event} {(output.key or b'').decode()} {(output.value or b'').decode()} @{output.timestamp}" for output in came.outputs]


class Timers(unittest.TestCase):
    def test_a_timer_fires_right_after_the_event_that_made_it_due_however_events_are_cut_into_calls(self) -> None:
        events = [say(0, "set t 5"), say(4, "-"), say(5, "-"), say(6, "-"), say(7, "set again 7"), say(21, "-"), say(22, "-")]
        for size in (1, 2, 3, 500):
            self.assertEqual(
                said(Task(Timing, events_a_call=size).send(*events)),
                [
                    "1 k event @4",
                    "2 k event @5",
                    "2 t t event-time 5 @5",
                    "3 k event @6",
                    "4 again again event-time 7 @7",
                    "5 k event @21",
                    "5 again again event-time 12 @12",
                    "5 again again event-time 17 @17",
                    "6 k event @22",
                    "6 again again event-time 22 @22",
                ],
                f"calls of {size}",
            )

    def test_there_is_one_timer_a_key_and_clock_and_it_can_be_cancelled(self) -> None:
        events = [say(0, "set t 5"), say(0, "set t 9"), say(0, "set gone 6"), say(0, "cancel gone"), say(8, "-"), say(9, "-")]
        self.assertEqual(said(Task(Timing).send(*events)), ["4 k event @8", "5 k event @9", "5 t t event-time 9 @9"])

    def test_a_timer_that_another_one_cancels_does_not_fire_if_both_are_due(self) -> None:
        came = Task(Timing).send(say(0, "set first 5"), say(0, "set second 6"), say(0, "set third 7"), say(9, "-"))
        self.assertEqual(said(came), ["3 k event @9", "3 first first event-time 5 @5", "3 third third event-time 7 @7"])
        self.assertEqual([call.done for call in came.calls], [4, 1, 1])

    def test_a_timer_on_the_wall_clock_goes_by_the_clock(self) -> None:
        one = Task(Timing)
        one.send(say(0, "set t 50 wall-clock"), say(100, "-"))
        self.assertEqual(len(one.timers), 1)
        one.now = 50
        self.assertEqual(said(one.send(say(100, "-"))), ["0 k event @100", "0 t t wall-clock 50 @50"])

    def test_a_failed_event_sets_no_timer(self) -> None:
        one = Task(Timing)
        self.assertEqual(len(one.send(say(0, "fail t"), say(1, "-")).failures), 1)
        self.assertEqual(one.timers, {})

    def test_a_time_before_1970_counts_as_1970(self) -> None:
        self.assertEqual(Task(Timing).send(say(0, "set t -7")).calls[0].timers.at, [0])

    def test_what_is_no_timer_is_refused(self) -> None:
        self.assertIn("goes by", Task(Timing).send(say(0, "set t 5 noon")).failures[0].message)

        class Storeless(Plugin[NoSettings]):
            def setup(self, settings: NoSettings, wiring: Wiring) -> None:
                wiring.input("in")

            def process(self, event: Given, ctx: Context) -> None:
                ctx.set_timer("t", 1)

        self.assertIn("declares a store", Task(Storeless).send(Event()).failures[0].message)
