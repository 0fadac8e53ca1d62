"""Does what its events ask for: see ../README.md."""

from decimal import Decimal

from wasmill import Context, Event, NoSettings, Plugin, Reject, Retry, Timer, Window, Wiring


class Exercise(Plugin[NoSettings]):
    def setup(self, settings: NoSettings, wiring: Wiring) -> None:
        wiring.input("in")
        wiring.input("other")
        self.out = wiring.sink("out")
        self.plain = wiring.store("plain")
        self.old = wiring.store("old", ttl="100 ms", keyed_by_event=True)
        self.raw = wiring.bytes_store("raw")
        self.windows = [
            wiring.tumbling("tumbling", "100 ms", list[int], grace="30 ms", keyed_by_event=True),
            wiring.hopping("hopping", 100, 40, list[int]),
            wiring.sessions("sessions", 50, lambda one, other: one + other, list[int], grace=20),
            wiring.tumbling("running", 100, list[int], running=True),
        ]

    def process(self, event: Event, ctx: Context) -> None:
        command = event.json()
        key, value = command.get("k"), command.get("v")
        out, plain, old = self.out, self.plain, self.old
        match command["do"]:
            case "set":
                plain[key] = value
                ctx.emit(out, json=[plain[key], key in plain])
            case "get":
                ctx.emit(out, json=[plain.get(key), key in plain])
            case "delete":
                ctx.emit(out, json=plain.pop(key, None) is not None)
            case "scan":
                wanted = command.get("range", {})
                entries = plain.range(
                    wanted.get("from", ""), wanted.get("to"), prefix=wanted.get("prefix"), reverse=wanted.get("reverse", False)
                )
                ctx.emit(out, json=list(entries))
            case "reject":
                plain[key] = value
                ctx.emit(out, value="never", headers={"never": "sent"}, partition=1, timestamp=1)
                ctx.set_timer("never", 0)
                raise Reject("no", "way", detail="a detail")
            case "crash":
                plain[key] = value
                raise TypeError("boom")
            case "expiring":
                assert event.key is not None
                ctx.emit(out, json=old.get(event.key))
                old[event.key] = value
            case "expired":
                assert event.key is not None
                ctx.emit(out, json=[old.get(event.key), len(old)])
            case "bytes":
                self.raw["k"] = bytes([0, 255, 65])
                ctx.emit(out, json=list(self.raw["k"]))
            case "timer":
                ctx.set_timer(key, command["at"], command.get("clock", "event-time"))
            case "cancel":
                ctx.cancel_timer(key)
            case "where":
                header = event.header("h")
                text = None if header is None else header.decode()
                place = [ctx.stream_time, ctx.partition, event.offset, ctx.timestamp, event.topic, event.input.name, text]
                ctx.emit(out, json=place)
            case "headers":
                ctx.emit(out, value="v", headers={"a": "b", "n": None}, keep_headers=command.get("keep", False))
                ctx.emit(out, key=None, value=None, partition=3, timestamp=77)
            case "decimals":
                kept, total, product = Decimal("10.10"), Decimal("0.1") + Decimal("0.20"), Decimal("1.5") * Decimal("1.50")
                ctx.emit(out, json={"kept": kept, "sum": total, "product": product})
            case "text":
                ctx.emit(out, json='ключ 😀 \\ "')
            case "window":
                assert event.key is not None
                for windows in self.windows:
                    update = windows.update(event.key, lambda values: [*values, value], [])
                    self.send(update.results, windows.name, ctx)
                    if update.late:
                        ctx.emit(out, json=[windows.name, "late"])
            case "open":
                ctx.emit(out, json=[windows.open(key) for windows in self.windows])
            case "retry":
                raise Retry("later", "please")

    def send(self, results: list[Window[list[int]]], name: str, ctx: Context) -> None:
        for window in results:
            ctx.emit(self.out, key=window.key, timestamp=window.end, json={"of": name, "window": window})

    def on_timer(self, timer: Timer, ctx: Context) -> None:
        for windows in self.windows:
            self.send(windows.on_timer(timer), windows.name, ctx)
        if b"\0" in timer.key:
            # Theirs.
            return
        fired = self.plain.update_entry("fired", lambda count: count + 1, 0)
        ctx.emit(self.out, json={"timer": timer.key_text, "at": timer.at, "fired": fired, "time": ctx.stream_time})
        if timer.key == b"again" and timer.at < 400:
            ctx.set_timer("again", timer.at + 50)
        if timer.key == b"kill":
            ctx.cancel_timer("victim")
