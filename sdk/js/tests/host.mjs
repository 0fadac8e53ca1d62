// The host's functions in memory. Bytes are strings of one character a byte, here as in the SDK.

export const host = {
  /** Of each store: key → { value, written }. */
  stores: [],
  /** The lowest level of the log that is kept; undefined: none. */
  level: "trace",
  lines: [],
  /** The keys of each time that the SDK asked for some. */
  asked: [],
  /** So many keys are answered for at once. */
  most: Infinity,
};

const text = (bytes) => Buffer.from(bytes).toString("latin1");
const bytesOf = (text) => new Uint8Array(Buffer.from(text, "latin1"));

export const enabled = () => host.level;

export const log = (level, message, fields) => void host.lines.push({ level, message, fields });

export function getMany(store, keyLengths, keys) {
  const asked = cut(text(keys), keyLengths);
  host.asked.push(asked);
  const found = asked.slice(0, host.most).map((key) => host.stores[store].get(key));
  const values = found.map((entry) => entry?.value ?? "").join("");
  return [found.map((entry) => entry?.value.length ?? -1), bytesOf(values), found.map((entry) => entry?.written ?? 0)];
}

export function scan(store, start, end, reverse, limit) {
  const [from, to] = [text(start), text(end)];
  const keys = [...host.stores[store].keys()].filter((key) => key >= from && (to === "" || key < to)).sort();
  const page = (reverse ? keys.reverse() : keys).slice(0, limit);
  const entries = page.map((key) => host.stores[store].get(key));
  const data = page.map((key, index) => key + entries[index].value).join("");
  return [page.map((key) => key.length), entries.map(({ value }) => value.length), bytesOf(data), entries.map(({ written }) => written)];
}

/** A column of lengths and the data that they cut; null where a length is below zero. */
export function cut(data, lengths) {
  let at = 0;
  return lengths.map((length) => (length < 0 ? null : data.slice(at, (at += length))));
}
