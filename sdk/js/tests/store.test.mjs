// What a plugin remembers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { host, Task, wasmill } from "./task.mjs";

/** A plugin whose events are handled by `process(store, event, emit)`: what it emits comes out as JSON. */
const task = (process, options) =>
  new Task((_, wiring) => {
    wiring.input("in");
    const out = wiring.sink("out");
    const store = wiring.store("store", options);
    return { process: (event, ctx) => process(store, event, (json) => ctx.emit(out, { json })) };
  });

const emitted = ({ outputs, failures }) => {
  assert.deepEqual(failures, []);
  return outputs.map(({ value }) => JSON.parse(value));
};

const keys = (...names) => names.map((key) => ({ key }));

test("what an event writes the next one sees, and a call writes an entry once", () => {
  const one = task((store, event, emit) => emit(store.update(event.key, (count) => count + 1, 0)));
  const came = one.send(...keys("a", "b", "a", "a"));
  assert.deepEqual(emitted(came), [1, 1, 2, 3]);
  assert.deepEqual(came.calls[0].writes.sources, [1, 3]);
  assert.deepEqual(one.entries("store"), { a: "3", b: "1" });
});

test("what is known is not asked for again, until a fresh instance is at work", () => {
  const one = task((store, event, emit) => emit(store.update(event.key, (count) => count + 1, 0)));
  one.send(...keys("a", "a"));
  one.send(...keys("a"));
  assert.deepEqual(host.asked, [["a"]]);
  one.restart();
  assert.deepEqual(emitted(one.send(...keys("a"))), [4]);
  assert.equal(host.asked.length, 2);
});

test("with keys that are the events', those of the whole call are asked for at once", () => {
  const one = task((store, event, emit) => emit(store.get(event.key) ?? null), { keyedByEvent: true });
  host.stores[0].set("c", { value: "7", written: 0 });
  assert.deepEqual(emitted(one.send(...keys("a", "b", "a", "c"))), [null, null, null, 7]);
  assert.deepEqual(host.asked, [["a", "b", "c"]]);
});

test("keys that the host leaves out are asked for again", () => {
  const one = task((store, event, emit) => emit(store.get(event.key) ?? null), { keyedByEvent: true });
  for (const key of "abc") host.stores[0].set(key, { value: `"${key}"`, written: 0 });
  host.most = 1;
  assert.deepEqual(emitted(one.send(...keys("a", "b", "c"))), ["a", "b", "c"]);
  assert.deepEqual(host.asked, [["a", "b", "c"], ["b", "c"], ["c"]]);
});

test("no more is kept than an instance may remember", () => {
  const one = task((store, event) => store.set(event.key, "x".repeat(8192)));
  one.send(...keys("a"));
  one.send(...keys("a"));
  assert.equal(host.asked.length, 1, "a little is kept");
  for (let key = 0; key < 1100; key++) one.send({ key: `k${key}` });
  host.asked = [];
  one.send(...keys("a"));
  assert.deepEqual(host.asked, [["a"]], "9 MB are too much");
});

test("what `get` gives is a copy", () => {
  const one = task((store, event, emit) => {
    const list = store.get("list") ?? [];
    list.push(event.key);
    if (event.key !== "lost") store.set("list", list);
    emit(store.get("list") ?? null);
  });
  assert.deepEqual(emitted(one.send(...keys("a", "lost", "b"))), [["a"], ["a"], ["a", "b"]]);
  assert.deepEqual(one.entries("store"), { list: '["a","b"]' });
});

test("an initial value is not shared", () => {
  const initial = { events: [] };
  const one = task((store, event, emit) => emit(store.update(event.key, (total) => (total.events.push(1), total), initial)));
  assert.deepEqual(emitted(one.send(...keys("a", "b"))), [{ events: [1] }, { events: [1] }]);
});

test("a failed event leaves entries as they were, those of its own call too", () => {
  const one = task((store, event, emit) => {
    store.update("n", (count) => count + 1, 0);
    if (event.key === "delete") store.delete("n");
    if (event.key !== "good") throw new wasmill.Reject("bad", "it is");
    emit(store.get("n"));
  });
  const { outputs, failures } = one.send(...keys("bad", "good", "bad", "delete", "good"));
  assert.deepEqual(outputs.map(({ value }) => value), ["1", "2"]);
  assert.equal(failures.length, 3);
  assert.deepEqual(one.entries("store"), { n: "2" });
});

test("deleting says whether there was something, and deletes for good", () => {
  const one = task((store, event, emit) => (event.key === "set" ? store.set("a", 1) : emit([store.has("a"), store.delete("a"), store.get("a") ?? null])));
  assert.deepEqual(emitted(one.send(...keys("set", "x", "x"))), [[true, true, null], [false, false, null]]);
  assert.deepEqual(one.entries("store"), {});
});

test("entries are gone when they were not written for the TTL, by stream time", () => {
  const one = task((store, event, emit) => (event.key === "set" ? store.set("a", 1) : emit([store.has("a"), [...store.keys()]])), { ttl: "1 s" });
  const at = (key, timestamp) => ({ key, timestamp });
  assert.deepEqual(emitted(one.send(at("set", 0), at("", 999), at("", 1000))), [[true, ["a"]], [false, []]]);
  one.restart();
  assert.deepEqual(emitted(one.send(at("", 1000))), [[false, []]], "what the host has is judged as well");
});

test("ranges are walked in the order of bytes, with what the call has written", () => {
  const one = task((store, event, emit) => {
    if (event.key === "write") return void store.set("b2", 1).set("é", 1).set("b1", 2).delete("a");
    for (const range of [undefined, { reverse: true }, { prefix: "b" }, { from: "b1", to: "b3" }, { from: "b", to: "b" }, { prefix: "b", reverse: true }]) emit([...store.entries(range)].map(([key, value]) => key + value));
  });
  for (const key of ["a", "b1", "b3", "c"]) host.stores[0].set(key, { value: "0", written: 0 });
  assert.deepEqual(emitted(one.send(...keys("write", "walk"))), [
    ["b12", "b21", "b30", "c0", "é1"],
    ["é1", "c0", "b30", "b21", "b12"],
    ["b12", "b21", "b30"],
    ["b12", "b21"],
    [],
    ["b30", "b21", "b12"],
  ]);
});

test("a walk asks for page after page", () => {
  const one = task((store, event, emit) => emit([...store.values()].length));
  for (let number = 0; number < 600; number++) host.stores[0].set(`k${number}`, { value: "1", written: 0 });
  assert.deepEqual(emitted(one.send(...keys("walk"))), [600]);
});

test("a store of bytes keeps them as they are", () => {
  const one = task((store, event, emit) => {
    store.set(new Uint8Array([1]), new Uint8Array([0xff, 0]));
    emit([...store.get(new Uint8Array([1]))]);
  }, { bytes: true });
  assert.deepEqual(emitted(one.send({})), [[0xff, 0]]);
  assert.deepEqual([...host.stores[0]].map(([key, { value }]) => [key, value]), [["\x01", "\xff\0"]]);
});

test("what does not fit is refused, and what cannot be read stops the plugin", () => {
  const attempts = {
    "has 65537 bytes, and 65536 are the most": (store) => store.get("k".repeat(65537)),
    "has 980993 bytes, and 980992 are the most": (store) => store.set("k", "v".repeat(980991)),
    "must have a JSON": (store) => store.set("k", undefined),
    "returns the new value, and returned undefined": (store) => store.update("k", () => {}, 0),
    "must be a string or a Uint8Array, and is a number": (store) => store.get(1),
    "is not JSON": (store) => store.get("broken"),
  };
  for (const [message, attempt] of Object.entries(attempts)) {
    const one = task(attempt);
    host.stores[0].set("broken", { value: "{", written: 0 });
    const { failures } = one.send({});
    assert.ok(failures[0].message.includes(message), failures[0].message);
    assert.equal(failures[0].kind, message === "is not JSON" ? "stop" : "reject");
  }
});

test("a store is not there outside of a handler", () => {
  assert.throws(() => wasmill.plugin({ setup: (_, wiring) => ({ process() {}, found: wiring.store("s").get("k") }) }).lifecycle.configure("{}"), /while an event or a timer is handled/);
});
