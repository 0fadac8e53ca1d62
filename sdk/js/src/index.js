// What an author imports.

import "./globals.js";

export { Decimal } from "./decimal.js";
export { Reject, Retry, Stop } from "./failure.js";
export { plugin } from "./plugin.js";
export { any, boolean, decimal, integer, list, number, shape, string } from "./shape.js";
export { duration } from "./wiring.js";
