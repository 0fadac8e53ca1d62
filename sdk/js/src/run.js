// The events of one call, and each of them.

import { Reject } from "./failure.js";
import { parse } from "./json.js";
import { decode, fromBinary, toBinary } from "./text.js";

const BACKSLASH = 0x5c;

/** The columns of a call. Nothing is decoded before it is asked for: a plugin that only passes events on reads none. */
export class Run {
  constructor(batch, input) {
    this.task = batch.task;
    this.input = input;
    this.topic = batch.topic;
    this.offsets = batch.offsets;
    this.timestamps = batch.timestamps;
    this.keyLengths = batch.keyLengths;
    this.valueLengths = batch.valueLengths;
    this.headers = batch.headers;
    this._data = batch.data;
    this._binary = undefined;
    this._shape = undefined;
    this._places = null;
    this._headerStarts = undefined;
  }

  /** All keys and values, one after the other, as a binary string. */
  get binary() {
    return (this._binary ??= toBinary(this._data));
  }

  /**
   * For each field of a shape, and each event, where the field's name ends: one search through all events is far quicker than one
   * through each. Null: not every event has each field once. Undefined: names may be there with escapes.
   */
  places(shape) {
    this._shape = shape;
    if (this._data.indexOf(BACKSLASH) >= 0) return (this._places = undefined);
    const places = shape._fields.map((field) => this._find(field.quoted));
    return (this._places = places.includes(null) ? null : places);
  }

  _find(quoted) {
    const { keyLengths, valueLengths } = this;
    const parts = this.binary.split(quoted);
    if (parts.length !== keyLengths.length + 1) return null;
    let [at, end] = [0, 0];
    for (let index = 0; index < keyLengths.length; index++) {
      at += parts[index].length + quoted.length;
      parts[index] = at;
      const start = keyLengths[index] > 0 ? end + keyLengths[index] : end;
      end = valueLengths[index] > 0 ? start + valueLengths[index] : start;
      if (at - quoted.length < start || at > end) return null;
    }
    return parts;
  }

  *keys() {
    let at = 0;
    for (let index = 0; index < this.keyLengths.length; index++) {
      const [key, value] = [this.keyLengths[index], this.valueLengths[index]];
      yield key < 0 ? undefined : this.binary.slice(at, at + key);
      at += Math.max(key, 0) + Math.max(value, 0);
    }
  }

  /** The headers of an event: names and values as binary strings. */
  headersOf(index) {
    if (this.headers.counts.length === 0) return [];
    this._headerStarts ??= this._findHeaders();
    return this._headerStarts[index];
  }

  _findHeaders() {
    const { counts, nameLengths, valueLengths, data } = this.headers;
    const binary = toBinary(data);
    let [header, at] = [0, 0];
    const take = (length) => binary.slice(at, (at += length));
    return counts.map((count) => {
      const found = [];
      for (const last = header + count; header < last; header++) {
        const name = take(nameLengths[header]);
        found.push([name, valueLengths[header] < 0 ? null : take(valueLengths[header])]);
      }
      return found;
    });
  }
}

/** One event. */
export class Event {
  constructor(run, index, keyStart, valueStart) {
    this._run = run;
    this._index = index;
    this._keyStart = keyStart;
    this._valueStart = valueStart;
  }

  get input() {
    return this._run.input;
  }

  get topic() {
    return this._run.topic;
  }

  get partition() {
    return this._run.task.partition;
  }

  get offset() {
    return this._run.offsets[this._index];
  }

  get timestamp() {
    return this._run.timestamps[this._index];
  }

  get key() {
    const binary = this._keyBinary();
    return binary === null ? null : textOf(binary, "key");
  }

  get keyBytes() {
    const binary = this._keyBinary();
    return binary === null ? null : fromBinary(binary);
  }

  get value() {
    const binary = this._valueBinary();
    return binary === null ? null : textOf(binary, "value");
  }

  get valueBytes() {
    const binary = this._valueBinary();
    return binary === null ? null : fromBinary(binary);
  }

  /** Whether the value is null: in a compacted topic, the end of its key. */
  get isTombstone() {
    return this._run.valueLengths[this._index] < 0;
  }

  json(shape) {
    const run = this._run;
    const length = run.valueLengths[this._index];
    if (length < 0) throw new Reject("no-value", "the event has no value (a tombstone), and JSON was expected");
    const start = this._valueStart;
    return shape === undefined ? parse(run.binary.slice(start, start + length)) : shape._read(run, this._index, start, start + length);
  }

  get headers() {
    return this._run.headersOf(this._index).map(([name, value]) => [decode(name), value === null ? null : fromBinary(value)]);
  }

  header(name) {
    const found = this.headers.findLast(([other]) => other === name);
    if (found === undefined) return undefined;
    return found[1] === null ? null : new TextDecoder().decode(found[1]);
  }

  _keyBinary() {
    const length = this._run.keyLengths[this._index];
    return length < 0 ? null : this._run.binary.slice(this._keyStart, this._keyStart + length);
  }

  _valueBinary() {
    const length = this._run.valueLengths[this._index];
    return length < 0 ? null : this._run.binary.slice(this._valueStart, this._valueStart + length);
  }
}

/** What always has a key, which is the binary string `_key`. */
export class Keyed {
  get key() {
    return textOf(this._key, "key");
  }

  get keyBytes() {
    return fromBinary(this._key);
  }
}

/** A timer that is due. */
export class Timer extends Keyed {
  constructor({ key, at, clock }) {
    super();
    this._key = toBinary(key);
    this.at = at;
    this.clock = clock;
  }
}

function textOf(binary, what) {
  try {
    return decode(binary);
  } catch {
    throw new Reject("not-text", `the ${what} is not UTF-8: \`${what}Bytes\` has it as it is`);
  }
}
