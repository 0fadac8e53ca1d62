// Counts the events of each key, in a store.

import { plugin, Reject } from "wasmill";

export default plugin({
  setup(settings, wiring) {
    wiring.input("events");
    const counts = wiring.store("counts", { keyedByEvent: true });
    const out = wiring.sink("counts");

    return {
      process(event, ctx) {
        if (event.keyBytes === null) throw new Reject("no-key", "the event has no key to count it by");
        const count = counts.update(event.keyBytes, (count) => count + 1, 0);
        ctx.emit(out, { json: count });
      },
    };
  },
});
