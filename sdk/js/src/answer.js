// What a call did, as columns that grow event by event.

import { fromBinary } from "./text.js";

export const NULL = -1;
export const SAME = -2;

/** The optional columns stay empty until an output needs them, and are then filled up for the outputs before it. */
export class Answer {
  constructor(timestamps) {
    this.sourceTimestamps = timestamps;
    this.done = 0;
    this.sources = [];
    this.sinks = [];
    this.partitions = [];
    this.timestamps = [];
    this.keyLengths = [];
    this.valueLengths = [];
    /** Binary strings; so are the other data. */
    this.data = [];
    this.headers = { counts: [], nameLengths: [], valueLengths: [], data: [] };
    this.writes = { sources: [], stores: [], keyLengths: [], valueLengths: [], data: [] };
    this.timers = { sources: [], clocks: [], at: [], keyLengths: [], keys: [] };
    this.failures = [];
  }

  /** Forgets what an event, the last one, has done. */
  takeBack(source) {
    const { headers, timers } = this;
    while (this.sources.at(-1) === source) {
      this.sources.pop();
      this.sinks.pop();
      if (this.keyLengths.pop() >= 0) this.data.pop();
      if (this.valueLengths.pop() >= 0) this.data.pop();
      for (let count = headers.counts[this.sources.length] ?? 0; count > 0; count--) {
        headers.nameLengths.pop();
        headers.valueLengths.pop();
        headers.data.length -= 2;
      }
      for (const column of [this.partitions, this.timestamps, headers.counts]) cut(column, this.sources.length);
    }
    while (timers.sources.at(-1) === source) for (const column of Object.values(timers)) column.pop();
  }

  push(source, sink, keyLength, valueLength, partition, timestamp, headerCount) {
    const before = this.sources.length;
    if (partition !== NULL || this.partitions.length > 0) {
      fill(this.partitions, before, NULL);
      this.partitions.push(partition);
    }
    if (timestamp !== undefined || this.timestamps.length > 0) {
      for (let index = this.timestamps.length; index < before; index++) {
        this.timestamps.push(this.sourceTimestamps[this.sources[index]]);
      }
      this.timestamps.push(timestamp ?? this.sourceTimestamps[source]);
    }
    if (headerCount !== 0 || this.headers.counts.length > 0) {
      fill(this.headers.counts, before, 0);
      this.headers.counts.push(headerCount);
    }
    this.sources.push(source);
    this.sinks.push(sink);
    this.keyLengths.push(keyLength);
    this.valueLengths.push(valueLength);
  }

  setTimer(source, clock, key, at) {
    const { timers } = this;
    timers.sources.push(source);
    timers.clocks.push(clock);
    timers.at.push(at === null ? NULL : Math.max(at, 0));
    timers.keyLengths.push(key.length);
    timers.keys.push(key);
  }

  /** The earliest time that the timers from the number `first` on are set for on event time. */
  earliest(first) {
    const { clocks, at } = this.timers;
    let earliest = Infinity;
    for (let index = first; index < at.length; index++) {
      if (clocks[index] === "event-time" && at[index] >= 0) earliest = Math.min(earliest, at[index]);
    }
    return earliest;
  }

  /** Whether the timers from the number `first` on are due already, or one of those that follow: a run of timers ends there. */
  disturbs(first, follow, now, streamTime) {
    const { clocks, at, keys } = this.timers;
    for (let index = first; index < at.length; index++) {
      const time = clocks[index] === "event-time" ? streamTime : now;
      if (at[index] >= 0 && at[index] <= time) return true;
      if (follow.some((timer) => timer.clock === clocks[index] && timer._key === keys[index])) return true;
    }
    return false;
  }

  write(source, store, key, value) {
    const { writes } = this;
    writes.sources.push(source);
    writes.stores.push(store);
    writes.keyLengths.push(key.length);
    writes.valueLengths.push(value === null ? NULL : value.length);
    writes.data.push(key, value ?? "");
  }

  fail(source, failure) {
    const { code, message, detail } = failure.val;
    const wellFormed = (text) => text?.toWellFormed();
    this.failures.push([source, { tag: failure.tag, val: { code: wellFormed(code), message: wellFormed(message), detail: wellFormed(detail) } }]);
  }

  /** For the host. */
  effects() {
    const bytes = (parts) => fromBinary(parts.join(""));
    return {
      done: this.done,
      sources: this.sources,
      sinks: this.sinks,
      partitions: this.partitions,
      timestamps: this.timestamps,
      keyLengths: this.keyLengths,
      valueLengths: this.valueLengths,
      data: bytes(this.data),
      headers: { ...this.headers, data: bytes(this.headers.data) },
      writes: { ...this.writes, data: bytes(this.writes.data) },
      timers: { ...this.timers, keys: bytes(this.timers.keys) },
      failures: this.failures,
    };
  }
}

function cut(column, length) {
  if (column.length > length) column.length = length;
}

function fill(column, length, value) {
  while (column.length < length) column.push(value);
}
