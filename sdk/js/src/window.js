// Windows: events of a key that belong together by their time.

import { Stop } from "./failure.js";
import { Keyed } from "./run.js";
import { later } from "./span.js";
import { atHand, fresh } from "./store.js";
import { binaryOf, fromBinary } from "./text.js";

/** A window, and what is in it. */
class Window extends Keyed {
  constructor(key, { start, end, value }) {
    super();
    // Not for JSON: an output has it as its key.
    Object.defineProperty(this, "_key", { value: key });
    Object.assign(this, { start, end, value });
  }
}

export class Windows {
  /** `shape` is one of `span.js`; `store` has the open windows of each key, and the time for which a timer is set. */
  constructor(store, shape, grace, running) {
    this._store = store;
    this._shape = shape;
    this._grace = grace;
    this._running = running;
  }

  get name() {
    return this._store.name;
  }

  update(key, change, initial) {
    const call = atHand(this.name);
    const binary = binaryOf(key, "the key of a window");
    const kept = this._kept(key);
    const closed = this._close(kept, call.streamTime);
    const time = call.answer.sourceTimestamps[call.source];
    const changed = this._shape.add(kept.windows, time, (end) => this._isClosed(end, call.streamTime), (value) => {
      const next = change(value === undefined ? fresh(initial) : value);
      if (next === undefined) throw new TypeError(`the function given to \`update\` of the windows \`${this.name}\` returns the new value, and returned undefined`);
      return next;
    });
    const results = this._running ? changed : closed;
    const late = changed.length === 0;
    if (!late || results.length > 0) this._keep(call, key, binary, kept);
    return { results: results.map((window) => new Window(binary, window)), late };
  }

  onTimer(timer) {
    const call = atHand(this.name);
    const start = this._timerKey("");
    if (timer.clock !== "event-time" || !timer._key.startsWith(start)) return [];
    const binary = timer._key.slice(start.length);
    const key = fromBinary(binary);
    const kept = this._kept(key);
    if (kept.windows.length === 0) return [];
    // It is gone; a session may have grown since it was set.
    kept.wakes = undefined;
    const closed = this._close(kept, call.streamTime);
    this._keep(call, key, binary, kept);
    return closed.map((window) => new Window(binary, window));
  }

  open(key) {
    const kept = this._kept(key);
    this._close(kept, atHand(this.name).streamTime);
    const binary = binaryOf(key, "the key of a window");
    return kept.windows.map((window) => new Window(binary, window));
  }

  _kept(key) {
    const kept = this._store.get(key) ?? { windows: [] };
    if (!Array.isArray(kept.windows)) {
      throw new Stop("unreadable-state", `what the store \`${this.name}\` has under the key ${JSON.stringify(key)} are no windows: those need a name of their own`);
    }
    return kept;
  }

  /** Takes out what is closed. */
  _close(kept, streamTime) {
    const closed = kept.windows.filter(({ end }) => this._isClosed(end, streamTime));
    if (closed.length > 0) kept.windows = kept.windows.filter(({ end }) => !this._isClosed(end, streamTime));
    return closed;
  }

  _isClosed(end, streamTime) {
    return later(end, this._grace) <= streamTime;
  }

  _keep(call, key, binary, kept) {
    // Running results need no end: what nobody touches any more is gone by the store's TTL.
    if (!this._running) {
      const next = kept.windows.reduce((next, { end }) => Math.min(next, later(end, this._grace)), Infinity);
      if (next === Infinity) {
        if (kept.wakes !== undefined) this._setTimer(call, binary, null);
      } else if (kept.wakes === undefined || next < kept.wakes || kept.wakes <= call.streamTime) {
        // One that is set for an earlier time will see for itself.
        this._setTimer(call, binary, next);
        kept.wakes = next;
      }
    }
    if (kept.windows.length === 0) this._store.delete(key);
    else this._store.set(key, kept);
  }

  _setTimer(call, binary, at) {
    call.answer.setTimer(call.source, "event-time", this._timerKey(binary), at);
  }

  /** Its timers begin with its name, so that several in a plugin tell theirs apart. */
  _timerKey(binary) {
    return `${binaryOf(this.name, "the name of windows")}\0${binary}`;
  }
}
