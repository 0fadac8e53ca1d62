// The globals that QuickJS lacks: the console, which writes to the host's log, and encoders.

import assert from "node:assert/strict";
import { test } from "node:test";

// Before the SDK looks for one.
const { console, TextDecoder, TextEncoder } = globalThis;
globalThis.console = globalThis.TextDecoder = globalThis.TextEncoder = undefined;
const { host, Task } = await import("./task.mjs");
const own = { console: globalThis.console, TextDecoder: globalThis.TextDecoder, TextEncoder: globalThis.TextEncoder };
Object.assign(globalThis, { console, TextDecoder, TextEncoder });

const lines = (level, say) => {
  const task = new Task((_, wiring) => (wiring.input("in"), { process: () => say(own.console) }));
  Object.assign(host, { level, lines: [] });
  task.send({});
  return host.lines.map(({ level, message }) => `${level} ${message}`);
};

test("the console writes to the host's log, whatever it is given", () => {
  const say = (console) => {
    console.trace("a", 1, null, undefined);
    console.debug({ a: 1n });
    console.log(["x"]);
    console.warn(function named() {});
    console.error(new Error("broken"));
    console.assert(true, "no");
    console.assert(false, "yes");
  };
  const found = lines("trace", say);
  assert.deepEqual(found.slice(0, 4), ["trace a 1 null undefined", 'debug {"a":"1n"}', 'info ["x"]', "warn [function named]"]);
  assert.match(found[4], /^error Error: broken\n[^]*log\.test\.mjs/);
  assert.deepEqual(found.slice(5), ["error Assertion failed: yes"]);
});

test("lines below the host's level are not handed over", () => {
  const say = (console) => (console.info("no"), console.warn("yes"));
  assert.deepEqual(lines("warn", say), ["warn yes"]);
  assert.deepEqual(lines(undefined, say), []);
});

test("text is encoded and decoded as elsewhere", () => {
  const bytes = (...numbers) => new Uint8Array(numbers);
  const samples = [bytes(), bytes(65, 0xc3, 0xa9), bytes(0xf0, 0x9f, 0x98, 0x80), bytes(0xef, 0xbb, 0xbf, 65)];
  const broken = [bytes(0xff), bytes(65, 0xc3), bytes(0xed, 0xa0, 0x80), bytes(0xc0, 0x80), bytes(0xf4, 0x90, 0x80, 0x80)];
  for (const sample of [...samples, ...broken.slice(0, 2)]) assert.equal(new own.TextDecoder().decode(sample), new TextDecoder().decode(sample));
  for (const sample of broken) assert.throws(() => new own.TextDecoder("utf-8", { fatal: true }).decode(sample), TypeError);
  for (const text of ["", "é", "😀", "half \ud83d"]) assert.deepEqual(new own.TextEncoder().encode(text), new TextEncoder().encode(text));
  assert.throws(() => new own.TextDecoder("latin1"), /no decoder for latin1/);
});
