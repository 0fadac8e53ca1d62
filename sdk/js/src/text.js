// Between bytes and text.
//
// Inside the SDK bytes are "binary" strings: one character, U+0000 to U+00FF, a byte. QuickJS looks into a string far faster
// than into an array, and Base64 is its only way from one to the other that is not a loop in JavaScript.

export const ASCII = /^[\x00-\x7f]*$/;

/** Bytes as a binary string. */
export const toBinary = (bytes) => atob(bytes.toBase64());

/** The bytes of a binary string. */
export const fromBinary = (binary) => Uint8Array.fromBase64(btoa(binary));

/** Text in UTF-8, as a binary string. What has no UTF-8, half of a surrogate pair, becomes U+FFFD. */
export const encode = (text) => (ASCII.test(text) ? text : unescape(encodeURIComponent(text.toWellFormed())));

/** The text of a binary string in UTF-8. Throws a URIError if it is not UTF-8. */
export const decode = (binary) => (ASCII.test(binary) ? binary : decodeURIComponent(escape(binary)));

/** What an author gives as bytes or text, as a binary string. */
export function binaryOf(value, what) {
  if (typeof value === "string") return encode(value);
  if (value instanceof Uint8Array) return toBinary(value);
  if (value instanceof ArrayBuffer) return toBinary(new Uint8Array(value));
  throw new TypeError(`${what} must be a string or a Uint8Array, and is ${kindOf(value)}`);
}

/** What a value is, for a message. */
export function kindOf(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return { object: "an object", undefined: "undefined" }[typeof value] ?? `a ${typeof value}`;
}

/** The `TextEncoder` that QuickJS lacks. */
export class TextEncoder {
  get encoding() {
    return "utf-8";
  }

  encode(text = "") {
    return fromBinary(encode(String(text)));
  }
}

/** The `TextDecoder` that QuickJS lacks: of UTF-8, and of whole texts. */
export class TextDecoder {
  constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
    if (!/^(utf-?8|unicode-1-1-utf-8)$/i.test(label.trim())) {
      throw new RangeError(`no decoder for ${label}: there is one for UTF-8`);
    }
    Object.assign(this, { encoding: "utf-8", fatal, ignoreBOM });
  }

  decode(input = new Uint8Array(0), { stream = false } = {}) {
    if (stream) throw new TypeError("decoding in parts is not supported");
    const bytes = ArrayBuffer.isView(input)
      ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
      : new Uint8Array(input);
    const text = this.#read(toBinary(bytes));
    return text.charCodeAt(0) === 0xfeff && !this.ignoreBOM ? text.slice(1) : text;
  }

  #read(binary) {
    try {
      return decode(binary);
    } catch {
      if (this.fatal) throw new TypeError("the bytes are not UTF-8");
      return lossy(binary);
    }
  }
}

// Well-formed sequences: those of table 3-7 of the Unicode standard.
const SEQUENCE =
  /[\x00-\x7f]+|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}/y;

/** The text of a binary string; what is not UTF-8 becomes U+FFFD. */
export function lossy(binary) {
  let text = "";
  for (let at = 0; at < binary.length; ) {
    SEQUENCE.lastIndex = at;
    const found = SEQUENCE.exec(binary)?.[0];
    text += found === undefined ? "\ufffd" : decode(found);
    at += found?.length ?? 1;
  }
  return text;
}
