// JSON, where it stands in an event: what is wrong is told with its line and column, counted in bytes.

import { Reject } from "./failure.js";
import { decode, encode } from "./text.js";

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
/** A number, or true, false, null. */
const SCALAR = /[^\s,\]}]+/y;
/** What matters to find the end of an object or an array. */
const NEXT = /[^"{}[\]]*(["{}[\]])/y;

/** Something is wrong at a place. */
export class Mismatch extends Error {
  constructor(message, at) {
    super(message);
    this.at = at;
  }
}

/** A reject for what is wrong with an event's JSON. */
export const badJson = (message, cause) => new Reject("bad-json", message, { cause });

/** Where the byte before `at` stands, as editors count. */
export function place(binary, at) {
  const before = binary.slice(0, at);
  const line = before.split("\n").length;
  return `line ${line} column ${at - before.lastIndexOf("\n") - 1}`;
}

/** Parses bytes. Throws a reject that says where it is no JSON. */
export function parse(binary) {
  let text;
  try {
    text = decode(binary);
  } catch {
    throw badJson("the value is not UTF-8");
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badJson(syntax(error));
  }
}

/** What the engine says of JSON that is none: it gives the place in the stack. */
export function syntax(error) {
  const [, line, column] = /<input>:(\d+):(\d+)/.exec(error.stack ?? "") ?? [];
  return line === undefined || error.message.includes("(line ") ? error.message : `${error.message} at line ${line} column ${column}`;
}

/** Stringifies to bytes. */
export function stringify(value) {
  const text = JSON.stringify(value);
  if (text === undefined) throw new Reject("not-json", "the output cannot be written as JSON: it is undefined, a function or a symbol");
  return encode(text);
}

/** The fields of an object in sound JSON, by their names in bytes: where each value begins and ends. Throws a Mismatch. */
export function fields(binary, known) {
  const found = new Map();
  let at = skip(SPACE, binary, 0);
  if (binary[at] !== "{") throw new Mismatch(`invalid type: ${kind(binary, at)}, expected an object`, at);
  at = skip(SPACE, binary, at + 1);
  while (binary[at] !== "}") {
    const nameEnd = skip(STRING, binary, at);
    const name = encode(JSON.parse(decode(binary.slice(at, nameEnd))));
    if (found.has(name) && known.has(name)) throw new Mismatch(`duplicate field \`${decode(name)}\``, nameEnd);
    // Past the colon.
    const start = skip(SPACE, binary, skip(SPACE, binary, nameEnd) + 1);
    const end = endOf(binary, start);
    found.set(name, { start, end });
    at = skip(SPACE, binary, end);
    if (binary[at] === ",") at = skip(SPACE, binary, at + 1);
  }
  return { found, end: at + 1 };
}

/** Where a value ends. */
function endOf(binary, start) {
  if (binary[start] === '"') return skip(STRING, binary, start);
  if (binary[start] !== "{" && binary[start] !== "[") return skip(SCALAR, binary, start);
  let depth = 0;
  for (let at = start; ; ) {
    NEXT.lastIndex = at;
    const mark = NEXT.exec(binary)[1];
    at = NEXT.lastIndex;
    if (mark === '"') at = skip(STRING, binary, at - 1);
    else if (mark === "{" || mark === "[") depth += 1;
    else if (--depth === 0) return at;
  }
}

function skip(pattern, binary, at) {
  pattern.lastIndex = at;
  return pattern.test(binary) ? pattern.lastIndex : at;
}

/** What stands there, for a message. */
export function kind(binary, at) {
  const first = binary[at];
  const kinds = { "{": "map", "[": "sequence", n: "null", t: "boolean `true`", f: "boolean `false`" };
  return kinds[first] ?? (first === '"' ? `string ${decode(binary.slice(at, endOf(binary, at)))}` : "number");
}
