"""What a plugin remembers."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from wasmill import Context, NoSettings, Plugin, Reject, Store, Wiring
from wasmill import Event as Given

from .host import Entry, host
from .task import Event, Task

Emit = Callable[[Any], None]
Process = Callable[[Store[Any], Given, Emit], Any]


def task(process: Process, values: Any = Any, of_bytes: bool = False, **options: Any) -> Task:
    """A plugin whose events are handled by this: what it emits comes out as JSON."""

    class Storing(Plugin[NoSettings]):
        def setup(self, settings: NoSettings, wiring: Wiring) -> None:
            wiring.input("in")
            self.out = wiring.sink("out")
            self.store: Store[Any] = wiring.bytes_store("store", **options) if of_bytes else wiring.store("store", values, **options)

        def process(self, event: Given, ctx: Context) -> None:
            process(self.store, event, lambda value: ctx.emit(self.out, json=value))

    return Task(Storing)


def count(store: Store[int], event: Given, emit: Emit) -> None:
    emit(store.update_entry(event.key or b"", lambda count: count + 1, 0))


def look(store: Store[Any], event: Given, emit: Emit) -> None:
    emit(store.get(event.key or b""))


def keys(*names: str) -> list[Event]:
    return [Event(name) for name in names]


@dataclass
class Total:
    orders: int = 0
    largest: Decimal = Decimal(0)
    seen: list[str] = field(default_factory=list)


class Stores(unittest.TestCase):
    def test_what_an_event_writes_the_next_one_sees_and_a_call_writes_an_entry_once(self) -> None:
        one = task(count)
        came = one.send(*keys("a", "b", "a", "a"))
        self.assertEqual(came.json(), [1, 1, 2, 3])
        self.assertEqual(came.calls[0].writes.sources, [1, 3])
        self.assertEqual(one.entries("store"), {b"a": b"3", b"b": b"1"})

    def test_what_is_known_is_not_asked_for_again_until_a_fresh_instance_is_at_work(self) -> None:
        one = task(count)
        one.send(*keys("a", "a"))
        one.send(*keys("a"))
        self.assertEqual(host.asked, [[b"a"]])
        one.restart()
        self.assertEqual(one.send(*keys("a")).json(), [4])
        self.assertEqual(len(host.asked), 2)

    def test_with_keys_that_are_the_events_those_of_the_whole_call_are_asked_for_at_once(self) -> None:
        one = task(look, keyed_by_event=True)
        host.stores[0][b"c"] = Entry(b"7")
        self.assertEqual(one.send(*keys("a", "b", "a", "c")).json(), [None, None, None, 7])
        self.assertEqual(host.asked, [[b"a", b"b", b"c"]])

    def test_keys_that_the_host_leaves_out_are_asked_for_again(self) -> None:
        one = task(look, keyed_by_event=True)
        host.stores[0].update({key: Entry(b'"' + key + b'"') for key in (b"a", b"b", b"c")})
        host.most = 1
        self.assertEqual(one.send(*keys("a", "b", "c")).json(), ["a", "b", "c"])
        self.assertEqual(host.asked, [[b"a", b"b", b"c"], [b"b", b"c"], [b"c"]])

    def test_no_more_is_kept_than_an_instance_may_remember(self) -> None:
        def write(store: Store[str], event: Given, emit: Emit) -> None:
            store[event.key or b""] = "x" * 8192

        one = task(write)
        one.send(*keys("a"))
        one.send(*keys("a"))
        self.assertEqual(len(host.asked), 1, "a little is kept")
        for number in range(1100):
            one.send(Event(f"k{number}"))
        host.asked = []
        one.send(*keys("a"))
        self.assertEqual(host.asked, [[b"a"]], "9 MB are too much")

    def test_what_is_read_is_a_copy(self) -> None:
        def process(store: Store[Total], event: Given, emit: Emit) -> None:
            total = store.get("t", Total())
            total.seen.append(event.key_text or "")
            total.largest += Decimal("1.10")
            if event.key != b"lost":
                store["t"] = total
            emit(store["t"])

        one = task(process, Total)
        expected = [["a"], ["a"], ["a", "b"]]
        self.assertEqual([total["seen"] for total in one.send(*keys("a", "lost", "b")).json()], expected)
        self.assertEqual(one.entries("store"), {b"t": b'{"orders":0,"largest":2.20,"seen":["a","b"]}'})

    def test_a_failed_event_leaves_entries_as_they_were_those_of_its_own_call_too(self) -> None:
        def process(store: Store[int], event: Given, emit: Emit) -> None:
            store.update_entry("n", lambda count: count + 1, 0)
            if event.key == b"delete":
                del store["n"]
            if event.key != b"good":
                raise Reject("bad", "it is")
            emit(store["n"])

        one = task(process)
        came = one.send(*keys("bad", "good", "bad", "delete", "good"))
        self.assertEqual([output.value for output in came.outputs], [b"1", b"2"])
        self.assertEqual(len(came.failures), 3)
        self.assertEqual(one.entries("store"), {b"n": b"2"})

    def test_what_is_deleted_is_gone(self) -> None:
        def process(store: Store[int], event: Given, emit: Emit) -> None:
            if event.key == b"set":
                store["a"] = 1
            else:
                emit(["a" in store, store.pop("a", None), store.get("a"), len(store)])

        one = task(process)
        self.assertEqual(one.send(*keys("set", "x", "x")).json(), [[True, 1, None, 0], [False, None, None, 0]])
        self.assertEqual(one.entries("store"), {})

    def test_entries_are_gone_when_they_were_not_written_for_the_ttl_by_stream_time(self) -> None:
        def process(store: Store[int], event: Given, emit: Emit) -> None:
            if event.key == b"set":
                store["a"] = 1
            else:
                emit(["a" in store, list(store)])

        one = task(process, ttl="1 s")
        came = one.send(Event("set", timestamp=0), Event("", timestamp=999), Event("", timestamp=1000))
        self.assertEqual(came.json(), [[True, ["a"]], [False, []]])
        one.restart()
        self.assertEqual(one.send(Event("", timestamp=1000)).json(), [[False, []]], "what the host has is judged as well")

    def test_ranges_are_walked_in_the_order_of_bytes_with_what_the_call_has_written(self) -> None:
        ranges: list[dict[str, Any]] = [
            {},
            {"reverse": True},
            {"prefix": "b"},
            {"start": "b1", "stop": "b3"},
            {"start": "b", "stop": "b"},
            {"prefix": "b", "reverse": True},
        ]

        def process(store: Store[int], event: Given, emit: Emit) -> None:
            if event.key == b"write":
                store["b2"], store["é"], store["b1"] = 1, 1, 2
                del store["a"]
            else:
                for given in ranges:
                    emit([f"{key}{value}" for key, value in store.range(**given)])

        one = task(process)
        host.stores[0].update({key.encode(): Entry(b"0") for key in ("a", "b1", "b3", "c")})
        self.assertEqual(
            one.send(*keys("write", "walk")).json(),
            [
                ["b12", "b21", "b30", "c0", "é1"],
                ["é1", "c0", "b30", "b21", "b12"],
                ["b12", "b21", "b30"],
                ["b12", "b21"],
                [],
                ["b30", "b21", "b12"],
            ],
        )

    def test_a_walk_asks_for_page_after_page(self) -> None:
        one = task(lambda store, event, emit: emit(len(store)))
        host.stores[0].update({f"k{number}".encode(): Entry(b"1") for number in range(600)})
        self.assertEqual(one.send(*keys("walk")).json(), [600])

    def test_a_store_of_bytes_keeps_them_as_they_are(self) -> None:
        def process(store: Store[bytes], event: Given, emit: Emit) -> None:
            store[b"\1"] = b"\xff\0"
            emit(list(store[b"\1"]))

        one = task(process, of_bytes=True)
        self.assertEqual(one.send(Event()).json(), [[0xFF, 0]])
        self.assertEqual(one.entries("store"), {b"\1": b"\xff\0"})

    def test_what_does_not_fit_is_refused_and_what_cannot_be_read_stops_the_plugin(self) -> None:
        def long_value(store: Store[Any], event: Given, emit: Emit) -> None:
            store["k"] = "v" * 980_991

        def no_json(store: Store[Any], event: Given, emit: Emit) -> None:
            store["k"] = object()

        attempts: dict[str, Process] = {
            "has 65537 bytes, and 65536 are the most": lambda store, event, emit: store.get("k" * 65537),
            "has 980993 bytes, and 980992 are the most": long_value,
            "cannot be written as JSON": no_json,
            "is a str or bytes, not int": lambda store, event, emit: store[1],  # type: ignore[index]
            "does not fit": lambda store, event, emit: store["broken"],
        }
        for message, attempt in attempts.items():
            one = task(attempt, Total if message == "does not fit" else Any)
            host.stores[0][b"broken"] = Entry(b'{"orders":"many"}')
            failed = one.send(Event()).failures[0]
            self.assertIn(message, failed.message)
            self.assertEqual(failed.kind, "stop" if message == "does not fit" else "reject")
