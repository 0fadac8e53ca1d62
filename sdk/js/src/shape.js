// What an event's JSON should look like: read, checked, and with the digits of its numbers where they matter.

import { Decimal } from "./decimal.js";
import { badJson, fields, kind, Mismatch, place, syntax } from "./json.js";
import { ASCII, decode, encode } from "./text.js";

/** What a field holds. `quick` makes a value of the one that JSON.parse gives, or answers undefined: then `read` looks closely. */
class Kind {
  constructor(expected, quick, options = {}) {
    Object.assign(this, { expected, quick, ...options });
  }

  /** Another one, whose field may be missing. */
  default(value) {
    return Object.assign(Object.create(Object.getPrototypeOf(this)), this, { fallback: value, hasFallback: true });
  }

  /** Another one, whose field may be missing or null, and is null then. */
  optional() {
    const read = (binary, start, end) => (binary[start] === "n" ? null : this.read(binary, start, end));
    const quick = (value, binary, at) => (value === null ? null : this.quick(value, binary, at));
    return Object.assign(Object.create(Object.getPrototypeOf(this)), this, { read, quick, fallback: null, hasFallback: true });
  }

  /** The value that stands there, in sound JSON. */
  read(binary, start, end) {
    const value = this.quick(JSON.parse(decode(binary.slice(start, end))), binary, -1);
    if (value === undefined) throw new Mismatch(`invalid type: ${kind(binary, start)}, expected ${this.expected}`, end);
    return value;
  }
}

/** A text. */
export const string = new Kind("a string", (value, _, at) => {
  if (typeof value !== "string") return undefined;
  // What was parsed quickly was not decoded.
  return at < 0 || ASCII.test(value) ? value : decode(value);
});

/** A number, as the nearest double. */
export const number = new Kind("a number", (value) => (typeof value === "number" ? value : undefined));

/** A whole number that a double holds exactly. */
export const integer = new Kind("a whole number of at most 2^53", (value) => (Number.isSafeInteger(value) ? value : undefined));

/** True or false. */
export const boolean = new Kind("a boolean", (value) => (typeof value === "boolean" ? value : undefined));

/** Whatever JSON there is. */
export const any = new Kind("a value", (value, _, at) => (at < 0 ? value : undefined));

/** A number, or a text that holds one, as a `Decimal`. */
export const decimal = new Kind("a decimal number", quickDecimal, {
  read(binary, start, end) {
    const token = binary.slice(start, end);
    try {
      return new Decimal(token[0] === '"' ? JSON.parse(token) : token);
    } catch {
      throw new Mismatch(`${decode(token)} is not a decimal number of at most 38 digits`, end);
    }
  },
});

/** A list of values of a kind. */
export const list = (kind) =>
  new Kind(`a list`, (value, _, at) => {
    if (at >= 0 || !Array.isArray(value)) return undefined;
    const items = value.map((item) => kind.quick(item, "", -1));
    return items.includes(undefined) ? undefined : items;
  });

/** `at` is where the field's name ends: a colon and the number's own digits follow. */
function quickDecimal(value, binary, at) {
  if (typeof value === "number") {
    if (at < 0) return undefined;
    // Of the last field, or of many digits: the careful way finds its end.
    const end = binary.indexOf(",", at);
    return end >= 0 && end - at <= 39 ? new Decimal(binary, value, at + 1, end) : undefined;
  }
  return typeof value === "string" && value.length <= 38 ? tryDecimal(value) : undefined;
}

function tryDecimal(text) {
  try {
    return new Decimal(text);
  } catch {
    return undefined;
  }
}

class Field {
  constructor(name, kind) {
    this.name = name;
    this.kind = kind;
    this.bytes = encode(name);
    this.quoted = encode(JSON.stringify(name));
  }

  /** Where its name ends. Throws unless it is there once. */
  find(binary) {
    const parts = binary.split(this.quoted);
    if (parts.length !== 2) throw new Mismatch(this.name);
    return parts[0].length + this.quoted.length;
  }
}

/**
 * Reads an object where JSON.parse can do most of the work; undefined wherever it might not see what matters. `places` are those of
 * `Run.places`. An interpreter has no cheaper loop than one that is written out, so the function is made for its shape.
 */
function quickly(fields) {
  const names = fields.map(({ name }) => JSON.stringify(name));
  const read = (name, number) => `
    const value${number} = quick${number}(parsed[${name}], binary, places === null ? fields[${number}].find(binary) : places[${number}][index] - start);
    if (value${number} === undefined) return undefined;`;
  const source = `
  ${names.map((_, number) => `const quick${number} = fields[${number}].kind.quick;`).join("\n  ")}
  return (binary, places, index, start) => {
    const parsed = JSON.parse(binary);
    ${names.map(read).join("")}
    return { ${names.map((name, number) => `${name}: value${number}`).join(", ")} };
  };`;
  return new Function("fields", source)(fields);
}

/** The shape of an object: which fields it has, and what they hold. Others may be there. */
export class Shape {
  constructor(kinds) {
    this._fields = Object.entries(kinds).map(([name, kind]) => {
      if (!(kind instanceof Kind)) throw new TypeError(`the field ${name} of a shape must be one of string, number, integer, boolean, decimal, list, any`);
      return new Field(name, kind);
    });
    this._names = new Set(this._fields.map((field) => field.bytes));
    this._quick = quickly(this._fields);
  }

  /** Reads the value of an event. Throws a reject. */
  _read(run, index, start, end) {
    const binary = run.binary.slice(start, end);
    const places = run._shape === this ? run._places : run.places(this);
    let object;
    if (places !== undefined) {
      try {
        object = this._quick(binary, places, index, start);
      } catch {
        // The careful way says what is wrong.
      }
    }
    return object ?? this._careful(binary);
  }

  _careful(binary) {
    try {
      decode(binary);
    } catch {
      throw badJson("the value is not UTF-8");
    }
    try {
      JSON.parse(binary);
    } catch (error) {
      throw badJson(syntax(error));
    }
    try {
      return this._walk(binary, false);
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      throw badJson(`${error.message} at ${place(binary, error.at)}`);
    }
  }

  /** Reads a plugin's settings, of which none may be unknown. Throws a text for the person who wrote them. */
  _settings(text) {
    try {
      return this._walk(encode(text), true);
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      throw error.field === undefined ? `settings: ${error.message}` : `setting \`${error.field}\`: ${error.message}`;
    }
  }

  _walk(binary, strict) {
    const { found, end } = fields(binary, this._names);
    const unknown = strict && [...found.keys()].find((name) => !this._names.has(name));
    if (unknown) throw Object.assign(new Mismatch(`unknown field \`${decode(unknown)}\`, ${this._expected()}`, 0), { field: decode(unknown) });
    const object = {};
    for (const { name, kind, bytes } of this._fields) {
      const span = found.get(bytes);
      if (span === undefined && !kind.hasFallback) throw new Mismatch(`missing field \`${name}\``, end);
      try {
        object[name] = span === undefined ? kind.fallback : kind.read(binary, span.start, span.end);
      } catch (error) {
        throw error instanceof Mismatch ? Object.assign(error, { field: error.field ?? name }) : error;
      }
    }
    return object;
  }

  _expected() {
    const names = this._fields.map(({ name }) => `\`${name}\``);
    return names.length === 0 ? "there are no settings" : `expected one of ${names.join(", ")}`;
  }
}

/** The shape of an object: `shape({ amount: decimal, country: string })`. */
export const shape = (kinds) => new Shape(kinds);
