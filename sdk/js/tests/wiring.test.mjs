// What a plugin declares, and what its settings may be.

import assert from "node:assert/strict";
import { test } from "node:test";
import { host, Task, wasmill } from "./task.mjs";

const { Decimal, any, decimal, duration, integer, list, plugin, string } = wasmill;

const configure = (setup, settings = "{}", definition = {}) => plugin({ ...definition, setup: (given, wiring) => setup(wiring, given) ?? { process() {} } }).lifecycle.configure(settings);

const refusal = (...given) => {
  try {
    configure(...given);
  } catch (error) {
    return error;
  }
  return undefined;
};

test("inputs, sinks and stores are told to the host", () => {
  const wiring = configure((wiring) => {
    wiring.input("orders");
    wiring.input("others", { topic: "shop.others" });
    wiring.sink("out", { lastOfCommit: true });
    wiring.store("plain");
    wiring.store("all", { ttl: "2 h", version: 3, keyedByEvent: true, bytes: true });
  });
  assert.deepEqual(wiring, {
    inputs: [{ name: "orders", topic: "orders" }, { name: "others", topic: "shop.others" }],
    sinks: [{ name: "out", topic: "out", emission: "last-of-commit" }],
    stores: [
      { name: "plain", ttlMs: undefined, version: 0, keyedByEvent: false },
      { name: "all", ttlMs: 7_200_000, version: 3, keyedByEvent: true },
    ],
  });
});

test("a name is declared once", () => {
  for (const what of ["input", "sink", "store"]) {
    assert.equal(refusal((wiring) => void (wiring[what]("a"), wiring[what]("a"))), `TypeError: the plugin declares the ${what} \`a\` twice: keep its handle instead`);
  }
});

test("settings are read and checked, with their defaults", () => {
  let found;
  const settings = { threshold: decimal.default(new Decimal(300)), countries: list(string), most: integer.optional(), rules: any.default({}) };
  configure((_, given) => void (found = given), '{"countries":["FR"],"threshold":10.10}', { settings });
  assert.deepEqual({ ...found, threshold: String(found.threshold) }, { threshold: "10.10", countries: ["FR"], most: null, rules: {} });
});

test("settings that do not fit are refused by name", () => {
  const settings = { most: integer };
  const refused = (text) => refusal(() => {}, text, { settings });
  assert.equal(refused("{}"), "settings: missing field `most`");
  assert.equal(refused('{"most":"1"}'), 'setting `most`: invalid type: string "1", expected a whole number of at most 2^53');
  assert.equal(refused('{"most":1,"least":1}'), "setting `least`: unknown field `least`, expected one of `most`");
  assert.equal(refusal(() => {}, '{"a":1}'), "setting `a`: unknown field `a`, there are no settings");
});

test("settings that setup refuses are refused with what it says, and a mistake with its stack in the log", () => {
  const setup = (error) => () => {
    throw error;
  };
  assert.equal(refusal(setup(new Error("min is over max"))), "min is over max");
  host.lines = [];
  assert.equal(refusal(setup(new TypeError("x is not a function"))), "TypeError: x is not a function");
  assert.equal(host.lines[0].level, "error");
  assert.match(host.lines[0].message, /x is not a function\n[^]*wiring\.test\.mjs/);
});

test("a plugin has a setup that returns a handler", () => {
  assert.throws(() => plugin({}), /a plugin has a function `setup/);
  assert.match(refusal(() => ({})), /returns an object with a function `process/);
});

test("a plugin says what it is", () => {
  const described = (definition) => plugin({ setup() {}, ...definition }).lifecycle.describe();
  assert.deepEqual(described({}), { name: "plugin", version: "0.0.0", description: "", settingsSchema: undefined });
  const about = { name: "fraud", version: "1.2.3", description: "Finds it." };
  assert.deepEqual(described({ about, settingsSchema: { type: "object" } }), { ...about, settingsSchema: '{"type":"object"}' });
});

test("durations have a unit, or are milliseconds", () => {
  assert.deepEqual(["5 ms", "10s", "1 min", "2 h", "1 d", 7].map(duration), [5, 10_000, 60_000, 7_200_000, 86_400_000, 7]);
  for (const wrong of ["", "5", "0 s", "1.5 s", "-1 s", 0, 1.5, "1 week", null]) assert.throws(() => duration(wrong), /is no duration/, String(wrong));
});

test("decimals are exact", () => {
  const sum = new Decimal("0.1").plus("0.2");
  assert.ok(sum.equals("0.3") && sum.lt("0.30000000000000001") && sum.gte(new Decimal("0.30")));
  assert.equal(String(new Decimal("10.10").minus("0.10")), "10.00");
  assert.equal(String(new Decimal("1.5").times(-2)), "-3.0");
  assert.equal(JSON.stringify({ amount: new Decimal("10.10") }), '{"amount":10.10}');
  assert.ok(new Decimal("1e30").gt("999999999999999999999999999999.9"));
  assert.throws(() => new Decimal("1".repeat(40)), /at most 38 digits/);
  assert.throws(() => new Decimal("9".repeat(38)).times(10), /more than 38 digits/);
});
