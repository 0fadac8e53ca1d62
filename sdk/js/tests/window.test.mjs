// Windows: the same results however the events come.

import assert from "node:assert/strict";
import { test } from "node:test";
import { host, Task, wasmill } from "./task.mjs";

const { Fixed, Sessions, starts } = await import("../src/span.js");

/** Sums numbers by key in windows of four kinds. */
const sums = (options) =>
  new Task((_, wiring) => {
    wiring.input("in");
    const merge = (one, other) => ({ events: one.events + other.events, sum: one.sum + other.sum });
    const kinds = [
      wiring.tumbling("tumbling", 100, { grace: 30, keyedByEvent: true }),
      wiring.hopping("hopping", 100, 40),
      wiring.sessions("sessions", 50, merge, { grace: 20 }),
      wiring.tumbling("running", 100, { running: true }),
    ];
    const sinks = kinds.map(({ name }) => wiring.sink(name));
    const late = wiring.sink("late");
    const send = (windows, sink, ctx) => {
      for (const window of windows) ctx.emit(sink, { key: window.keyBytes, timestamp: window.end, json: window });
    };
    return {
      process(event, ctx) {
        const number = event.json();
        kinds.forEach((windows, index) => {
          const update = windows.update(event.keyBytes, ({ events, sum }) => ({ events: events + 1, sum: sum + number }), { events: 0, sum: 0 });
          if (update.late) ctx.emit(late, { key: windows.name });
          send(update.results, sinks[index], ctx);
        });
        if (number < 0) throw new wasmill.Reject("negative", "after all windows were changed");
      },
      onTimer(timer, ctx) {
        kinds.forEach((windows, index) => send(windows.onTimer(timer), sinks[index], ctx));
      },
    };
  }, options);

const event = ([key, timestamp, json]) => ({ key, timestamp, json });

/** What came out at a sink, as `KEY START..END EVENTS/SUM`. */
const results = ({ outputs }, sink) =>
  outputs
    .filter((output) => output.sink === sink)
    .map(({ key, value, timestamp }) => {
      const { start, end, value: sum, ...rest } = JSON.parse(value);
      assert.deepEqual([timestamp, rest], [end, {}]);
      return `${key} ${start}..${end} ${sum.events}/${sum.sum}`;
    });

const run = (...events) => sums().send(...events.map(event));

test("a window closes by an event of its key, or by a timer, when its grace is over", () => {
  const came = run(["a", 10, 1], ["b", 20, 2], ["a", 129, 3], ["a", 99, 4], ["a", 130, 5], ["b", 131, 6], ["a", 98, 7]);
  // a closes by its event at 130, b by the timer right after it.
  assert.deepEqual(results(came, "tumbling"), ["a 0..100 2/5", "b 0..100 1/2"]);
  const causes = came.outputs.filter(({ sink }) => sink === "tumbling");
  assert.deepEqual(causes.map(({ event, timer }) => [event, timer]), [[4, undefined], [4, "tumbling\0b"]]);
  const late = came.outputs.filter(({ event, sink }) => event === 6 && sink === "late");
  assert.ok(late.some(({ key }) => key === "tumbling"), "its window is closed");
});

test("hopping windows overlap", () => {
  const came = run(["a", 50, 1], ["a", 85, 2], ["b", 500, 9]);
  assert.deepEqual(results(came, "hopping"), ["a -40..60 1/1", "a 0..100 2/3", "a 40..140 2/3", "a 80..180 1/2"]);
});

test("sessions end after a gap and are joined by what comes late", () => {
  assert.deepEqual(results(run(["a", 0, 1], ["a", 49, 2], ["a", 110, 4], ["a", 80, 8], ["b", 500, 9]), "sessions"), ["a 0..160 4/15"]);
  assert.deepEqual(results(run(["a", 0, 1], ["a", 50, 2], ["b", 70, 0], ["a", 120, 4], ["b", 500, 9]), "sessions"), [
    "a 0..50 1/1",
    "a 50..100 1/2",
    "b 70..120 1/0",
    "a 120..170 1/4",
  ]);
});

test("running results come with each event and need no timer", () => {
  const task = sums();
  const came = task.send(...[["a", 10, 1], ["a", 20, 2], ["a", 120, 4], ["a", 99, 8]].map(event));
  assert.deepEqual(results(came, "running"), ["a 0..100 1/1", "a 0..100 2/3", "a 100..200 1/4"]);
  assert.ok([...task.timers.values()].every(({ key }) => !key.startsWith("running")));
  assert.equal(task.wiring.stores[3].ttlMs, 100, "what is over is gone by itself");
});

test("nothing is left when all windows are closed", () => {
  const task = sums();
  task.send(...[["a", 10, 1], ["b", 20, 2], ["a", 120, 4], ["z", 100_000, 0]].map(event));
  for (const store of ["tumbling", "hopping", "sessions"]) assert.deepEqual(Object.keys(task.entries(store)), ["z"], store);
  assert.deepEqual([...task.timers.values()].map(({ key }) => key).sort(), ["hopping\0z", "sessions\0z", "tumbling\0z"]);
});

test("what is kept of a key has the form that it has in Rust", () => {
  const task = sums();
  task.send(event(["é", 10, 1]));
  assert.deepEqual(task.entries("tumbling"), { é: '{"windows":[{"start":0,"end":100,"value":{"events":1,"sum":1}}],"wakes":130}' });
  assert.deepEqual(task.entries("running"), { é: '{"windows":[{"start":0,"end":100,"value":{"events":1,"sum":1}}]}' });
});

test("keys are bytes", () => {
  const came = sums().send({ key: new Uint8Array([0xff]), timestamp: 0, json: 1 }, { key: "b", timestamp: 130, json: 1 });
  assert.deepEqual(results(came, "tumbling"), ["\ufffd 0..100 1/1"]);
  assert.ok(came.outputs.some(({ timer }) => timer === "tumbling\0\xff"));
});

/** Out of order by up to 60 ms, with gaps and failures; the same each time. */
function story() {
  let random = 7n;
  const next = (below) => {
    random = BigInt.asUintN(64, random * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n);
    return Number((random >> 33n) % BigInt(below));
  };
  let time = 0;
  return Array.from({ length: 600 }, () => {
    time += next(20) === 0 ? next(400) : next(12);
    return ["abcde"[next(5)], Math.max(time - next(60), 0), next(50) - 2];
  });
}

test("results do not depend on how events are cut into calls, nor on what the instance still knows", () => {
  const events = story().map(event);
  const handled = (eventsACall, restartEvery) => {
    const task = sums({ eventsACall });
    const found = [];
    for (let first = 0; first < events.length; first += restartEvery) {
      found.push(...task.send(...events.slice(first, first + restartEvery)).outputs.map(({ sink, key, value }) => `${sink} ${key} ${value}`));
      task.restart();
    }
    return { found, stores: host.stores.map((store) => new Map([...store].sort())), timers: new Map([...task.timers].sort()) };
  };
  const expected = handled(500, Infinity);
  assert.ok(expected.found.length > 900);
  for (const size of [1, 7]) assert.deepEqual(handled(size, Infinity), expected, `calls of ${size}`);
  assert.deepEqual(handled(500, 13), expected);
});

test("final results are what the events in time add up to", () => {
  let streamTime = -1;
  const expected = new Map();
  for (const [key, time, number] of story()) {
    streamTime = Math.max(streamTime, time);
    const start = Math.floor(time / 100) * 100;
    if (number < 0 || start + 130 <= streamTime) continue;
    const sum = expected.get(`${key} ${start}`) ?? { key, start, events: 0, sum: 0 };
    expected.set(`${key} ${start}`, { ...sum, events: sum.events + 1, sum: sum.sum + number });
  }
  const closed = [...expected.values()].filter(({ start }) => start + 130 <= streamTime);
  const lines = closed.map(({ key, start, events, sum }) => `${key} ${start}..${start + 100} ${events}/${sum}`);
  assert.deepEqual(results(run(...story()), "tumbling").sort(), lines.sort());
});

test("open windows can be looked at", () => {
  const task = new Task((_, wiring) => {
    wiring.input("in");
    const out = wiring.sink("out");
    const counts = wiring.tumbling("counts", "100 ms");
    return {
      process(event, ctx) {
        if (event.key === "look") return ctx.emit(out, { json: counts.open("a").map((window) => [window.key, window]) });
        counts.update(event.key, (count) => count + 1, () => 0);
      },
    };
  });
  const at = (key, timestamp) => ({ key, timestamp });
  const { outputs } = task.send(at("a", 1), at("look", 99), at("look", 100));
  assert.deepEqual(outputs.map(({ value }) => JSON.parse(value)), [[["a", { start: 0, end: 100, value: 1 }]], []]);
});

test("a late event writes nothing", () => {
  const task = new Task((_, wiring) => {
    wiring.input("in");
    const out = wiring.sink("out");
    const counts = wiring.tumbling("counts", "100 ms");
    return { process: (event, ctx) => ctx.emit(out, { json: counts.update(event.key, (count) => count + 1, 0) }) };
  });
  const { outputs, calls } = task.send({ key: "a", timestamp: 100 }, { key: "a", timestamp: 99 }, { key: "b", timestamp: 99 });
  assert.deepEqual(outputs.map(({ value }) => JSON.parse(value).late), [false, true, true]);
  assert.deepEqual(calls[0].writes.sources, [0]);
});

test("a time is in the windows that begin up to their size before", () => {
  assert.deepEqual([starts(0, 10, 10), starts(9, 10, 10), starts(10, 10, 10), starts(-1, 10, 10)], [[0], [0], [10], [-10]]);
  for (const [size, every] of [[10, 1], [10, 3], [10, 7], [10, 10]]) {
    for (let time = -30; time < 30; time++) {
      const all = Array.from({ length: 120 }, (_, number) => (number - 60) * every);
      assert.deepEqual(starts(time, size, every), all.filter((start) => start <= time && time < start + size), `${time} in ${size} every ${every}`);
    }
  }
});

test("an event is in each window that is still open", () => {
  const opened = (time, streamTime) => new Fixed(10, 5).add([], time, (end) => end + 5 <= streamTime, () => 1).map(({ start, end }) => [start, end]);
  assert.deepEqual([opened(7, 7), opened(7, 14), opened(7, 15), opened(7, 20)], [[[0, 10], [5, 15]], [[0, 10], [5, 15]], [[5, 15]], []]);
});

test("sessions grow, join and are apart by a gap", () => {
  const opened = (grace, ...events) => {
    let windows = [];
    for (const [time, streamTime] of events) {
      const isClosed = (end) => end + grace <= streamTime;
      windows = windows.filter(({ end }) => !isClosed(end));
      new Sessions(10, (one, other) => [...one, ...other]).add(windows, time, isClosed, (times = []) => [...times, time]);
    }
    return windows.map(({ start, end, value }) => [start, end, value]);
  };
  assert.deepEqual(opened(0, [0, 0], [9, 9]), [[0, 19, [0, 9]]]);
  assert.deepEqual(opened(0, [10, 5], [0, 5]), [[0, 10, [0]], [10, 20, [10]]]);
  assert.deepEqual(opened(100, [0, 19], [18, 19], [9, 19]), [[0, 28, [0, 18, 9]]]);
  assert.deepEqual(opened(100, [20, 20], [11, 20]), [[11, 30, [20, 11]]]);
  assert.deepEqual(opened(0, [5, 5], [2, 13]), [[2, 15, [5, 2]]], "alone it would be closed; the session that it joins is not");
  assert.deepEqual(opened(0, [2, 13]), []);
});

test("windows that make no sense are refused", () => {
  const refused = (declare) => {
    try {
      wasmill.plugin({ setup: (_, wiring) => (declare(wiring), { process() {} }) }).lifecycle.configure("{}");
    } catch (message) {
      return message;
    }
    return undefined;
  };
  assert.equal(refused((wiring) => wiring.hopping("fine", "1 h", "1 min", { grace: "1 h" })), undefined);
  assert.equal(refused((wiring) => wiring.tumbling("fine", "1 h", { grace: "0 s" })), undefined);
  assert.equal(refused((wiring) => wiring.hopping("wrong", "1 min", "1 h")), "the windows `wrong` leave out events: they begin further apart than they are long");
  assert.match(refused((wiring) => wiring.hopping("wrong", 10, 1, { grace: 9991 })), /up to 10001 of a key open at once/);
  assert.match(refused((wiring) => wiring.tumbling("wrong", 0)), /0 is no duration/);
  assert.match(refused((wiring) => wiring.sessions("wrong", "1 s")), /a function that makes one value/);
  assert.match(refused((wiring) => [wiring.store("a"), wiring.tumbling("a", "1 s")]), /the store `a` twice/);
});

test("what cannot be a window's value is refused, and what is no window stops the plugin", () => {
  const task = new Task((_, wiring) => {
    wiring.input("in");
    const counts = wiring.tumbling("counts", "1 s");
    return { process: (event) => void counts.update(event.key, () => undefined, 0) };
  });
  host.stores[0].set("old", { value: "7", written: 0 });
  const { failures } = task.send({ key: "new" }, { key: "old" });
  assert.deepEqual(failures.map(({ kind }) => kind), ["reject", "stop"]);
  assert.match(failures[0].message, /returns the new value, and returned undefined/);
  assert.match(failures[1].message, /under the key "old" are no windows/);
});

test("times beyond what a number can hold exactly do no harm", () => {
  const task = sums();
  task.latest = 1000;
  const { failures } = task.send(event(["a", 2 ** 62, 1]), event(["a", 0, 1]));
  assert.deepEqual(failures, []);
  assert.ok([...task.timers.values()].every(({ at }) => Number.isSafeInteger(at)));
});
