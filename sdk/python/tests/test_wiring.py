"""What a plugin declares, what its settings may be, and what it says to the log."""

from __future__ import annotations

import logging
import unittest
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from wasmill import Context, NoSettings, Plugin, Wiring, duration
from wasmill import Event as Given

from .host import Level, host
from .task import Event, Task, exports, refusal


class Declaring(Plugin[NoSettings]):
    def setup(self, settings: NoSettings, wiring: Wiring) -> None:
        wiring.input("orders")
        wiring.input("others", topic="shop.others")
        wiring.sink("out", last_of_commit=True)
        wiring.store("plain")
        wiring.store("all", int, ttl="2 h", version=3, keyed_by_event=True)
        wiring.bytes_store("bytes", ttl=timedelta(seconds=1))


class WiringTest(unittest.TestCase):
    def test_inputs_sinks_and_stores_are_told_to_the_host(self) -> None:
        wiring = Task(Declaring).wiring
        self.assertEqual([(port.name, port.topic) for port in wiring.inputs], [("orders", "orders"), ("others", "shop.others")])
        self.assertEqual([(sink.name, sink.topic, sink.emission.name) for sink in wiring.sinks], [("out", "out", "LAST_OF_COMMIT")])
        stores = [(store.name, store.ttl_ms, store.version, store.keyed_by_event) for store in wiring.stores]
        self.assertEqual(stores, [("plain", None, 0, False), ("all", 7_200_000, 3, True), ("bytes", 1000, 0, False)])

    def test_a_name_is_declared_once(self) -> None:
        for what in ("input", "sink", "store"):

            class Twice(Plugin[NoSettings]):
                def setup(self, settings: NoSettings, wiring: Wiring) -> None:
                    getattr(wiring, what)("a")
                    getattr(wiring, what)("a")

            self.assertEqual(refusal(Twice), f"the plugin declares the {what} `a` twice: keep its handle instead")

    def test_durations_have_a_unit_or_are_milliseconds(self) -> None:
        given = ["5 ms", "10s", "1 min", "2 h", "1 d", 7, timedelta(minutes=1)]
        self.assertEqual([duration(time) for time in given], [5, 10_000, 60_000, 7_200_000, 86_400_000, 7, 60_000])
        for wrong in ("", "5", "0 s", "1.5 s", "-1 s", 0, -1, "1 week", timedelta(0)):
            with self.assertRaisesRegex(ValueError, "is no duration"):
                duration(wrong)

    def test_a_module_has_one_plugin(self) -> None:
        class Other(Plugin[NoSettings]):
            pass

        for plugins, names in (((), "none"), ((Declaring, Other), "Declaring, Other")):
            with self.assertRaisesRegex(SystemExit, f"must have one subclass of wasmill.Plugin, and has {names}"):
                exports(*plugins)

    def test_a_plugin_says_what_it_is(self) -> None:
        about = exports(Declaring)[0]().describe()
        self.assertEqual((about.name, about.version, about.description, about.settings_schema), ("name", "0.1.0", "what it does", None))


@dataclass
class Settings:
    trusted_countries: list[str]
    threshold: Decimal = Decimal(300)
    rules: dict[str, int] = field(default_factory=dict)


class Set(Plugin[Settings]):
    def setup(self, settings: Settings, wiring: Wiring) -> None:
        wiring.input("in")
        self.settings = settings
        self.out = wiring.sink("out")
        if settings.threshold < 0:
            raise ValueError("the threshold is below zero")
        if settings.threshold == 0:
            raise KeyError("mistake")

    def process(self, event: Given, ctx: Context) -> None:
        ctx.emit(self.out, json=self.settings)


class SettingsTest(unittest.TestCase):
    def test_settings_are_read_and_checked_with_their_defaults(self) -> None:
        given: dict[str, Any] = {"trusted-countries": ["FR"]}
        self.assertEqual(Task(Set, given).send(Event()).json(), [{"trusted_countries": ["FR"], "threshold": 300, "rules": {}}])

    def test_settings_that_do_not_fit_are_refused_by_name(self) -> None:
        for settings, wrong in {
            "{}": "setting `trusted-countries`: missing field `trusted-countries`",
            '{"trusted-countries":[1]}': "setting `trusted-countries`: invalid type: integer `1`, expected a string",
            '{"trusted-countries":[],"a":1}': "setting `a`: unknown field `a`, expected one of `trusted-countries`, `threshold`, `rules`",
            '{"trusted-countries":[],"threshold":-1}': "the threshold is below zero",
        }.items():
            self.assertEqual(refusal(Set, settings), wrong)
        self.assertEqual(refusal(Declaring, '{"a":1}'), "setting `a`: unknown field `a`, there are no settings")

    def test_a_mistake_in_setup_is_refused_with_its_traceback_in_the_log(self) -> None:
        host.level, host.lines = Level.TRACE, []
        self.assertEqual(refusal(Set, '{"trusted-countries":[],"threshold":0}'), "KeyError: 'mistake'")
        level, message, _ = host.lines[0]
        self.assertEqual(level, "error")
        self.assertIn("test_wiring.py", message)


class LogTest(unittest.TestCase):
    def lines(self, level: Any) -> list[Any]:
        class Saying(Plugin[NoSettings]):
            def setup(self, settings: NoSettings, wiring: Wiring) -> None:
                wiring.input("in")

            def process(self, event: Given, ctx: Context) -> None:
                logging.log(5, "the finest")
                logging.debug("%d of %d", 1, 2)
                logging.info("order", extra={"id": 7})
                logging.getLogger("shop").warning("low")
                logging.critical("over")

        task = Task(Saying)
        host.level, host.lines = level, []
        task.send(Event())
        return host.lines

    def test_logging_writes_to_the_hosts_log_with_extra_as_fields(self) -> None:
        self.assertEqual(
            self.lines(Level.TRACE),
            [
                ("trace", "the finest", []),
                ("debug", "1 of 2", []),
                ("info", "order", [("id", "7")]),
                ("warn", "low", [("logger", "shop")]),
                ("error", "over", []),
            ],
        )

    def test_lines_below_the_hosts_level_are_not_handed_over(self) -> None:
        self.assertEqual([line[0] for line in self.lines(Level.WARN)], ["warn", "error"])
        self.assertEqual(self.lines(None), [])
