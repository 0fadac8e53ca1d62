// Timers, and where the host must look at them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Task } from "./task.mjs";

/** Events say what to do: `set KEY AT [CLOCK]`, `cancel KEY`, or nothing. Timers say so; `again` comes again, `first` cancels `second`. */
const task = (eventsACall) =>
  new Task(
    (_, wiring) => {
      wiring.input("in");
      wiring.store("kept");
      const out = wiring.sink("out");
      return {
        process(event, ctx) {
          const [verb, key, at, clock] = event.value.split(" ");
          if (verb === "set") ctx.setTimer(key, Number(at), clock);
          else if (verb === "cancel") ctx.cancelTimer(key);
          else if (verb === "fail") (ctx.setTimer(key, 0), event.nothing());
          else ctx.emit(out, { value: "event" });
        },
        onTimer(timer, ctx) {
          ctx.emit(out, { value: `${timer.key} ${timer.clock} ${ctx.timestamp}` });
          if (timer.key === "again" && timer.at < 20) ctx.setTimer(timer.key, timer.at + 5);
          if (timer.key === "first") ctx.cancelTimer("second");
        },
      };
    },
    { eventsACall },
  );

const say = (timestamp, value) => ({ key: "k", value, timestamp });
const said = ({ outputs }) => outputs.map(({ event, key, value, timestamp }) => `${event} ${key} ${value} @${timestamp}`);

test("a timer fires right after the event that made it due, however events are cut into calls", () => {
  const events = [say(0, "set t 5"), say(4, "-"), say(5, "-"), say(6, "-"), say(7, "set again 7"), say(21, "-"), say(22, "-")];
  for (const size of [1, 2, 3, 500]) {
    const expected = [
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
    ];
    assert.deepEqual(said(task(size).send(...events)), expected, `calls of ${size}`);
  }
});

test("there is one timer a key and clock, and it can be cancelled", () => {
  const one = task(500);
  assert.deepEqual(said(one.send(say(0, "set t 5"), say(0, "set t 9"), say(0, "set gone 6"), say(0, "cancel gone"), say(8, "-"), say(9, "-"))), [
    "4 k event @8",
    "5 k event @9",
    "5 t t event-time 9 @9",
  ]);
});

test("a timer that another one cancels does not fire, if both are due", () => {
  const one = task(500);
  const came = one.send(say(0, "set first 5"), say(0, "set second 6"), say(0, "set third 7"), say(9, "-"));
  assert.deepEqual(said(came), ["3 k event @9", "3 first first event-time 5 @5", "3 third third event-time 7 @7"]);
  assert.deepEqual(came.calls.map(({ done }) => done), [4, 1, 1]);
});

test("a timer on the wall clock goes by the clock", () => {
  const one = task(500);
  one.send(say(0, "set t 50 wall-clock"), say(100, "-"));
  assert.equal(one.timers.size, 1);
  one.now = 50;
  assert.deepEqual(said(one.send(say(100, "-"))), ["0 k event @100", "0 t t wall-clock 50 @50"]);
});

test("a failed event sets no timer", () => {
  const one = task(500);
  one.send(say(0, "fail t"), say(1, "-"));
  assert.equal(one.timers.size, 0);
});

test("a time before 1970 counts as 1970", () => {
  const one = task(500);
  const { calls } = one.send(say(0, "set t -7"));
  assert.deepEqual(calls[0].timers.at, [0]);
});

test("what is no timer is refused", () => {
  const { failures } = task(500).send(say(0, "set t 5 noon"), say(0, "set t 1.5"), say(0, "set t x"));
  assert.deepEqual(failures.map(({ message }) => message), [
    'TypeError: a timer goes by "event-time" or "wall-clock", not by noon',
    "TypeError: the time of a timer must be milliseconds since 1970, a whole number, and is 1.5",
    "TypeError: the time of a timer must be milliseconds since 1970, a whole number, and is NaN",
  ]);
  const storeless = new Task((_, wiring) => (wiring.input("in"), { process: (_, ctx) => ctx.setTimer("t", 1) }));
  assert.match(storeless.send(say(0, "")).failures[0].message, /declares a store/);
});
