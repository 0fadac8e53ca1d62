// Why an event was not processed.

import { original } from "./stack.js";

class Failure extends Error {
  constructor(code, message, options = {}) {
    super(message, options);
    this.name = new.target.name;
    this.code = String(code);
    this.detail = options.detail;
  }
}

/** The event can never be processed: the plugin's failure policy applies, by default the dead-letter topic. */
export class Reject extends Failure {}

/** It may work later: the host commits what is done, waits, and offers the same event again. */
export class Retry extends Failure {}

/** The plugin cannot go on, whatever the event: the host stops it at this event, and nothing is dead-lettered. */
export class Stop extends Failure {}

/** What was thrown, as the contract has it. Whatever is no failure of the author's rejects the event it was thrown for. */
export function failureOf(thrown) {
  if (thrown instanceof Failure) {
    const tag = thrown instanceof Retry ? "retry" : thrown instanceof Stop ? "stop" : "reject";
    const detail = thrown.detail === undefined ? undefined : String(thrown.detail);
    return { tag, val: { code: thrown.code, message: thrown.message, detail } };
  }
  return { tag: "reject", val: { code: "exception", message: messageOf(thrown), detail: stackOf(thrown) } };
}

/** What went wrong, in a line. */
export function messageOf(thrown) {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : `${describe(thrown)} was thrown`;
}

/** Where it went wrong, in the author's own files. */
export function stackOf(thrown) {
  if (!(thrown instanceof Error)) return undefined;
  const own = `${messageOf(thrown)}\n${original(thrown.stack ?? "")}`.trimEnd();
  return thrown.cause === undefined ? own : `${own}\nCaused by: ${stackOf(thrown.cause) ?? messageOf(thrown.cause)}`;
}

function describe(value) {
  try {
    return typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  } catch {
    return Object.prototype.toString.call(value);
  }
}
