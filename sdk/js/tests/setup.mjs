// Node.js in the place of QuickJS: the host's functions come from `host.mjs`, and what QuickJS has and an older Node.js lacks is
// made up for.

import { register } from "node:module";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

register("./hooks.mjs", import.meta.url);

Uint8Array.fromBase64 ??= (text) => new Uint8Array(Buffer.from(text, "base64"));
Uint8Array.prototype.toBase64 ??= function () {
  return Buffer.from(this.buffer, this.byteOffset, this.byteLength).toString("base64");
};
if (JSON.rawJSON === undefined) {
  // Node.js 20 has it behind a flag, which counts for contexts that are made after it.
  setFlagsFromString("--harmony-json-parse-with-source");
  JSON.rawJSON = runInNewContext("JSON.rawJSON");
}
