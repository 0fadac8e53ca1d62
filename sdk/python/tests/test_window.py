"""Windows: the same results however the events come."""

from __future__ import annotations

import json
import unittest
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from wasmill import Context, NoSettings, Plugin, Reject, Sink, Timer, Window, Windows, Wiring
from wasmill import Event as Given
from wasmill.span import Fixed, Missing, Open, Sessions, starts

from .host import Entry, host
from .task import Came, Event, Task, refusal


@dataclass
class Sum:
    events: int = 0
    sum: int = 0


def merge(one: Sum, other: Sum) -> Sum:
    return Sum(one.events + other.events, one.sum + other.sum)


class Sums(Plugin[NoSettings]):
    """Sums numbers by key in windows of four kinds."""

    def setup(self, settings: NoSettings, wiring: Wiring) -> None:
        wiring.input("in")
        self.kinds = [
            wiring.tumbling("tumbling", 100, Sum, grace=30, keyed_by_event=True),
            wiring.hopping("hopping", 100, 40, Sum),
            wiring.sessions("sessions", 50, merge, Sum, grace=20),
            wiring.tumbling("running", 100, Sum, running=True),
        ]
        self.sinks = [wiring.sink(windows.name) for windows in self.kinds]
        self.late = wiring.sink("late")

    def process(self, event: Given, ctx: Context) -> None:
        number = event.json(int)

        def add(total: Sum) -> Sum:
            # Changes what it is given: a default that several windows shared would show.
            total.events += 1
            total.sum += number
            return total

        default = Sum()
        for windows, sink in zip(self.kinds, self.sinks):
            update = windows.update(event.key or b"", add, default)
            if update.late:
                ctx.emit(self.late, key=windows.name)
            self.send(update.results, sink, ctx)
        if number < 0:
            raise Reject("negative", "after all windows were changed")

    def on_timer(self, timer: Timer, ctx: Context) -> None:
        for windows, sink in zip(self.kinds, self.sinks):
            self.send(windows.on_timer(timer), sink, ctx)

    def send(self, windows: list[Window[Sum]], sink: Sink, ctx: Context) -> None:
        for window in windows:
            ctx.emit(sink, key=window.key, timestamp=window.end, json=window)


Told = tuple[str, int, int]


def event(told: Told) -> Event:
    key, timestamp, number = told
    return Event(key, str(number), timestamp)


def results(came: Came, sink: str) -> list[str]:
    """What came out at a sink, as `KEY START..END EVENTS/SUM`."""
    found = []
    for output in came.outputs:
        if output.sink == sink:
            window = json.loads(output.value or b"")
            assert output.timestamp == window["end"] and set(window) == {"start", "end", "value"}, output
            total = window["value"]
            found.append(f"{(output.key or b'').decode()} {window['start']}..{window['end']} {total['events']}/{total['sum']}")
    return found


def run(*events: Told) -> Came:
    return Task(Sums).send(*map(event, events))


def story() -> list[Told]:
    """Out of order by up to 60 ms, with gaps and failures; the same each time."""
    random = 7

    def following(below: int) -> int:
        nonlocal random
        random = (random * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % (1 << 64)
        return (random >> 33) % below

    told, time = [], 0
    for _ in range(600):
        time += following(400) if following(20) == 0 else following(12)
        told.append(("abcde"[following(5)], max(time - following(60), 0), following(50) - 2))
    return told


class WindowsTest(unittest.TestCase):
    def test_a_window_closes_by_an_event_of_its_key_or_by_a_timer_when_its_grace_is_over(self) -> None:
        came = run(("a", 10, 1), ("b", 20, 2), ("a", 129, 3), ("a", 99, 4), ("a", 130, 5), ("b", 131, 6), ("a", 98, 7))
        # a closes by its event at 130, b by the timer right after it.
        self.assertEqual(results(came, "tumbling"), ["a 0..100 2/5", "b 0..100 1/2"])
        causes = [(output.event, output.timer) for output in came.outputs if output.sink == "tumbling"]
        self.assertEqual(causes, [(4, None), (4, b"tumbling\0b")])
        late = [output.key for output in came.outputs if output.sink == "late" and output.event == 6]
        self.assertIn(b"tumbling", late, "its window is closed")

    def test_hopping_windows_overlap(self) -> None:
        came = run(("a", 50, 1), ("a", 85, 2), ("b", 500, 9))
        self.assertEqual(results(came, "hopping"), ["a -40..60 1/1", "a 0..100 2/3", "a 40..140 2/3", "a 80..180 1/2"])

    def test_sessions_end_after_a_gap_and_are_joined_by_what_comes_late(self) -> None:
        came = run(("a", 0, 1), ("a", 49, 2), ("a", 110, 4), ("a", 80, 8), ("b", 500, 9))
        self.assertEqual(results(came, "sessions"), ["a 0..160 4/15"])
        came = run(("a", 0, 1), ("a", 50, 2), ("b", 70, 0), ("a", 120, 4), ("b", 500, 9))
        self.assertEqual(results(came, "sessions"), ["a 0..50 1/1", "a 50..100 1/2", "b 70..120 1/0", "a 120..170 1/4"])

    def test_running_results_come_with_each_event_and_need_no_timer(self) -> None:
        task = Task(Sums)
        came = task.send(*map(event, [("a", 10, 1), ("a", 20, 2), ("a", 120, 4), ("a", 99, 8)]))
        self.assertEqual(results(came, "running"), ["a 0..100 1/1", "a 0..100 2/3", "a 100..200 1/4"])
        self.assertFalse([key for _, key in task.timers if key.startswith(b"running")])
        self.assertEqual(task.wiring.stores[3].ttl_ms, 100, "what is over is gone by itself")

    def test_nothing_is_left_when_all_windows_are_closed(self) -> None:
        task = Task(Sums)
        task.send(*map(event, [("a", 10, 1), ("b", 20, 2), ("a", 120, 4), ("z", 100_000, 0)]))
        for store in ("tumbling", "hopping", "sessions"):
            self.assertEqual(list(task.entries(store)), [b"z"], store)
        self.assertEqual(sorted(key for _, key in task.timers), [b"hopping\0z", b"sessions\0z", b"tumbling\0z"])

    def test_what_is_kept_of_a_key_has_the_form_that_it_has_in_rust(self) -> None:
        task = Task(Sums)
        task.send(event(("é", 10, 1)))
        kept = b'{"windows":[{"start":0,"end":100,"value":{"events":1,"sum":1}}]'
        self.assertEqual(task.entries("tumbling"), {"é".encode(): kept + b',"wakes":130}'})
        self.assertEqual(task.entries("running"), {"é".encode(): kept + b"}"})

    def test_results_do_not_depend_on_how_events_are_cut_into_calls_nor_on_what_the_instance_still_knows(self) -> None:
        events = [event(told) for told in story()]

        def handled(events_a_call: int, restart_every: int) -> Any:
            task = Task(Sums, events_a_call=events_a_call)
            found = []
            for first in range(0, len(events), restart_every):
                came = task.send(*events[first : first + restart_every])
                found += [(output.sink, output.key, output.value) for output in came.outputs]
                task.restart()
            return found, host.stores, task.timers

        expected = handled(500, len(events))
        self.assertGreater(len(expected[0]), 900)
        for size in (1, 7):
            self.assertEqual(handled(size, len(events)), expected, f"calls of {size}")
        self.assertEqual(handled(500, 13), expected)

    def test_final_results_are_what_the_events_in_time_add_up_to(self) -> None:
        stream_time = -1
        expected: dict[tuple[str, int], tuple[int, int]] = {}
        for key, time, number in story():
            stream_time = max(stream_time, time)
            start = time // 100 * 100
            if number >= 0 and start + 130 > stream_time:
                events, total = expected.get((key, start), (0, 0))
                expected[key, start] = (events + 1, total + number)
        lines = [f"{key} {start}..{start + 100} {events}/{total}" for (key, start), (events, total) in expected.items() if start + 130 <= stream_time]
        self.assertEqual(sorted(results(run(*story()), "tumbling")), sorted(lines))

    def test_times_at_the_end_of_all_do_no_harm(self) -> None:
        task = Task(Sums)
        task.latest = 1000
        self.assertEqual(task.send(event(("a", (1 << 63) - 1, 1)), event(("a", 0, 1))).failures, [])
        self.assertTrue(all(at < 1 << 63 for at in task.timers.values()))


def counting(process: Callable[[Windows[Any], Given, Callable[[Any], None]], Any], values: Any = Any) -> Task:
    """A plugin whose events are handled by this, with windows of 100 ms: what it emits comes out as JSON."""

    class Counting(Plugin[NoSettings]):
        def setup(self, settings: NoSettings, wiring: Wiring) -> None:
            wiring.input("in")
            self.out = wiring.sink("out")
            self.counts = wiring.tumbling("counts", "100 ms", values)

        def process(self, event: Given, ctx: Context) -> None:
            process(self.counts, event, lambda value: ctx.emit(self.out, json=value))

    return Task(Counting)


class SomeWindows(unittest.TestCase):
    def test_open_windows_can_be_looked_at(self) -> None:
        def process(counts: Windows[int], event: Given, emit: Callable[[Any], None]) -> None:
            if event.key == b"look":
                emit([[window.key.decode(), window] for window in counts.open("a")])
            else:
                counts.update(event.key or b"", lambda count: count + 1, 0)

        came = counting(process).send(Event("a", timestamp=1), Event("look", timestamp=99), Event("look", timestamp=100))
        self.assertEqual(came.json(), [[["a", {"start": 0, "end": 100, "value": 1}]], []])

    def test_a_late_event_writes_nothing(self) -> None:
        came = counting(lambda counts, event, emit: emit(counts.update(event.key or b"", lambda count: count + 1, 0))).send(
            Event("a", timestamp=100), Event("a", timestamp=99), Event("b", timestamp=99)
        )
        self.assertEqual([update["late"] for update in came.json()], [False, True, True])
        self.assertEqual(came.calls[0].writes.sources, [0])

    def test_values_keep_all_digits_if_they_have_a_type_and_are_any_json_if_not(self) -> None:
        for values, default, expected in ((Decimal, Decimal(0), "0.30"), (Any, 0.5, "0.8")):
            step = type(default)("0.15")
            task = counting(lambda counts, event, emit: counts.update("k", lambda value: value + step, default), values)
            for _ in range(2):
                # Read back from what was written.
                self.assertEqual(task.send(Event()).failures, [])
                task.restart()
            self.assertIn(f'"value":{expected}'.encode(), task.entries("counts")[b"k"])

    def test_what_cannot_be_a_windows_value_is_refused_and_what_is_no_window_stops_the_plugin(self) -> None:
        for values in (Any, int):
            task = counting(lambda counts, event, emit: counts.update(event.key or b"", lambda count: None, 0), values)
            host.stores[0].update({b"old": Entry(b"7"), b"older": Entry(b"{}"), b"other": Entry(b'{"windows":[{"start":0,"end":1}]}')})
            failures = [failure for key in ("new", "old", "older", "other") for failure in task.send(Event(key)).failures]
            self.assertEqual([failure.kind for failure in failures], ["reject", "stop", "stop", "stop"])
            self.assertIn("answers the new value, and answered None", failures[0].message)
            self.assertIn("they are no windows", failures[1].message)

    def test_windows_that_make_no_sense_are_refused(self) -> None:
        def refused(declare: Callable[[Wiring], Any]) -> str:
            class Declaring(Plugin[NoSettings]):
                def setup(self, settings: NoSettings, wiring: Wiring) -> None:
                    declare(wiring)

            return refusal(Declaring)

        for fine in (lambda wiring: wiring.hopping("fine", "1 h", "1 min", grace="1 h"), lambda wiring: wiring.tumbling("fine", "1 h", grace="0 s")):
            with self.assertRaisesRegex(AssertionError, "it was not refused"):
                refused(fine)
        self.assertEqual(
            refused(lambda wiring: wiring.hopping("wrong", "1 min", "1 h")),
            "the windows `wrong` leave out events: they begin further apart than they are long",
        )
        self.assertIn("up to 10001 of a key open at once", refused(lambda wiring: wiring.hopping("wrong", 10, 1, grace=9991)))
        self.assertIn("0 is no duration", refused(lambda wiring: wiring.tumbling("wrong", 0)))
        self.assertIn("-1 is no duration", refused(lambda wiring: wiring.tumbling("wrong", 1, grace=-1)))
        self.assertIn("the store `a` twice", refused(lambda wiring: (wiring.store("a"), wiring.tumbling("a", "1 s"))))


class Spans(unittest.TestCase):
    def test_a_time_is_in_the_windows_that_begin_up_to_their_size_before(self) -> None:
        for size, every in ((10, 1), (10, 3), (10, 7), (10, 10)):
            for time in range(-30, 30):
                expected = [number * every for number in range(-60, 60) if number * every <= time < number * every + size]
                self.assertEqual(list(starts(time, size, every)), expected, f"{time} in {size} every {every}")

    def test_an_event_is_in_each_window_that_is_still_open(self) -> None:
        def opened(time: int, stream_time: int) -> list[tuple[int, int]]:
            changed = Fixed(10, 5).add([], time, lambda end: end + 5 <= stream_time, lambda value: 1)
            return [(window.start, window.end) for window in changed]

        both = [(0, 10), (5, 15)]
        self.assertEqual([opened(7, 7), opened(7, 14), opened(7, 15), opened(7, 20)], [both, both, both[1:], []])

    def test_sessions_grow_join_and_are_apart_by_a_gap(self) -> None:
        def opened(grace: int, *events: tuple[int, int]) -> list[tuple[int, int, list[int]]]:
            windows: list[Open] = []
            for time, stream_time in events:
                windows = [window for window in windows if window.end + grace > stream_time]
                shape = Sessions(10, lambda one, other: one + other)
                shape.add(windows, time, lambda end: end + grace <= stream_time, lambda times: ([] if times is Missing else times) + [time])
            return [(window.start, window.end, window.value) for window in windows]

        self.assertEqual(opened(0, (0, 0), (9, 9)), [(0, 19, [0, 9])])
        self.assertEqual(opened(0, (10, 5), (0, 5)), [(0, 10, [0]), (10, 20, [10])])
        self.assertEqual(opened(100, (0, 19), (18, 19), (9, 19)), [(0, 28, [0, 18, 9])])
        self.assertEqual(opened(100, (20, 20), (11, 20)), [(11, 30, [20, 11])])
        self.assertEqual(opened(0, (5, 5), (2, 13)), [(2, 15, [5, 2])], "alone it would be closed; the session that it joins is not")
        self.assertEqual(opened(0, (2, 13)), [])
