// What a JavaScript author expects to be there, and QuickJS lacks.

import { stackOf } from "./failure.js";
import { log } from "./host.js";
import { TextDecoder, TextEncoder } from "./text.js";

function show(value) {
  if (typeof value === "string") return value;
  if (value instanceof Error) return stackOf(value);
  if (typeof value === "function") return `[function ${value.name}]`;
  try {
    return JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}n` : part)) ?? String(value);
  } catch {
    return String(value);
  }
}

const at = (level) => (...values) => log(level, values.map(show).join(" "));

globalThis.console ??= {
  trace: at("trace"),
  debug: at("debug"),
  log: at("info"),
  info: at("info"),
  warn: at("warn"),
  error: at("error"),
  assert: (holds, ...values) => holds || at("error")("Assertion failed:", ...values),
};
globalThis.TextEncoder ??= TextEncoder;
globalThis.TextDecoder ??= TextDecoder;
