// What a handler does: outputs and timers, and where and when it runs.

import { NULL, SAME } from "./answer.js";
import { stringify } from "./json.js";
import { binaryOf, kindOf } from "./text.js";
import { Sink } from "./wiring.js";

/** The headers of the W3C's Trace Context, which belong to whatever comes of an event. */
const TRACE = new Set(["traceparent", "tracestate"]);
const CLOCKS = ["event-time", "wall-clock"];
const OPTIONS = new Set(["key", "value", "json", "headers", "keepHeaders", "timestamp", "partition"]);

export class Context {
  constructor(call) {
    this._call = call;
  }

  /** The partition number of the task. */
  get partition() {
    return this._call.task.partition;
  }

  /** The timestamp of the event at hand, or the time that the timer at hand was set for. */
  get timestamp() {
    return this._call.answer.sourceTimestamps[this._call.source];
  }

  /** Wall clock: the same for all events of a call. */
  get now() {
    return this._call.task.now;
  }

  /** The greatest event timestamp that the task has seen. */
  get streamTime() {
    return this._call.streamTime;
  }

  forward(sink) {
    const { answer, source, run } = this._call;
    answer.push(source, indexOf(sink), SAME, SAME, NULL, undefined, run === undefined || run.headers.counts.length === 0 ? 0 : SAME);
  }

  emit(sink, output = {}) {
    for (const option in output) {
      if (!OPTIONS.has(option)) throw new TypeError(`an output has no \`${option}\`: it has ${[...OPTIONS].join(", ")}`);
    }
    const { answer, source } = this._call;
    const index = indexOf(sink);
    // All that may throw comes before the first column grows.
    const key = output.key === undefined ? SAME : output.key === null ? NULL : binaryOf(output.key, "the key of an output");
    const value = valueOf(output);
    const headers = this._headers(output);
    const timestamp = timeOf(output.timestamp, "the timestamp of an output");
    const partition = output.partition ?? NULL;
    if (!Number.isInteger(partition) || partition < NULL || partition >= 2 ** 31) throw new TypeError(`the partition of an output is ${output.partition}`);
    const count = headers === SAME ? SAME : this._pushHeaders(headers);
    answer.push(source, index, this._push(key), this._push(value), partition, timestamp, count);
  }

  setTimer(key, at, clock = "event-time") {
    if (at === undefined) throw new TypeError("a timer needs a time");
    this._timer(key, timeOf(at, "the time of a timer"), clock);
  }

  cancelTimer(key, clock = "event-time") {
    this._timer(key, null, clock);
  }

  _timer(key, at, clock) {
    if (!CLOCKS.includes(clock)) throw new TypeError(`a timer goes by "event-time" or "wall-clock", not by ${clock}`);
    if (!this._call.hasStores) throw new TypeError("a plugin that sets timers declares a store, which they are kept with");
    this._call.answer.setTimer(this._call.source, clock, binaryOf(key, "the key of a timer"), at);
  }

  _push(field) {
    if (typeof field === "number") return field;
    this._call.answer.data.push(field);
    return field.length;
  }

  /** Names and values as binary strings; SAME: those of the event, all of them. */
  _headers({ headers, keepHeaders = false }) {
    const own = entriesOf(headers);
    const source = this._call.run?.headersOf(this._call.source) ?? [];
    if (keepHeaders) return own.length === 0 && source.length > 0 ? SAME : [...source, ...own];
    // An author who names one of the two starts a trace of his own: the other would not belong to it.
    if (source.length === 0 || own.some(([name]) => TRACE.has(name))) return own;
    return [...own, ...source.filter(([name]) => TRACE.has(name))];
  }

  _pushHeaders(entries) {
    const { headers } = this._call.answer;
    for (const [name, value] of entries) {
      headers.nameLengths.push(name.length);
      headers.valueLengths.push(value === null ? NULL : value.length);
      headers.data.push(name, value ?? "");
    }
    return entries.length;
  }
}

function valueOf(output) {
  if (output.json !== undefined) {
    if (output.value !== undefined) throw new TypeError("an output has either `json` or `value`");
    return stringify(output.json);
  }
  if ("json" in output) return stringify(output.json);
  if (output.value === undefined) return SAME;
  return output.value === null ? NULL : binaryOf(output.value, "the value of an output (`json` takes anything)");
}

const NONE = [];

function entriesOf(headers) {
  if (headers === undefined) return NONE;
  const entries = Array.isArray(headers) ? headers : Object.entries(headers);
  return entries.map(([name, value]) => [binaryOf(name, "the name of a header"), value === null ? null : binaryOf(value, "the value of a header")]);
}

function timeOf(time, what) {
  if (time === undefined || Number.isSafeInteger(time)) return time;
  if (time instanceof Date && Number.isSafeInteger(time.getTime())) return time.getTime();
  throw new TypeError(`${what} must be milliseconds since 1970, a whole number, and is ${typeof time === "number" ? time : kindOf(time)}`);
}

function indexOf(sink) {
  if (!(sink instanceof Sink)) throw new TypeError(`a sink is what \`wiring.sink\` gave, and this is ${kindOf(sink)}`);
  return sink._index;
}
