"""What comes in and what goes out, as columns."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Literal

from wasmill import Context, NoSettings, Plugin, Sink, Wiring
from wasmill import Event as Given

from .task import Came, Event, Task

Look = Callable[[Given, Context, Sink], Any]


def task(process: Look) -> tuple[Task, list[Any]]:
    """A plugin whose events are handled by this, and what that answers."""
    answers: list[Any] = []

    class Looking(Plugin[NoSettings]):
        def setup(self, settings: NoSettings, wiring: Wiring) -> None:
            wiring.input("in")
            self.out = wiring.sink("out")

        def process(self, event: Given, ctx: Context) -> None:
            answers.append(process(event, ctx, self.out))

    return Task(Looking), answers


def run(process: Look, *events: Event) -> Came:
    return task(process)[0].send(*events)


def seen(process: Look, *events: Event) -> list[Any]:
    one, answers = task(process)
    came = one.send(*events)
    assert not came.failures, came.failures
    return answers


class Events(unittest.TestCase):
    def test_keys_and_values_are_cut_out_of_the_columns_empty_ones_and_null_ones_too(self) -> None:
        events = [Event("a", "one"), Event(None, "two"), Event("", ""), Event("é", None), Event("z", "ü")]
        self.assertEqual(
            seen(lambda event, ctx, out: (event.key_text, event.value_text, event.is_tombstone), *events),
            [("a", "one", False), (None, "two", False), ("", "", False), ("é", None, True), ("z", "ü", False)],
        )

    def test_an_event_knows_where_and_when_it_is(self) -> None:
        def look(event: Given, ctx: Context, out: Sink) -> Any:
            return event.topic, event.partition, event.offset, event.timestamp, ctx.timestamp, ctx.stream_time, event.input.name

        self.assertEqual(
            seen(look, Event(timestamp=7), Event(timestamp=5)), [("in", 3, 100, 7, 7, 7, "in"), ("in", 3, 101, 5, 5, 7, "in")]
        )

    def test_a_timestamp_that_is_too_far_ahead_of_the_clock_does_not_move_stream_time(self) -> None:
        one, answers = task(lambda event, ctx, out: ctx.stream_time)
        one.latest = 100
        one.send(Event(timestamp=100), Event(timestamp=101))
        self.assertEqual(answers, [100, 100])

    def test_bytes_that_are_no_text_are_read_as_bytes_and_rejected_as_text(self) -> None:
        event = Event(b"\xff\0", b"\xc3")
        self.assertEqual(seen(lambda event, ctx, out: (event.key, event.value), event), [(b"\xff\0", b"\xc3")])
        failures = run(lambda event, ctx, out: event.key_text, event).failures
        self.assertEqual(failures[0].code, "not-text")

    def test_headers_keep_their_order_and_the_last_one_of_a_name_counts(self) -> None:
        headers = [("n", b"1"), ("m", None), ("n", b"2")]
        self.assertEqual(
            seen(lambda event, ctx, out: (event.headers, event.header("n"), event.header("x")), Event(), Event(headers=headers)),
            [([], None, None), (headers, b"2", None)],
        )

    def test_an_event_that_is_forwarded_costs_no_data(self) -> None:
        event = Event("k", "v", 5, [("h", b"1")])
        came = run(lambda event, ctx, out: ctx.forward(out), event, event)
        self.assertEqual(came.calls[0].data, b"")
        output = came.outputs[1]
        self.assertEqual((output.event, output.key, output.value, output.timestamp, output.headers), (1, b"k", b"v", 5, event.headers))

    def test_an_output_has_what_is_given_and_the_rest_of_the_event(self) -> None:
        def emit(event: Given, ctx: Context, out: Sink) -> None:
            ctx.emit(out)
            ctx.emit(out, key="é", value=None)
            ctx.emit(out, key=None, json={"a": [1, "ü"], "d": Decimal("1.10")})
            ctx.emit(out, value=b"A", timestamp=datetime(1970, 1, 1, 0, 0, 1, tzinfo=timezone.utc), partition=2)
            ctx.emit(out, json=None)

        came = run(emit, Event("k", "v", 5))
        self.assertEqual(
            [(output.key, output.value, output.timestamp, output.partition) for output in came.outputs],
            [
                (b"k", b"v", 5, -1),
                ("é".encode(), None, 5, -1),
                (None, '{"a":[1,"ü"],"d":1.10}'.encode(), 5, -1),
                (b"k", b"A", 1000, 2),
                (b"k", b"null", 5, -1),
            ],
        )

    def test_headers_of_an_output_are_its_own_with_the_trace_of_the_event(self) -> None:
        def emit(event: Given, ctx: Context, out: Sink) -> None:
            ctx.emit(out)
            ctx.emit(out, headers={"a": "1", "b": None})
            ctx.emit(out, keep_headers=True)
            ctx.emit(out, keep_headers=True, headers=[("h", b"2")])
            ctx.emit(out, headers={"traceparent": "own"})

        trace = [("traceparent", b"t"), ("tracestate", b"s")]
        headers = [("h", b"1"), *trace]
        came = run(emit, Event(headers=headers))
        self.assertEqual(
            [output.headers for output in came.outputs],
            [trace, [("a", b"1"), ("b", None), *trace], headers, [*headers, ("h", b"2")], [("traceparent", b"own")]],
        )

    def test_outputs_without_headers_may_stand_before_some_with(self) -> None:
        def emit(event: Given, ctx: Context, out: Sink) -> None:
            ctx.forward(out)
            ctx.emit(out, headers={"a": "1"}, timestamp=7)
            ctx.emit(out)

        came = run(emit, Event(timestamp=5))
        self.assertEqual([(output.headers, output.timestamp) for output in came.outputs], [([], 5), ([("a", b"1")], 7), ([], 5)])

    def test_an_output_that_cannot_be_sent_is_refused(self) -> None:
        wrong: list[dict[str, Any]] = [
            {"key": 1},
            {"value": {}},
            {"json": 1, "value": "1"},
            {"json": float("nan")},
            {"json": object()},
            {"timestamp": "now"},
            {"partition": -2},
            {"partition": "1"},
            {"headers": {"a": 1}},
            {"timestamp": datetime(2024, 1, 1)},
        ]
        for given in wrong:
            with self.subTest(given):
                came = run(lambda event, ctx, out: ctx.emit(out, **given), Event("k"))
                self.assertEqual((len(came.failures), came.outputs, came.calls[0].data), (1, [], b""))
        failures = run(lambda event, ctx, out: ctx.forward("out"), Event()).failures  # type: ignore[arg-type]
        self.assertIn("a sink is what `wiring.sink` gave, and this is 'out'", failures[0].message)


@dataclass
class Line:
    product: str
    count: int = 1


@dataclass
class Order:
    id: str
    amount: Decimal
    note: str | None = None
    lines: list[Line] = field(default_factory=list)
    kind: Literal["new", "old"] = "new"
    ratio: float = 0.5


class Json(unittest.TestCase):
    def read(self, *values: str) -> tuple[list[Any], list[str]]:
        one, answers = task(lambda event, ctx, out: event.json(Order))
        failures = one.send(*(Event(None, value) for value in values)).failures
        self.assertEqual([failure.code for failure in failures], ["bad-json"] * len(failures))
        return answers, [failure.message for failure in failures]

    def test_any_json_is_parsed_and_what_is_none_is_rejected(self) -> None:
        self.assertEqual(seen(lambda event, ctx, out: event.json(), Event(None, ' {"a":"é"} ')), [{"a": "é"}])
        events = [Event(None, value) for value in ("{", None, b"\xff", "NaN", "1 2", "")]
        codes = [failure.code for failure in run(lambda event, ctx, out: event.json(), *events).failures]
        self.assertEqual(codes, ["bad-json", "no-value", "bad-json", "bad-json", "bad-json", "bad-json"])

    def test_a_dataclass_has_what_it_names_with_all_digits(self) -> None:
        texts = (
            '{"id":"a","amount":10.10,"x":{"id":1}}',
            '{"id":"é\\n","amount":"1e2","note":null,"lines":[{"product":"p"},{"product":"q","count":2}],"kind":"old","ratio":2}',
        )
        found, _ = self.read(*texts)
        self.assertEqual(found, [Order("a", Decimal("10.10")), Order("é\n", Decimal("1e2"), None, [Line("p"), Line("q", 2)], "old", 2.0)])
        self.assertEqual(str(found[0].amount), "10.10")

    def test_a_field_that_stands_there_twice_is_found_when_all_are_there_too(self) -> None:
        one, answers = task(lambda event, ctx, out: event.json(Line))
        came = one.send(Event(None, '{"product":"a","count":2}'), Event(None, '{"product":"a","product":"b","count":1}'))
        self.assertEqual((answers, len(came.failures)), ([Line("a", 2)], 1))

    def test_what_does_not_fit_is_told_with_its_place(self) -> None:
        texts = (
            '{"id":"a"}',
            '{"id":1,"amount":1}',
            '{"id":"a",\n"amount":"x"}',
            '{"id":"a","id":"b","amount":1}',
            "[]",
            '{"id":"a","amount":1,"kind":"odd"}',
            '{"id":"a","amount":1,"lines":[{}]}',
            '{"id":"a","amount":1' + "1" * 40 + "}",
        )
        _, messages = self.read(*texts)
        self.assertEqual(
            messages,
            [
                "missing field `amount` at line 1 column 10",
                "invalid type: integer `1`, expected a string at line 1 column 7",
                '"x" is not a decimal number of at most 38 digits at line 2 column 12',
                "duplicate field `id` at line 1 column 14",
                "invalid type: sequence, expected an object at line 1 column 0",
                '"odd" is none of "new", "old" at line 1 column 33',
                "missing field `product` at line 1 column 33",
                "1" + "1" * 40 + " is not a decimal number of at most 38 digits at line 1 column 60",
            ],
        )
