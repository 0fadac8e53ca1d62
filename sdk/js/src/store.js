// What a plugin remembers: like a Map, durable, and committed together with the outputs.

import { Stop } from "./failure.js";
import { page, read } from "./host.js";
import { binaryOf, decode, encode, fromBinary } from "./text.js";

/** Bytes of entries that an instance keeps from one call to the next, all stores together. */
const KEPT = 8 << 20;
/** Bytes that an entry takes besides its key and value: a guess on the safe side. */
const OVERHEAD = 256;
/** Entries that are asked for at once. */
const PAGE = 256;
const LONGEST_KEY = 64 << 10;
const LONGEST_VALUE = (1 << 20) - LONGEST_KEY - (2 << 10);

/** The call at hand: which task, which event. Handlers run one at a time, so that handles need not be told. */
let call;
/** Entries known of each partition, and their bytes in all stores. */
let bytes = 0;
let tooMany = false;

/** What is under a key, as bytes, and what they stand for where that cannot be changed behind our back. */
class Slot {
  constructor(binary, written) {
    this.binary = binary;
    this.plain = undefined;
    this.written = written;
    this.source = 0;
    this.dirty = false;
  }
}

export class Store {
  constructor(index, spec, isBytes) {
    this._index = index;
    this._spec = spec;
    this._isBytes = isBytes;
    this._tasks = new Map();
    this._slots = undefined;
    /** Keys that this call has written; and what they were before the event at hand. */
    this._dirty = new Set();
    this._journal = new Map();
    this._fetched = 0;
  }

  get name() {
    return this._spec.name;
  }

  get(key) {
    const slot = this._live(binaryOf(key, "the key of an entry"));
    if (slot === undefined) return undefined;
    if (slot.plain !== undefined) return slot.plain;
    const value = this._decode(key, slot.binary);
    if (typeof value !== "object") slot.plain = value;
    return value;
  }

  has(key) {
    return this._live(binaryOf(key, "the key of an entry")) !== undefined;
  }

  set(key, value) {
    this._write(binaryOf(key, "the key of an entry"), this._encode(value), typeof value === "object" || this._isBytes ? undefined : value);
    return this;
  }

  delete(key) {
    const binary = binaryOf(key, "the key of an entry");
    const had = this._live(binary) !== undefined;
    if (this._find(binary).binary !== null) this._write(binary, null);
    return had;
  }

  update(key, change, initial) {
    const value = change(this.get(key) ?? fresh(initial));
    if (value === undefined) throw new TypeError(`the function given to \`update\` of the store \`${this.name}\` returns the new value, and returned undefined`);
    this.set(key, value);
    return value;
  }

  *entries(range = {}) {
    const { start, end, reverse, none } = rangeOf(range);
    if (none) return;
    const written = this._written(start, end);
    if (reverse) written.reverse();
    const before = reverse ? (one, other) => one > other : (one, other) => one < other;
    let next = 0;
    for (const [key, value] of this._pages(start, end, reverse)) {
      while (next < written.length && before(written[next][0], key)) yield* this._entry(...written[next++]);
      // What this call wrote takes the place of what was there before it.
      if (next < written.length && written[next][0] === key) yield* this._entry(...written[next++]);
      else yield* this._entry(key, value);
    }
    while (next < written.length) yield* this._entry(...written[next++]);
  }

  *keys(range) {
    for (const [key] of this.entries(range)) yield key;
  }

  *values(range) {
    for (const [, value] of this.entries(range)) yield value;
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  *_entry(key, value) {
    if (value !== null) yield [this._key(key), this._decode(key, value)];
  }

  /** What this call has written, in order. */
  _written(start, end) {
    const slots = this._slots ?? new Map();
    const inRange = [...this._dirty].filter((key) => key >= start && (end === "" || key < end)).sort(byBytes);
    return inRange.map((key) => [key, this._isGone(slots.get(key)) ? null : slots.get(key).binary]);
  }

  *_pages(start, end, reverse) {
    for (;;) {
      const found = page(this._index, start, end, reverse, PAGE);
      if (found.keyLengths.length === 0) return;
      let [at, last] = [0, ""];
      for (let index = 0; index < found.keyLengths.length; index++) {
        const middle = at + found.keyLengths[index];
        last = found.data.slice(at, middle);
        at = middle + found.valueLengths[index];
        if (!this._isOver(found.written[index])) yield [last, found.data.slice(middle, at)];
      }
      if (!reverse) start = last + "\0";
      else if (last === "") return;
      else end = last;
    }
  }

  _encode(value) {
    let binary;
    if (this._isBytes) {
      binary = binaryOf(value, `a value of the store \`${this.name}\``);
    } else {
      const text = JSON.stringify(value);
      if (text === undefined) throw new TypeError(`a value for the store \`${this.name}\` must have a JSON: undefined and functions have none (\`delete\` removes an entry)`);
      binary = encode(text);
    }
    if (binary.length > LONGEST_VALUE) throw new RangeError(`a value for the store \`${this.name}\` has ${binary.length} bytes, and ${LONGEST_VALUE} are the most`);
    return binary;
  }

  _decode(key, binary) {
    if (this._isBytes) return fromBinary(binary);
    try {
      return JSON.parse(decode(binary));
    } catch (error) {
      throw new Stop(
        "unreadable-state",
        `what the store \`${this.name}\` has under the key ${JSON.stringify(key)} is not JSON: ${error.message}. A store whose values changed their form needs a form that reads the old ones as well, or another name`,
      );
    }
  }

  _key(binary) {
    try {
      return decode(binary);
    } catch {
      throw new Stop("unreadable-state", `a key of the store \`${this.name}\` is not UTF-8`);
    }
  }

  _live(key) {
    const slot = this._find(key);
    return this._isGone(slot) ? undefined : slot;
  }

  _isGone(slot) {
    return slot.binary === null || this._isOver(slot.written);
  }

  /** Whether an entry that was last written at this stream time is gone. */
  _isOver(written) {
    return this._spec.ttlMs !== undefined && written !== undefined && written + this._spec.ttlMs <= call.streamTime;
  }

  _find(key) {
    if (call === undefined) throw outside(this.name);
    if (key.length > LONGEST_KEY) throw new RangeError(`a key for the store \`${this.name}\` has ${key.length} bytes, and ${LONGEST_KEY} are the most`);
    return this._slots.get(key) ?? this._fetch(key);
  }

  /** Asks the host: a call costs as much as a short event, so it asks for the keys of the events to come as well. */
  _fetch(key) {
    const asked = [key];
    if (this._spec.keyedByEvent && call.run !== undefined) {
      let index = 0;
      const from = Math.max(this._fetched, call.source + 1);
      const asking = new Set(asked);
      for (const other of call.run.keys()) {
        if (index++ < from || other === undefined || asking.has(other) || this._slots.has(other)) continue;
        asking.add(other);
        asked.push(other);
      }
      this._fetched = index;
    }
    const { lengths, data, written } = read(this._index, asked);
    let at = 0;
    lengths.forEach((length, index) => {
      const binary = length < 0 ? null : data.slice(at, (at += length));
      this._keep(asked[index], new Slot(binary, length < 0 ? undefined : written[index]));
    });
    // Those that the host left out are asked for again.
    if (lengths.length < asked.length) this._fetched = 0;
    return this._slots.get(key);
  }

  _keep(key, slot) {
    this._slots.set(key, slot);
    bytes += key.length + (slot.binary?.length ?? 0) + OVERHEAD;
    tooMany ||= bytes > KEPT;
  }

  _write(key, binary, plain) {
    const slot = this._find(key);
    if (!this._journal.has(key)) this._journal.set(key, { ...slot });
    bytes += (binary?.length ?? 0) - (slot.binary?.length ?? 0);
    Object.assign(slot, { binary, plain, written: call.streamTime, source: call.source, dirty: true });
    this._dirty.add(key);
  }

  _begin(partition) {
    this._fetched = 0;
    this._slots = this._tasks.get(partition);
    if (this._slots === undefined) this._tasks.set(partition, (this._slots = new Map()));
  }

  /** The event at hand is done. */
  _commit() {
    if (this._journal.size > 0) this._journal.clear();
  }

  /** The event at hand failed: it has written nothing. */
  _takeBack() {
    for (const [key, before] of this._journal) {
      Object.assign(this._slots.get(key), before);
      if (!before.dirty) this._dirty.delete(key);
    }
    this._journal.clear();
  }
}

/** The call at hand, for what a store of this name is needed for. */
export function atHand(store) {
  if (call === undefined) throw outside(store);
  return call;
}

const outside = (store) => new Error(`the store \`${store}\` is there while an event or a timer is handled, not before`);

/** A call for a task begins. */
export function begin(stores, next) {
  call = next;
  for (const store of stores) store._begin(next.task.partition);
}

export function commit(stores) {
  for (const store of stores) store._commit();
}

export function takeBack(stores) {
  for (const store of stores) store._takeBack();
}

/** The call is over: each entry that it wrote goes into the answer once, as the last event left it. */
export function end(stores, answer) {
  const dirty = [];
  for (const store of stores) {
    for (const key of store._dirty) {
      const slot = store._slots.get(key);
      slot.dirty = false;
      dirty.push({ store, key, slot });
    }
    store._dirty.clear();
  }
  // Sources never decrease.
  dirty.sort((one, other) => one.slot.source - other.slot.source);
  for (const { store, key, slot } of dirty) answer.write(slot.source, store._index, key, slot.binary);
  if (tooMany) {
    // The host has it all: what is needed again is asked for again.
    for (const store of stores) store._tasks.clear();
    [bytes, tooMany] = [0, false];
  }
  call = undefined;
}

const byBytes = (one, other) => (one < other ? -1 : one > other ? 1 : 0);

/** The first value, as an author gives it: one that is an object must not be shared by all. */
export function fresh(initial) {
  if (initial instanceof Function) return initial();
  return typeof initial === "object" && initial !== null ? JSON.parse(JSON.stringify(initial)) : initial;
}

function rangeOf({ from, to, prefix, reverse = false }) {
  if (prefix !== undefined) {
    if (from !== undefined || to !== undefined) throw new TypeError("a range has either a `prefix`, or `from` and `to`");
    const start = binaryOf(prefix, "a prefix");
    return { start, end: after(start), reverse, none: false };
  }
  const start = from === undefined ? "" : binaryOf(from, "`from`");
  const end = to === undefined ? "" : binaryOf(to, "`to`");
  return { start, end, reverse, none: to !== undefined && start >= end };
}

/** The first key that does not begin so: the last byte that can be raised is, and what follows it left out. */
function after(prefix) {
  let end = prefix.length - 1;
  while (end >= 0 && prefix.charCodeAt(end) === 0xff) end--;
  return end < 0 ? "" : prefix.slice(0, end) + String.fromCharCode(prefix.charCodeAt(end) + 1);
}
