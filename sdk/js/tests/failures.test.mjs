// Events that fail, and what an operator is told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Task, wasmill } from "./task.mjs";

const { Reject, Retry, Stop } = wasmill;
const { original } = await import("../src/stack.js");

const task = (process) =>
  new Task((_, wiring) => {
    wiring.input("in");
    const out = wiring.sink("out");
    const store = wiring.store("store");
    return { process: (event, ctx) => process(event, ctx, out, store) };
  });

/** Forwards each event, or throws what it names after that. */
const throwing = (thrown) =>
  task((event, ctx, out, store) => {
    ctx.emit(out, { key: `the ${event.value}`, headers: { h: event.value }, timestamp: 7, partition: 1 });
    ctx.forward(out);
    store.set(event.value, true);
    ctx.setTimer(event.value, 1000);
    if (event.value === "bad") throw thrown;
  });

test("a failed event has no effects, and those around it have all of theirs", () => {
  const one = throwing(new Reject("no-rate", "no rate for XTS", { detail: "asked twice" }));
  const { outputs, failures, calls } = one.send({ value: "good" }, { value: "bad" }, { value: "fine" });
  assert.deepEqual(failures, [{ event: 1, kind: "reject", code: "no-rate", message: "no rate for XTS", detail: "asked twice" }]);
  assert.deepEqual(outputs.map(({ event, key, timestamp, partition, headers }) => [event, key, timestamp, partition, headers]), [
    [0, "the good", 7, 1, [["h", "good"]]],
    [0, null, 0, -1, []],
    [2, "the fine", 7, 1, [["h", "fine"]]],
    [2, null, 0, -1, []],
  ]);
  assert.deepEqual(calls[0].writes.sources, [0, 2]);
  assert.deepEqual(Object.keys(one.entries("store")), ["good", "fine"]);
  assert.deepEqual([...one.timers.values()].map(({ key }) => key), ["good", "fine"]);
});

test("an event that asks to retry or to stop is the last one of its call", () => {
  for (const [failure, kind] of [[new Retry("later", "not yet"), "retry"], [new Stop("broken", "never"), "stop"]]) {
    const { failures, calls } = throwing(failure).send({ value: "good" }, { value: "bad" }, { value: "fine" });
    assert.deepEqual([failures[0].kind, failures[0].detail], [kind, undefined]);
    assert.deepEqual(calls.map(({ done }) => done), [2, 1]);
  }
});

test("any other exception rejects its event with its message and a stack", () => {
  const thrower = () => {
    throw new RangeError("too far", { cause: new Error("the reason") });
  };
  const { failures } = task(thrower).send({});
  assert.deepEqual([failures[0].kind, failures[0].code, failures[0].message], ["reject", "exception", "RangeError: too far"]);
  assert.match(failures[0].detail, /^RangeError: too far\n[^]*failures\.test\.mjs:\d+[^]*Caused by: Error: the reason/);
  const odd = [["text", "text was thrown"], [{ a: 1 }, '{"a":1} was thrown'], [undefined, "undefined was thrown"], [1n, "[object BigInt] was thrown"]];
  for (const [thrown, message] of odd) assert.equal(throwing(thrown).send({ value: "bad" }).failures[0].message, message);
});

test("texts of failures that have no UTF-8 are mended", () => {
  const { failures } = throwing(new Reject("code", "half of a \ud83d", { detail: "\udc00" })).send({ value: "bad" });
  assert.deepEqual([failures[0].message, failures[0].detail], ["half of a \ufffd", "\ufffd"]);
});

test("an async handler is refused", () => {
  const { failures } = task(async () => {}).send({});
  assert.match(failures[0].message, /a handler cannot be async/);
});

test("a stack names the author's files and lines", () => {
  // Line 2 of the bundle: column 0 is a.ts:3:1, column 10 is a.ts:4:5; line 3 is the SDK's.
  globalThis.__wasmillSourceMap = { sources: ["src/a.ts", "wasmill/src/plugin.js"], mappings: ";AAEA,UACI;ACHJ" };
  try {
    const stack = "    at f (/x/plugin.bundle.js:2:5)\n    at g (plugin.bundle.js:2:11)\n    at h (plugin.bundle.js:3:1)\n    at native";
    assert.equal(original(stack), "    at f (src/a.ts:3:1)\n    at g (src/a.ts:4:5)\n    at native");
  } finally {
    delete globalThis.__wasmillSourceMap;
  }
});
