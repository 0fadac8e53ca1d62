// The one file that sees the host's functions.

import { enabled, log as write } from "wasmill:plugin/log@0.1.0";
import { getMany, scan } from "wasmill:plugin/state-reader@0.1.0";
import { fromBinary, toBinary } from "./text.js";

const LEVELS = ["trace", "debug", "info", "warn", "error"];

/** The plugin is built by running it up to its exports: there is no host then. */
let running = false;
let lowest;

/** A call of the host's begins. */
export function begin() {
  running = true;
  lowest = undefined;
}

/** Writes a line to the host's log. */
export function log(level, message, fields = []) {
  if (!running) return;
  if (lowest === undefined) {
    const kept = enabled();
    lowest = kept == null ? LEVELS.length : LEVELS.indexOf(kept);
  }
  if (LEVELS.indexOf(level) >= lowest) write(level, message, fields);
}

/** Values of the first of these keys: lengths (-1: nothing), all bytes, and stream times of the last writes. */
export function read(store, keys) {
  const [lengths, data, written] = getMany(store, keys.map((key) => key.length), fromBinary(keys.join("")));
  return { lengths, data: toBinary(data), written };
}

/** Some of the entries of a range, none only if there are no more. */
export function page(store, start, end, reverse, limit) {
  const [keyLengths, valueLengths, data, written] = scan(store, fromBinary(start), fromBinary(end), reverse, limit);
  return { keyLengths, valueLengths, data: toBinary(data), written };
}
