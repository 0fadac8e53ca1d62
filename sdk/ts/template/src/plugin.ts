// Passes on orders above a threshold.

import { Decimal, decimal, plugin, shape } from "wasmill";

// What is read of an order; other fields are passed over.
const Order = shape({ amount: decimal });

export default plugin({
  // What the [settings] table of the plugin's configuration may say.
  settings: {
    // An order of more than this is passed on.
    threshold: decimal.default(new Decimal(100)),
  },

  // What comes in and what goes out. The topics have the same names unless the configuration says otherwise.
  setup(settings, wiring) {
    wiring.input("orders");
    const out = wiring.sink("{{name}}");

    return {
      // Called for each event: this is the place to write in.
      process(event, ctx) {
        // What is no order is rejected with the code `bad-json`, and goes to the dead-letter topic.
        const order = event.json(Order);
        if (order.amount.gt(settings.threshold)) ctx.forward(out);
      },
    };
  },
});
