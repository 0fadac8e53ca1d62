// What comes in and what goes out, as columns.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Task, wasmill } from "./task.mjs";

/** A plugin without settings whose events are handled by `process(event, ctx, sink)`. */
const task = (process) =>
  new Task((_, wiring) => {
    wiring.input("in");
    const out = wiring.sink("out");
    return { process: (event, ctx) => process(event, ctx, out) };
  });

/** What `look` makes of events. */
function seen(look, ...events) {
  const found = [];
  const { failures } = task((event, ctx) => found.push(look(event, ctx))).send(...events);
  assert.deepEqual(failures, []);
  return found;
}

test("keys and values are cut out of the columns, empty ones and null ones too", () => {
  const events = [{ key: "a", value: "one" }, { key: null, value: "two" }, { key: "", value: "" }, { key: "é", value: null }, { key: "z", value: "ü" }];
  assert.deepEqual(seen((event) => [event.key, event.value, event.isTombstone], ...events), [
    ["a", "one", false],
    [null, "two", false],
    ["", "", false],
    ["é", null, true],
    ["z", "ü", false],
  ]);
});

test("an event knows where and when it is", () => {
  const look = (event, ctx) => [event.topic, event.partition, event.offset, event.timestamp, ctx.timestamp, ctx.streamTime, event.input.name];
  assert.deepEqual(seen(look, { timestamp: 7 }, { timestamp: 5 }), [
    ["in", 3, 100, 7, 7, 7, "in"],
    ["in", 3, 101, 5, 5, 7, "in"],
  ]);
});

test("a timestamp that is too far ahead of the clock does not move stream time", () => {
  const task = new Task((_, wiring) => {
    wiring.input("in");
    const out = wiring.sink("out");
    return { process: (_, ctx) => ctx.emit(out, { json: ctx.streamTime }) };
  });
  task.latest = 100;
  const { outputs } = task.send({ timestamp: 100 }, { timestamp: 101 });
  assert.deepEqual(outputs.map(({ value }) => value), ["100", "100"]);
});

test("bytes that are no text are read as bytes, and rejected as text", () => {
  const event = { key: new Uint8Array([0xff, 0]), value: new Uint8Array([0xc3]) };
  assert.deepEqual(seen((event) => [[...event.keyBytes], [...event.valueBytes]], event), [[[0xff, 0], [0xc3]]]);
  const { failures } = task((event) => event.value).send(event);
  assert.deepEqual([failures[0].code, failures[0].message], ["not-text", "the value is not UTF-8: `valueBytes` has it as it is"]);
});

test("headers keep their order, and the last one of a name counts", () => {
  const headers = [["n", "1"], ["m", null], ["n", "2"]];
  const look = (event) => [event.headers.map(([name, value]) => [name, value && new TextDecoder().decode(value)]), event.header("n"), event.header("m"), event.header("x")];
  assert.deepEqual(seen(look, {}, { headers }), [
    [[], undefined, undefined, undefined],
    [headers, "2", null, undefined],
  ]);
});

test("an event that is forwarded costs no data", () => {
  const event = { key: "k", value: "v", timestamp: 5, headers: [["h", "1"]] };
  const { outputs, calls } = task((_, ctx, out) => ctx.forward(out)).send(event, event);
  assert.equal(calls[0].data.length, 0);
  assert.deepEqual(outputs[1], { event: 1, timer: undefined, sink: "out", key: "k", value: "v", timestamp: 5, partition: -1, headers: [["h", "1"]] });
});

test("an output has what is given, and the rest of the event", () => {
  const given = [{}, { key: "é", value: null }, { key: null, json: { a: [1, "ü"] } }, { value: new Uint8Array([65]), timestamp: new Date(9), partition: 2 }, { json: null }];
  const { outputs } = task((_, ctx, out) => given.forEach((output) => ctx.emit(out, output))).send({ key: "k", value: "v", timestamp: 5 });
  assert.deepEqual(outputs.map(({ key, value, timestamp, partition }) => [key, value, timestamp, partition]), [
    ["k", "v", 5, -1],
    ["é", null, 5, -1],
    [null, '{"a":[1,"ü"]}', 5, -1],
    ["k", "A", 9, 2],
    ["k", "null", 5, -1],
  ]);
});

test("headers of an output are its own, with the trace of the event", () => {
  const given = [{}, { headers: { a: "1", b: null } }, { keepHeaders: true }, { keepHeaders: true, headers: [["h", "2"]] }, { headers: { traceparent: "own" } }];
  const headers = [["h", "1"], ["traceparent", "t"], ["tracestate", "s"]];
  const { outputs } = task((_, ctx, out) => given.forEach((output) => ctx.emit(out, output))).send({ headers });
  const trace = headers.slice(1);
  assert.deepEqual(outputs.map((output) => output.headers), [trace, [["a", "1"], ["b", null], ...trace], headers, [...headers, ["h", "2"]], [["traceparent", "own"]]]);
});

test("an output that cannot be sent is refused before anything of it is written", () => {
  const wrong = [{ keys: "a" }, { key: 1 }, { value: {} }, { json: 1, value: "1" }, { partition: -2 }, { timestamp: 1.5 }, { json: undefined }, { headers: { a: 1 } }];
  for (const output of wrong) {
    const { outputs, failures, calls } = task((_, ctx, out) => ctx.emit(out, output)).send({ key: "k" });
    assert.equal(failures.length, 1, JSON.stringify(output));
    assert.deepEqual([outputs, calls[0].data.length], [[], 0]);
  }
  const { failures } = task((_, ctx) => ctx.forward("out")).send({});
  assert.match(failures[0].message, /a sink is what `wiring.sink` gave, and this is a string/);
});

test("JSON is parsed, and what is none is rejected", () => {
  assert.deepEqual(seen((event) => event.json(), { json: { a: "é" } }), [{ a: "é" }]);
  const { failures } = task((event) => event.json()).send({ value: "{" }, { value: null }, { value: new Uint8Array([0xff]) });
  assert.deepEqual(failures.map(({ code }) => code), ["bad-json", "no-value", "bad-json"]);
});

test("a shape reads the fields that it names, and says where one does not fit", () => {
  const { any, boolean, decimal, integer, list, number, shape, string } = wasmill;
  const Order = shape({ id: string, amount: decimal, count: integer.default(1), note: string.optional(), tags: list(string).default([]), paid: boolean.default(false), ratio: number.default(0.5), rest: any.default(null) });
  const read = (...values) => {
    const found = [];
    const { failures } = task((event) => found.push(event.json(Order))).send(...values.map((value) => ({ value })));
    return [found, failures.map(({ message }) => message)];
  };
  const [found, none] = read('{"id":"a","amount":10.10,"x":{"id":1}}', '{"id":"é\\n","amount":"1e2","count":2,"note":null,"tags":["t"],"paid":true,"ratio":1.5,"rest":[1]}');
  assert.deepEqual(none, []);
  assert.deepEqual(found.map((order) => ({ ...order, amount: String(order.amount) })), [
    { id: "a", amount: "10.10", count: 1, note: null, tags: [], paid: false, ratio: 0.5, rest: null },
    { id: "é\n", amount: "1e2", count: 2, note: null, tags: ["t"], paid: true, ratio: 1.5, rest: [1] },
  ]);
  const [, messages] = read('{"id":"a"}', '{"id":1,"amount":1}', '{"id":"a",\n"amount":"x"}', '{"id":"a","id":"b","amount":1}', "[]");
  assert.deepEqual(messages, [
    "missing field `amount` at line 1 column 10",
    "invalid type: number, expected a string at line 1 column 7",
    '"x" is not a decimal number of at most 38 digits at line 2 column 12',
    "duplicate field `id` at line 1 column 14",
    "invalid type: sequence, expected an object at line 1 column 0",
  ]);
});

test("what a shape reads does not depend on the other events of the call", () => {
  const { decimal, shape, string } = wasmill;
  const Order = shape({ id: string, amount: decimal });
  const values = ['{"id":"a","amount":1.0,"x":1}', '{"id":"b","amount":2.50}', '{"amount":3,"id":"\\u0063"}', '{"id":"d","amount":"4"}'];
  const read = (eventsACall) => {
    const found = [];
    const one = task((event) => found.push(event.json(Order)));
    one.eventsACall = eventsACall;
    one.send(...values.map((value) => ({ key: '"id"', value })));
    return found.map(({ id, amount }) => `${id} ${amount}`);
  };
  assert.deepEqual(read(1), ["a 1.0", "b 2.50", "c 3", "d 4"]);
  assert.deepEqual(read(4), read(1));
  // Together they have each field as often as there are events.
  const { failures } = task((event) => event.json(Order)).send({ value: '{"id":"a","id":"b","amount":1,"x":1}' }, { value: '{"amount":2,"x":1}' });
  assert.deepEqual(failures.map(({ message }) => message.split(" at ")[0]), ["duplicate field `id`", "missing field `id`"]);
});

test("outputs without headers may stand before some with", () => {
  const process = (_, ctx, out) => [{}, { headers: { a: "1" }, timestamp: 7 }, {}].forEach((output) => ctx.emit(out, output));
  const { outputs } = task(process).send({ timestamp: 5 });
  assert.deepEqual(outputs.map(({ headers, timestamp }) => [headers, timestamp]), [[[], 5], [[["a", "1"]], 7], [[], 5]]);
});
