// When windows begin, end and close.

/** Windows of a key that may be open at once: they are one entry of a store. */
const MOST_OPEN = 1000;
/** No time is later: what is more is no exact number. */
const LATEST = Number.MAX_SAFE_INTEGER;

/** A time and so many milliseconds after it. */
export const later = (time, by) => Math.min(time + by, LATEST);

/** Windows of a size, of which one begins every so many milliseconds. */
export class Fixed {
  constructor(size, every) {
    this.size = size;
    this.every = every;
  }

  /** How long a window that gets no other event is open, before its grace. */
  get length() {
    return this.size;
  }

  /** What makes no sense about them. */
  problem(grace) {
    if (this.every > this.size) return "leave out events: they begin further apart than they are long";
    const open = Math.floor((this.size + grace) / this.every);
    if (open > MOST_OPEN) return `would have up to ${open} of a key open at once, with their grace; ${MOST_OPEN} are the most`;
    return undefined;
  }

  /**
   * Has `change` make the value of every window that a time is in, but for those that `isClosed` by their end: undefined is that of a new
   * one. `windows` has those of a key that are open, in the order of their beginnings. Returns those that were changed.
   */
  add(windows, time, isClosed, change) {
    const changed = [];
    let index = 0;
    for (const start of starts(time, this.size, this.every)) {
      const end = later(start, this.size);
      if (isClosed(end)) continue;
      while (index < windows.length && windows[index].start < start) index++;
      if (windows[index]?.start !== start) windows.splice(index, 0, { start, end, value: undefined });
      windows[index].value = change(windows[index].value);
      changed.push(windows[index]);
    }
    return changed;
  }
}

/** Windows that end when no event came for a gap. `merge` makes one value of those of two. */
export class Sessions {
  constructor(gap, merge) {
    this.gap = gap;
    this.merge = merge;
  }

  get length() {
    return this.gap;
  }

  problem() {
    return undefined;
  }

  /** As that of `Fixed`. An event joins all sessions that it is less than a gap away from; alone it makes one, unless that is closed. */
  add(windows, time, isClosed, change) {
    const alone = { start: time, end: later(time, this.gap), value: undefined };
    let first = 0;
    while (first < windows.length && windows[first].end <= alone.start) first++;
    let last = first;
    while (last < windows.length && windows[last].start < alone.end) last++;
    if (first === last && isClosed(alone.end)) return [];
    const [session = alone, ...others] = windows.slice(first, last);
    for (const other of others) {
      session.value = this.merge(session.value, other.value);
      session.end = other.end;
    }
    session.start = Math.min(session.start, alone.start);
    session.end = Math.max(session.end, alone.end);
    session.value = change(session.value);
    windows.splice(first, last - first, session);
    return [session];
  }
}

/** The windows of a size, beginning at multiples of `every`, that a time is in: their beginnings, in order. */
export function starts(time, size, every) {
  const back = time % every;
  const last = time - (back < 0 ? back + every : back);
  const count = Math.floor((size - 1 - (time - last)) / every) + 1;
  return Array.from({ length: count }, (_, index) => last - (count - 1 - index) * every);
}
