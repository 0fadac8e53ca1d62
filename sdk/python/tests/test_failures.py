"""Events that fail, and what an operator is told."""

from __future__ import annotations

import unittest

from wasmill import Context, NoSettings, Plugin, Reject, Retry, Stop, Wiring
from wasmill import Event as Given

from .task import Event, Task


def throwing(raised: BaseException) -> Task:
    """A plugin that does something for each event, and then raises this for one that says `bad`."""

    class Throwing(Plugin[NoSettings]):
        def setup(self, settings: NoSettings, wiring: Wiring) -> None:
            wiring.input("in")
            self.out = wiring.sink("out")
            self.store = wiring.store("store")

        def process(self, event: Given, ctx: Context) -> None:
            text = event.value_text or ""
            ctx.emit(self.out, key=f"the {text}", headers={"h": text}, timestamp=7, partition=1)
            ctx.forward(self.out)
            self.store[text] = True
            ctx.set_timer(text, 1000)
            if text == "bad":
                raise raised

    return Task(Throwing)


EVENTS = [Event(value="good"), Event(value="bad"), Event(value="fine")]


class Failures(unittest.TestCase):
    def test_a_failed_event_has_no_effects_and_those_around_it_have_all_of_theirs(self) -> None:
        one = throwing(Reject("no-rate", "no rate for XTS", detail="asked twice"))
        came = one.send(*EVENTS)
        failed = came.failures[0]
        self.assertEqual((failed.event, failed.kind, failed.code, failed.message, failed.detail), (1, "reject", "no-rate", "no rate for XTS", "asked twice"))
        self.assertEqual(
            [(output.event, output.key, output.timestamp, output.partition, output.headers) for output in came.outputs],
            [
                (0, b"the good", 7, 1, [("h", b"good")]),
                (0, None, 0, -1, []),
                (2, b"the fine", 7, 1, [("h", b"fine")]),
                (2, None, 0, -1, []),
            ],
        )
        self.assertEqual(came.calls[0].writes.sources, [0, 2])
        self.assertEqual(set(one.entries("store")), {b"good", b"fine"})
        self.assertEqual([key for _, key in one.timers], [b"good", b"fine"])

    def test_an_event_that_asks_to_retry_or_to_stop_is_the_last_one_of_its_call(self) -> None:
        for failure, kind in ((Retry("later", "not yet"), "retry"), (Stop("broken", "never"), "stop")):
            came = throwing(failure).send(*EVENTS)
            self.assertEqual((came.failures[0].kind, came.failures[0].detail), (kind, None))
            self.assertEqual([call.done for call in came.calls], [2, 1])

    def test_any_other_exception_rejects_its_event_with_its_message_and_the_traceback(self) -> None:
        failed = throwing(KeyError("customer")).send(*EVENTS).failures[0]
        self.assertEqual((failed.kind, failed.code, failed.message), ("reject", "exception", "KeyError: 'customer'"))
        assert failed.detail is not None
        self.assertIn("test_failures.py", failed.detail)
        self.assertTrue(failed.detail.startswith("Traceback") and failed.detail.endswith("KeyError: 'customer'"), failed.detail)
        self.assertNotIn("wasmill/plugin.py", failed.detail, "the SDK's own frames say nothing to an author")

    def test_texts_of_failures_that_have_no_utf8_are_mended(self) -> None:
        failed = throwing(Reject("code", "half of a \ud83d", detail="\udc00")).send(*EVENTS).failures[0]
        self.assertEqual((failed.message, failed.detail), ("half of a ?", "?"))
