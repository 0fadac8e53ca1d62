// Does what its events ask for: see ../README.md.

import { Decimal, plugin, Reject, Retry } from "wasmill";

export default plugin({
  setup(settings, wiring) {
    wiring.input("in");
    wiring.input("other");
    const out = wiring.sink("out");
    const plain = wiring.store("plain");
    const old = wiring.store("old", { ttl: "100 ms", keyedByEvent: true });
    const raw = wiring.store("raw", { bytes: true });
    const all = [
      wiring.tumbling("tumbling", "100 ms", { grace: "30 ms", keyedByEvent: true }),
      wiring.hopping("hopping", 100, 40),
      wiring.sessions("sessions", 50, (one, other) => [...one, ...other], { grace: 20 }),
      wiring.tumbling("running", 100, { running: true }),
    ];
    const send = (windows, name, ctx) => {
      for (const window of windows) ctx.emit(out, { key: window.key, timestamp: window.end, json: { of: name, window } });
    };

    const commands = {
      set(say, { k, v }) {
        plain.set(k, v);
        say([plain.get(k), plain.has(k)]);
      },
      get: (say, { k }) => say([plain.get(k) ?? null, plain.has(k)]),
      delete: (say, { k }) => say(plain.delete(k)),
      scan: (say, { range }) => say([...plain.entries(range)]),
      reject(say, { k, v }, event, ctx) {
        plain.set(k, v);
        ctx.emit(out, { value: "never", headers: { never: "sent" }, partition: 1, timestamp: 1 });
        ctx.setTimer("never", 0);
        throw new Reject("no", "way", { detail: "a detail" });
      },
      crash(say, { k, v }) {
        plain.set(k, v);
        throw new TypeError("boom");
      },
      expiring(say, { v }, event) {
        say(old.get(event.key) ?? null);
        old.set(event.key, v);
      },
      expired: (say, command, event) => say([old.get(event.key) ?? null, [...old].length]),
      bytes(say) {
        raw.set("k", new Uint8Array([0, 255, 65]));
        say([...raw.get("k")]);
      },
      timer: (say, { k, at, clock }, event, ctx) => ctx.setTimer(k, at, clock),
      cancel: (say, { k }, event, ctx) => ctx.cancelTimer(k),
      where: (say, command, event, ctx) =>
        say([ctx.streamTime, ctx.partition, event.offset, ctx.timestamp, event.topic, event.input.name, event.header("h") ?? null]),
      headers(say, { keep }, event, ctx) {
        ctx.emit(out, { value: "v", headers: { a: "b", n: null }, keepHeaders: keep });
        ctx.emit(out, { key: null, value: null, partition: 3, timestamp: 77 });
      },
      decimals: (say) => say({ kept: new Decimal("10.10"), sum: new Decimal("0.1").plus("0.20"), product: new Decimal("1.5").times("1.50") }),
      text: (say) => say('ключ 😀 \\ "'),
      window(say, { v }, event, ctx) {
        for (const windows of all) {
          const update = windows.update(event.keyBytes, (values) => [...values, v], []);
          send(update.results, windows.name, ctx);
          if (update.late) say([windows.name, "late"]);
        }
      },
      open: (say, { k }) => say(all.map((windows) => windows.open(k))),
      retry() {
        throw new Retry("later", "please");
      },
    };

    return {
      process(event, ctx) {
        const command = event.json();
        commands[command.do]((value) => ctx.emit(out, { json: value }), command, event, ctx);
      },

      onTimer(timer, ctx) {
        for (const windows of all) send(windows.onTimer(timer), windows.name, ctx);
        // Theirs.
        if (timer.key.includes("\0")) return;
        const fired = plain.update("fired", (count) => count + 1, 0);
        ctx.emit(out, { json: { timer: timer.key, at: timer.at, fired, time: ctx.streamTime } });
        if (timer.key === "again" && timer.at < 400) ctx.setTimer("again", timer.at + 50);
        if (timer.key === "kill") ctx.cancelTimer("victim");
      },
    };
  },
});
