// A stack in terms of the author's files: what runs is one bundle of all of them, and the build leaves a source map in it.

const FRAME = /\(?[^\s()]*plugin\.bundle\.js:(\d+):(\d+)\)?/g;
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The stack, with each place in the bundle replaced by the one that it was made from. */
export function original(stack) {
  const map = globalThis.__wasmillSourceMap;
  if (map === undefined) return stack;
  map.lines ??= lines(map.mappings);
  const frames = stack.split("\n").map((frame) => frame.replace(FRAME, (place, line, column) => find(map, +line, +column) ?? place));
  // The SDK's own frames say nothing to an author.
  return frames.filter((frame) => !frame.includes("wasmill/src/")).join("\n");
}

function find(map, line, column) {
  const segments = map.lines[line - 1] ?? [];
  const segment = segments.findLast(([start]) => start <= column - 1);
  return segment && `(${map.sources[segment[1]]}:${segment[2] + 1}:${segment[3] + 1})`;
}

/** For each line of the bundle, in order: its column, and the file, line and column that it was made from. */
function lines(mappings) {
  let [source, line, column] = [0, 0, 0];
  return mappings.split(";").map((text) => {
    let start = 0;
    const segments = [];
    for (const segment of text.split(",")) {
      const [toStart, toSource, toLine, toColumn] = numbers(segment);
      start += toStart ?? 0;
      if (toSource === undefined) continue;
      [source, line, column] = [source + toSource, line + toLine, column + toColumn];
      segments.push([start, source, line, column]);
    }
    return segments;
  });
}

/** Base64 VLQ: five bits a digit, the sixth says that more follow, and the lowest of all is the sign. */
function numbers(text) {
  const found = [];
  let [value, shift] = [0, 0];
  for (const digit of text) {
    const bits = DIGITS.indexOf(digit);
    value += (bits & 31) << shift;
    shift += 5;
    if (bits & 32) continue;
    found.push(value & 1 ? -(value >> 1) : value >> 1);
    [value, shift] = [0, 0];
  }
  return found;
}
