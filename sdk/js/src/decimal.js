// Exact decimal numbers: what an event says of money is never turned into a binary fraction.

const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
/** 38 digits, and some of 39. */
const MOST = 2n ** 127n - 1n;
const LARGEST_EXPONENT = 2 ** 31 - 1;
/** So many digits after the point are written out. */
const LONGEST_FRACTION = 40;

/** An exact decimal number of up to 38 digits. It keeps its digits as they were written: 10.10 is shown as 10.10. */
export class Decimal {
  /**
   * `number` is the SDK's own: the nearest double of a number in JSON, whose text is in `value` from `start` to before `end`.
   * Most decimals are only compared, and most comparisons are settled by doubles: nothing else is worked out before it is asked
   * for.
   */
  constructor(value = 0, number = undefined, start = 0, end = 0) {
    if (number !== undefined) {
      this._number = number;
      this._source = value;
      this._start = start;
      this._end = end;
      this._digits = undefined;
      return;
    }
    const text = String(value);
    const digits = value instanceof Decimal ? value._exact() : parse(text);
    if (digits === undefined) throw new RangeError(`${text} is not a decimal number of at most 38 digits`);
    this._number = Number(text);
    this._digits = digits;
  }

  static from(value) {
    return value instanceof Decimal ? value : new Decimal(value);
  }

  static _of(digits, scale) {
    if (digits > MOST || -digits > MOST) throw new RangeError("the result has more than 38 digits");
    return new Decimal(written(digits, scale));
  }

  compare(other) {
    other = Decimal.from(other);
    // Rounding keeps the order: only where both round to the same double do the digits tell.
    if (this._number !== other._number) return this._number < other._number ? -1 : 1;
    return compare(this._exact(), other._exact());
  }

  gt(other) {
    if (other instanceof Decimal && this._number !== other._number) return this._number > other._number;
    return this.compare(other) > 0;
  }

  gte(other) {
    return this.compare(other) >= 0;
  }

  lt(other) {
    return this.compare(other) < 0;
  }

  lte(other) {
    return this.compare(other) <= 0;
  }

  equals(other) {
    return this.compare(other) === 0;
  }

  plus(other) {
    const [left, right] = [this._exact(), Decimal.from(other)._exact()];
    const scale = Math.max(left.scale, right.scale);
    return Decimal._of(at(left, scale) + at(right, scale), scale);
  }

  minus(other) {
    const { digits, scale } = Decimal.from(other)._exact();
    return this.plus(Decimal._of(-digits, scale));
  }

  times(other) {
    const [left, right] = [this._exact(), Decimal.from(other)._exact()];
    return Decimal._of(left.digits * right.digits, left.scale + right.scale);
  }

  toNumber() {
    return this._number;
  }

  toString() {
    const { digits, scale } = this._exact();
    return written(digits, scale);
  }

  /** A number with all of its digits. */
  toJSON() {
    return JSON.rawJSON(this.toString());
  }

  _exact() {
    return (this._digits ??= parse(this._source.slice(this._start, this._end).trim()));
  }
}

/** Reads a text; undefined: it is no number, or one of more than 38 digits. */
function parse(text) {
  const [, sign, whole, fraction = "", exponent = "0"] = NUMBER.exec(text) ?? [];
  if (whole === undefined || whole.length + fraction.length === 0) return undefined;
  let all = whole + fraction;
  let scale = fraction.length - Number(exponent);
  if (all.length > 38) {
    // Zeros at the end of a long number need no room.
    const short = all.replace(/0+$/, "") || "0";
    scale -= all.length - short.length;
    all = short;
  }
  const digits = BigInt(all);
  if (digits > MOST || Math.abs(scale) > LARGEST_EXPONENT) return undefined;
  return { digits: sign === "-" ? -digits : digits, scale };
}

/** The digits with so many of them after the point, which must be no fewer than there are. */
function at({ digits, scale }, wanted) {
  if (digits === 0n) return digits;
  if (wanted - scale > 40) throw new RangeError("the result has more than 38 digits");
  return digits * 10n ** BigInt(wanted - scale);
}

function compare(left, right) {
  const [sign, other] = [signOf(left.digits), signOf(right.digits)];
  if (sign !== other || sign === 0) return Math.sign(sign - other);
  // Where the first digit stands: only if that is the same are the digits of much the same length.
  const [high, low] = [left, right].map(({ digits, scale }) => String(digits).length - scale);
  if (high !== low) return high > low ? sign : -sign;
  const scale = Math.max(left.scale, right.scale);
  const [first, second] = [left, right].map((number) => number.digits * 10n ** BigInt(scale - number.scale));
  return first === second ? 0 : first > second ? 1 : -1;
}

const signOf = (digits) => (digits > 0n ? 1 : digits < 0n ? -1 : 0);

function written(digits, scale) {
  if (scale < 0 || scale > LONGEST_FRACTION) return scale === 0 ? String(digits) : `${digits}e${-scale}`;
  const [sign, all] = digits < 0n ? ["-", String(-digits)] : ["", String(digits)];
  if (scale === 0) return sign + all;
  const padded = all.padStart(scale + 1, "0");
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}
