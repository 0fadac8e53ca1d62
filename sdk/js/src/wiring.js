// The doors of a plugin, and what it remembers in.

import { Fixed, Sessions } from "./span.js";
import { Store } from "./store.js";
import { Windows } from "./window.js";

export class Input {
  constructor(index, name) {
    this._index = index;
    this.name = name;
  }
}

export class Sink {
  constructor(index, name) {
    this._index = index;
    this.name = name;
  }
}

const UNITS = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `"10 min"`, or of a number. */
export const duration = (time) => milliseconds(time, 1);

function milliseconds(time, least) {
  const [, count, unit] = /^(\d+) *(ms|s|min|h|d)$/.exec(time) ?? [];
  const found = typeof time === "number" ? time : Number(count) * UNITS[unit];
  if (!Number.isSafeInteger(found) || found < least) {
    throw new TypeError(`${JSON.stringify(time)} is no duration: a whole number of milliseconds, or one with a unit, as in "10 min" (ms, s, min, h, d)`);
  }
  return found;
}

export class Wiring {
  constructor() {
    this._inputs = [];
    this._sinks = [];
    this._stores = [];
  }

  input(name, { topic = name } = {}) {
    this._inputs.push({ name, topic, handle: new Input(this._inputs.length, name) });
    return this._inputs.at(-1).handle;
  }

  sink(name, { topic = name, lastOfCommit = false } = {}) {
    this._sinks.push({ name, topic, emission: lastOfCommit ? "last-of-commit" : "every", handle: new Sink(this._sinks.length, name) });
    return this._sinks.at(-1).handle;
  }

  store(name, { ttl, version = 0, keyedByEvent = false, bytes = false } = {}) {
    const spec = { name, ttlMs: ttl === undefined ? undefined : duration(ttl), version, keyedByEvent };
    this._stores.push(new Store(this._stores.length, spec, bytes));
    return this._stores.at(-1);
  }

  tumbling(name, size, options) {
    return this.hopping(name, size, size, options);
  }

  hopping(name, size, every, options) {
    return this._windows(name, new Fixed(duration(size), duration(every)), options);
  }

  sessions(name, gap, merge, options) {
    if (typeof merge !== "function") throw new TypeError(`the sessions \`${name}\` have a function that makes one value of those of two`);
    return this._windows(name, new Sessions(duration(gap), merge), options);
  }

  _windows(name, shape, { grace = 0, running = false, version, keyedByEvent } = {}) {
    const patience = milliseconds(grace, 0);
    const problem = shape.problem(patience);
    if (problem !== undefined) throw new RangeError(`the windows \`${name}\` ${problem}`);
    const ttl = running ? shape.length + patience : undefined;
    return new Windows(this.store(name, { ttl, version, keyedByEvent }), shape, patience, running);
  }

  /** For the host. Throws what is wrong. */
  _check() {
    const stores = this._stores.map((store) => store._spec);
    for (const [what, declared] of [["input", this._inputs], ["sink", this._sinks], ["store", stores]]) {
      const names = declared.map(({ name }) => name);
      for (const name of names) if (typeof name !== "string") throw new TypeError(`the name of an ${what} is a string, not ${name}`);
      const twice = names.find((name, index) => names.indexOf(name) !== index);
      if (twice !== undefined) throw new TypeError(`the plugin declares the ${what} \`${twice}\` twice: keep its handle instead`);
    }
    const ports = this._inputs.map(({ name, topic }) => ({ name, topic }));
    const sinks = this._sinks.map(({ name, topic, emission }) => ({ name, topic, emission }));
    return { inputs: ports, sinks, stores };
  }
}
