// Types of the package `wasmill`: plugins in JavaScript and TypeScript.
//
// Numbers: offsets, timestamps and partitions are Numbers, exact up to 2^53. Amounts that must stay exact are `Decimal`s.

/**
 * Makes a plugin. It is the default export of `src/plugin.js` or `src/plugin.ts`.
 *
 * @example
 * import { decimal, plugin, shape, string } from "wasmill";
 *
 * const Order = shape({ amount: decimal, country: string });
 *
 * export default plugin({
 *   settings: { threshold: decimal.default(new Decimal(300)) },
 *   setup(settings, wiring) {
 *     wiring.input("orders");
 *     const alerts = wiring.sink("fraud-alerts");
 *     return {
 *       process(event, ctx) {
 *         const order = event.json(Order);
 *         if (order.amount.gt(settings.threshold)) ctx.forward(alerts);
 *       },
 *     };
 *   },
 * });
 */
export function plugin<S extends Kinds = {}>(definition: Definition<S>): WasmillPlugin;

export interface Definition<S extends Kinds> {
  /**
   * What the `[settings]` table of the plugin's configuration may hold. What does not fit, and what is unknown, is refused before any
   * event, by name. Without it the plugin has no settings.
   */
  settings?: S | Shape<S>;
  /** A JSON Schema of the settings, for tools and editors. */
  settingsSchema?: string | object;
  /** Name, version and description; those of `package.json` unless given. */
  about?: { name?: string; version?: string; description?: string };
  /**
   * Declares inputs, sinks and stores, the same each time for the same settings, and returns the handlers. The host makes several
   * instances (one a worker) and may replace any of them between two calls: a variable here is for what the settings say, never for
   * what must last, which belongs in a store. To refuse the settings, throw an error that says what is wrong.
   */
  setup(settings: Read<S>, wiring: Wiring): Handlers;
}

export interface Handlers {
  /**
   * Handles one event. Throw a `Reject` for an event that can never be processed, a `Retry` for one that may work later, a `Stop` when
   * none can be processed any more. The event then has no effects. Any other exception rejects the event, with message and stack.
   */
  process(event: Event, ctx: Context): void;
  /** Handles a timer that is due. It is gone then, unless it is set anew here. */
  onTimer?(timer: Timer, ctx: Context): void;
}

/** What `plugin` makes: the exports of the module. */
export interface WasmillPlugin {
  readonly lifecycle: object;
  readonly batchProcessor: object;
}

/** One event. What it holds is decoded when it is asked for. */
export interface Event {
  /** The input that it came in by, as `wiring.input` gave it. */
  readonly input: Input;
  /** The topic that it came from. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the Unix epoch, as the broker has it. */
  readonly timestamp: number;
  /** The key as text, null if there is none. Throws a `Reject` if it is not UTF-8. */
  readonly key: string | null;
  readonly keyBytes: Uint8Array | null;
  /** The value as text, null for a tombstone. Throws a `Reject` if it is not UTF-8. */
  readonly value: string | null;
  readonly valueBytes: Uint8Array | null;
  /** Whether the value is null: in a compacted topic, the end of its key. */
  readonly isTombstone: boolean;
  /** The headers in their order. A name may repeat, and a value may be null. */
  readonly headers: [name: string, value: Uint8Array | null][];
  /** The value of the last header of this name as text; undefined if there is none. */
  header(name: string): string | null | undefined;
  /**
   * The value, parsed. With a shape only the fields that it names are read, checked, and exact where they are decimals: what does not
   * fit, or stands there twice, is a `Reject` with the code `bad-json` that says where.
   */
  json<K extends Kinds>(shape: Shape<K>): Read<K>;
  json<T = any>(): T;
}

/** A timer that is due: see `Context.setTimer`. */
export interface Timer {
  /** The key that it was set under. */
  readonly key: string;
  readonly keyBytes: Uint8Array;
  /** The time that it was set for, in milliseconds since the Unix epoch. */
  readonly at: number;
  readonly clock: Clock;
}

/** By the task's stream time, or by the wall clock of the host. */
export type Clock = "event-time" | "wall-clock";

export interface Context {
  /** Passes the event on as it is: key, value, headers and timestamp. Nothing is copied. */
  forward(sink: Sink): void;
  /**
   * Sends an output. It has the event's key, value and timestamp unless others are given; its partition is found by the key, and its
   * headers are those that are given. The trace of the event, its headers `traceparent` and `tracestate`, is passed on where present.
   */
  emit(sink: Sink, output?: Output): void;
  /**
   * Has `onTimer` called with this key when a clock says `at`, in milliseconds since the Unix epoch: by event time right after the event
   * that moved it so far. There is one timer a key and clock: another one takes its place. A plugin that sets timers declares a store.
   */
  setTimer(key: string | Uint8Array, at: number | Date, clock?: Clock): void;
  /** Takes back the timer of this key and clock, if there is one. */
  cancelTimer(key: string | Uint8Array, clock?: Clock): void;
  /** The partition number of the task. */
  readonly partition: number;
  /** The timestamp of the event at hand, or the time that the timer at hand was set for. */
  readonly timestamp: number;
  /** Wall clock, milliseconds since the Unix epoch: the same for all events of a call. */
  readonly now: number;
  /** The greatest event timestamp that the task has seen, this event's included. Those too far ahead of the clock do not count. */
  readonly streamTime: number;
}

export interface Output {
  /** Another key than the event's; null: none. */
  key?: string | Uint8Array | null;
  /** Another value than the event's; null: a tombstone. */
  value?: string | Uint8Array | null;
  /** A value as JSON, instead of `value`. */
  json?: unknown;
  headers?: Record<string, string | Uint8Array | null> | [name: string | Uint8Array, value: string | Uint8Array | null][];
  /** All of the event's headers, before those that are given. */
  keepHeaders?: boolean;
  /** Another timestamp than the event's, in milliseconds since the Unix epoch. */
  timestamp?: number | Date;
  /** A partition of the sink's topic, instead of the one that belongs to the key. */
  partition?: number;
}

export interface Wiring {
  /** Declares an input, which reads the topic of the same name unless another is given (or configured). */
  input(name: string, options?: { topic?: string }): Input;
  /**
   * Declares a sink, which writes to the topic of the same name unless another is given (or configured). `lastOfCommit`: of the outputs
   * with the same key only the last one before each commit goes out.
   */
  sink(name: string, options?: { topic?: string; lastOfCommit?: boolean }): Sink;
  /** Declares a store, whose values are kept as JSON. */
  store<V = any>(name: string, options?: StoreOptions): Store<V>;
  /** Declares a store of bytes, which are kept as they are. */
  store(name: string, options: StoreOptions & { bytes: true }): Store<Uint8Array>;
  /**
   * Declares windows of a fixed size, one after the other: from 10:00 to 10:05, from 10:05 to 10:10 (UTC). Each event is in one. They are
   * kept in a store of this name. Sizes are milliseconds, or a text such as `"5 min"`.
   */
  tumbling<V = any>(name: string, size: number | string, options?: WindowOptions): Windows<V>;
  /** Declares windows of a fixed size that begin in shorter intervals, and so overlap: five minutes every minute. Each event is in several. */
  hopping<V = any>(name: string, size: number | string, every: number | string, options?: WindowOptions): Windows<V>;
  /**
   * Declares windows that last as long as events of their key come: a session ends when none came for the `gap`. `merge` makes one value
   * of those of two sessions, the earlier one first, when an event that comes late joins them.
   */
  sessions<V = any>(name: string, gap: number | string, merge: (one: V, other: V) => V, options?: WindowOptions): Windows<V>;
}

export interface StoreOptions {
  /** Entries that were not written for so long, by the events' time, are gone: milliseconds, or a text such as `"10 min"`. */
  ttl?: number | string;
  /** Of the form of its values; a plugin with a lower one than the store's is refused. */
  version?: number;
  /**
   * Entries are written under the key of the event at hand: reads are then fetched for many events at once, and a query is answered by
   * the task that has the key.
   */
  keyedByEvent?: boolean;
  bytes?: boolean;
}

declare const handle: unique symbol;

export interface Input {
  readonly name: string;
  readonly [handle]: "input";
}

export interface Sink {
  readonly name: string;
  readonly [handle]: "sink";
}

/**
 * What the plugin remembers: like a Map, durable, and committed together with the outputs. It is there while an event or a timer is
 * handled. What an event wrote is seen by itself and by the next; if it fails, it has written nothing. What `get` gives is a copy: to
 * change an entry is to `set` it.
 */
export interface Store<V> extends Iterable<[key: string, value: V]> {
  readonly name: string;
  get(key: string | Uint8Array): V | undefined;
  has(key: string | Uint8Array): boolean;
  set(key: string | Uint8Array, value: V): this;
  /** Whether there was something. */
  delete(key: string | Uint8Array): boolean;
  /** Writes what `change` makes of the entry, or of `initial` where there is none, and returns it. */
  update(key: string | Uint8Array, change: (value: V) => V, initial: V | (() => V)): V;
  /** Entries in the byte order of their keys. They come from the host a few hundred at a time. */
  entries(range?: Range): IterableIterator<[key: string, value: V]>;
  keys(range?: Range): IterableIterator<string>;
  values(range?: Range): IterableIterator<V>;
}

export interface WindowOptions {
  /** How long a window waits for events that come late: milliseconds, or a text such as `"5 s"`; not at all unless given. */
  grace?: number | string;
  /** A result with each event, of each window that it is in, instead of one at the end. */
  running?: boolean;
  /** Of the form of the values: see `StoreOptions`. */
  version?: number;
  /** Windows are of the key of the event at hand: see `StoreOptions`. */
  keyedByEvent?: boolean;
}

/**
 * A value for each key and window, made of the events whose timestamps are in it, and kept as JSON.
 *
 * A window closes when stream time is as far as its end, and as much further as its grace. Its result comes out then, once and for
 * good: right away where an event of the same key comes, or else by a timer, so the plugin's `onTimer` must call `onTimer`. With
 * `running` results there is one with each event instead. Either way they depend on the events alone: not on the wall clock, nor on how
 * events are cut into calls.
 *
 * @example
 * setup(settings, wiring) {
 *   wiring.input("orders");
 *   const orders = wiring.tumbling<number>("orders-a-minute", "1 min", { grace: "5 s" });
 *   const rates = wiring.sink("rates");
 *   const send = (windows, ctx) => {
 *     for (const window of windows) ctx.emit(rates, { key: window.key, timestamp: window.end, json: window });
 *   };
 *   return {
 *     process(event, ctx) {
 *       send(orders.update(event.key ?? "", (count) => count + 1, 0).results, ctx);
 *     },
 *     onTimer(timer, ctx) {
 *       send(orders.onTimer(timer), ctx);
 *     },
 *   };
 * }
 */
export interface Windows<V> {
  readonly name: string;
  /** Writes what `change` makes of each window of a key that the event at hand is in, or of `initial` where it is new. */
  update(key: string | Uint8Array, change: (value: V) => V, initial: V | (() => V)): WindowUpdate<V>;
  /** The windows that a timer closed; none if it is another's. */
  onTimer(timer: Timer): Window<V>[];
  /** The windows of a key that are open. */
  open(key: string | Uint8Array): Window<V>[];
}

/** What an event came to. */
export interface WindowUpdate<V> {
  /** What is to be sent: the windows that closed, or, with running results, those that the event is in. */
  results: Window<V>[];
  /** The event is in no window: those that it would have been in are closed. */
  late: boolean;
}

/** A window, and what is in it. As JSON it has `start`, `end` and `value`. */
export interface Window<V> {
  /** The key as text. Throws a `Reject` if it is not UTF-8. */
  readonly key: string;
  readonly keyBytes: Uint8Array;
  /** Milliseconds since the Unix epoch. Of a session, the time of its first event. */
  readonly start: number;
  /** The end, which is not in it. Of a session, the time of its last event and the gap. */
  readonly end: number;
  /** What the events in it made of it. */
  readonly value: V;
}

/** Either keys with a prefix, or from <= key < to. */
export type Range =
  | { prefix: string | Uint8Array; from?: undefined; to?: undefined; reverse?: boolean }
  | { prefix?: undefined; from?: string | Uint8Array; to?: string | Uint8Array; reverse?: boolean };

/** The event can never be processed: the plugin's failure policy applies, by default the dead-letter topic. */
export class Reject extends Error {
  /** `code` is short and stable, for metrics: "unknown-currency". `message` is for a person; `detail` may be long. */
  constructor(code: string, message: string, options?: { detail?: string; cause?: unknown });
  readonly code: string;
  readonly detail?: string;
}

/** It may work later: the host commits what is done, waits, and offers the same event again. */
export class Retry extends Error {
  constructor(code: string, message: string, options?: { detail?: string; cause?: unknown });
  readonly code: string;
  readonly detail?: string;
}

/** The plugin cannot go on, whatever the event: the host stops it at this event, and nothing is dead-lettered. */
export class Stop extends Error {
  constructor(code: string, message: string, options?: { detail?: string; cause?: unknown });
  readonly code: string;
  readonly detail?: string;
}

/** The shape of an object: which fields it has, and what they hold. Other fields are passed over. */
export function shape<K extends Kinds>(kinds: K): Shape<K>;

export interface Shape<K extends Kinds> {
  readonly [read]?: Read<K>;
}

declare const read: unique symbol;

/** What a field holds. */
export interface Kind<T> {
  readonly [read]?: T;
  /** The field may be missing. */
  default(value: T): Kind<T>;
  /** The field may be missing or null, and is null then. */
  optional(): Kind<T | null>;
}

export type Kinds = Record<string, Kind<any>>;

/** What an object of these kinds is once it is read. */
export type Read<K extends Kinds> = { [name in keyof K]: K[name] extends Kind<infer T> ? T : never };

/** What a shape reads: `type Order = Infer<typeof Order>`. */
export type Infer<S> = S extends Shape<infer K> ? Read<K> : never;

export const string: Kind<string>;
/** A number, as the nearest double. */
export const number: Kind<number>;
/** A whole number of at most 2^53. */
export const integer: Kind<number>;
export const boolean: Kind<boolean>;
/** A number, or a text that holds one, with all of its digits. */
export const decimal: Kind<Decimal>;
/** Whatever JSON there is. */
export const any: Kind<any>;
/** A list of texts, numbers or booleans. */
export function list<T extends string | number | boolean>(kind: Kind<T>): Kind<T[]>;

/** An exact decimal number of up to 38 digits. It keeps its digits as they were written; in JSON it is a number with all of them. */
export class Decimal {
  /** Give it a text rather than a number with a fraction, which is no exact one. */
  constructor(value?: Decimal | string | number | bigint);
  static from(value: Decimal | string | number | bigint): Decimal;
  /** Less than 0, 0 or more than 0. */
  compare(other: Decimal | string | number | bigint): number;
  gt(other: Decimal | string | number | bigint): boolean;
  gte(other: Decimal | string | number | bigint): boolean;
  lt(other: Decimal | string | number | bigint): boolean;
  lte(other: Decimal | string | number | bigint): boolean;
  equals(other: Decimal | string | number | bigint): boolean;
  /** Throws a RangeError if the result has more than 38 digits: nothing is rounded. */
  plus(other: Decimal | string | number | bigint): Decimal;
  minus(other: Decimal | string | number | bigint): Decimal;
  times(other: Decimal | string | number | bigint): Decimal;
  /** The nearest double. */
  toNumber(): number;
  toString(): string;
}

/** Milliseconds of a text such as `"10 min"` (ms, s, min, h, d), or of a number of them. */
export function duration(time: string | number): number;

declare global {
  /** Lines in the host's log: `log` and `info`, `debug`, `warn`, `error`, `trace`. */
  var console: {
    trace(...values: unknown[]): void;
    debug(...values: unknown[]): void;
    log(...values: unknown[]): void;
    info(...values: unknown[]): void;
    warn(...values: unknown[]): void;
    error(...values: unknown[]): void;
    assert(holds: unknown, ...values: unknown[]): void;
  };
  class TextEncoder {
    readonly encoding: string;
    encode(text?: string): Uint8Array;
  }
  /** Of UTF-8, and of whole texts. */
  class TextDecoder {
    constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
    readonly encoding: string;
    decode(input?: ArrayBuffer | ArrayBufferView): string;
  }
}
