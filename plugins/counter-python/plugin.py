"""Counts the events of each key, in a store."""

from wasmill import Context, Event, NoSettings, Plugin, Reject, Wiring


class Counter(Plugin[NoSettings]):
    def setup(self, settings: NoSettings, wiring: Wiring) -> None:
        wiring.input("events")
        self.counts = wiring.store("counts", int, keyed_by_event=True)
        self.out = wiring.sink("counts")

    def process(self, event: Event, ctx: Context) -> None:
        if event.key is None:
            raise Reject("no-key", "the event has no key to count it by")
        count = self.counts.get(event.key, 0) + 1
        self.counts[event.key] = count
        ctx.emit(self.out, json=count)
