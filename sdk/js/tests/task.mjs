// One task of a plugin, with what the host has of it: stores, timers, stream time. Events go in and effects come out as columns.

import "./setup.mjs";
import { cut, host } from "./host.mjs";

export { host };
export const wasmill = await import("../src/index.js");

const binary = (field) => Buffer.from(field).toString("latin1");
const bytes = (binary) => new Uint8Array(Buffer.from(binary, "latin1"));
const plain = (binary) => (binary === null ? null : Buffer.from(binary, "latin1").toString());
const lengthOf = (field) => (field === null ? -1 : field.length);

export class Task {
  /** `setup` is that of a plugin; it may come with the other parts of a definition. */
  constructor(setup, { settings = {}, eventsACall = 500, ...definition } = {}) {
    this.plugin = wasmill.plugin({ ...definition, setup });
    this.settings = settings;
    this.eventsACall = eventsACall;
    this.timers = new Map();
    this.streamTime = -1;
    this.now = 0;
    this.latest = Number.MAX_SAFE_INTEGER;
    this.restart();
    host.stores = this.wiring.stores.map(() => new Map());
    host.asked = [];
    host.most = Infinity;
  }

  /** Puts a fresh instance in the place of the one at work. */
  restart() {
    this.wiring = this.plugin.lifecycle.configure(JSON.stringify(this.settings));
  }

  /** Has these handled: `{ key, value, json, timestamp, headers }`, each with what it should have. What came of them, by event. */
  send(...events) {
    const came = { outputs: [], failures: [], calls: [] };
    for (let first = 0; first < events.length; ) {
      // A run ends at a timer that is due.
      let [last, time] = [first, this.streamTime];
      do time = Math.max(time, events[last].timestamp ?? 0);
      while (++last < events.length && last - first < this.eventsACall && time < this.nextTimer());
      const run = columns(events.slice(first, last));
      const effects = this.plugin.batchProcessor.processBatch({ ...run, task: this.task() });
      const times = run.timestamps.map((timestamp) => (this.streamTime = timestamp <= this.latest ? Math.max(this.streamTime, timestamp) : this.streamTime));
      this.streamTime = times[effects.done - 1];
      came.calls.push(effects);
      this.apply(effects, run, times, came, (source) => first + source);
      first += effects.done;
      this.fire(came, first - 1);
    }
    return came;
  }

  task() {
    return { partition: 3, now: this.now, streamTime: this.streamTime, latest: this.latest };
  }

  nextTimer() {
    const times = [...this.timers.values()].filter(({ clock }) => clock === "event-time").map(({ at }) => at);
    return Math.min(...times);
  }

  /** The timers that are due, in the order of their times. */
  fire(came, event) {
    for (;;) {
      const isDue = ({ at, clock }) => at <= (clock === "event-time" ? this.streamTime : this.now);
      const due = [...this.timers.values()].filter(isDue).sort((one, other) => one.at - other.at || (one.key < other.key ? -1 : 1));
      if (due.length === 0) return;
      const effects = this.plugin.batchProcessor.processTimers(this.task(), due.map((timer) => ({ ...timer, key: bytes(timer.key) })));
      came.calls.push(effects);
      for (const timer of due.slice(0, effects.done)) this.timers.delete(`${timer.clock} ${timer.key}`);
      const run = { keys: due.map(({ key }) => key), values: due.map(() => null), timestamps: due.map(({ at }) => at), headerLists: due.map(() => []) };
      this.apply(effects, run, due.map(() => this.streamTime), came, () => event, due);
    }
  }

  apply(effects, run, times, came, eventOf, due) {
    const data = walk(plainBinary(effects.data));
    const names = walk(plainBinary(effects.headers.data));
    let header = 0;
    effects.sources.forEach((source, index) => {
      const field = (length, same) => (length === -2 ? same : length === -1 ? null : data(length));
      const key = field(effects.keyLengths[index], run.keys[source]);
      const value = field(effects.valueLengths[index], run.values[source]);
      const count = effects.headers.counts[index] ?? 0;
      const headers = count === -2 ? run.headerLists[source] : [];
      for (const last = header + Math.max(count, 0); header < last; header++) {
        const name = names(effects.headers.nameLengths[header]);
        const length = effects.headers.valueLengths[header];
        headers.push([name, length < 0 ? null : names(length)]);
      }
      came.outputs.push({
        event: eventOf(source),
        timer: due?.[source].key,
        sink: this.wiring.sinks[effects.sinks[index]].name,
        key: plain(key),
        value: plain(value),
        timestamp: effects.timestamps[index] ?? run.timestamps[source],
        partition: effects.partitions[index] ?? -1,
        headers: headers.map(([name, content]) => [plain(name), plain(content)]),
      });
    });
    for (const [source, failure] of effects.failures) came.failures.push({ event: eventOf(source), kind: failure.tag, ...failure.val });
    const written = walk(plainBinary(effects.writes.data));
    effects.writes.stores.forEach((store, index) => {
      const key = written(effects.writes.keyLengths[index]);
      const length = effects.writes.valueLengths[index];
      if (length < 0) host.stores[store].delete(key);
      else host.stores[store].set(key, { value: written(length), written: times[effects.writes.sources[index]] });
    });
    cut(plainBinary(effects.timers.keys), effects.timers.keyLengths).forEach((key, index) => {
      const [at, clock] = [effects.timers.at[index], effects.timers.clocks[index]];
      if (at < 0) this.timers.delete(`${clock} ${key}`);
      else this.timers.set(`${clock} ${key}`, { key, at, clock });
    });
  }

  /** What a store has, as texts; of entries that are over, too. */
  entries(name) {
    const store = host.stores[this.wiring.stores.findIndex((store) => store.name === name)];
    return Object.fromEntries([...store].map(([key, { value }]) => [plain(key), plain(value)]));
  }
}

const plainBinary = (bytes) => Buffer.from(bytes).toString("latin1");

/** Takes so many characters each time. */
function walk(data) {
  let at = 0;
  return (length) => data.slice(at, (at += length));
}

function columns(events) {
  const keys = events.map(({ key = null }) => (key === null ? null : binary(key)));
  const values = events.map(({ value = null, json }) => (json !== undefined ? binary(JSON.stringify(json)) : value === null ? null : binary(value)));
  const headerLists = events.map(({ headers = [] }) => headers.map(([name, value]) => [binary(name), value === null ? null : binary(value)]));
  const all = headerLists.flat();
  return {
    keys,
    values,
    headerLists,
    input: 0,
    topic: "in",
    offsets: events.map((_, index) => 100 + index),
    timestamps: events.map(({ timestamp = 0 }) => timestamp),
    keyLengths: keys.map(lengthOf),
    valueLengths: values.map(lengthOf),
    data: bytes(keys.map((key, index) => (key ?? "") + (values[index] ?? "")).join("")),
    headers: {
      counts: all.length === 0 ? [] : headerLists.map((list) => list.length),
      nameLengths: all.map(([name]) => name.length),
      valueLengths: all.map(([, value]) => lengthOf(value)),
      data: bytes(all.map(([name, value]) => name + (value ?? "")).join("")),
    },
  };
}
