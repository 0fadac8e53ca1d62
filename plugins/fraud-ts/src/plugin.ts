// Passes on orders that are both large and from a country that is not trusted. What it reads, writes and is set by: the
// README.md of ../fraud, which is the same in Rust.

import { Decimal, decimal, type Infer, list, plugin, shape, string } from "wasmill";
import settingsSchema from "../../fraud/settings.schema.json";

// What the rule needs of an order; the rest is passed over.
const Order = shape({ amount: decimal, country: string });
type Order = Infer<typeof Order>;

export default plugin({
  settingsSchema,

  settings: {
    // An order of more than this is large; of exactly this, it is not.
    threshold: decimal.default(new Decimal(300)),
    // From here an order of any size is fine.
    "trusted-countries": list(string).default(["US", "CA"]),
  },

  setup(settings, wiring) {
    wiring.input("orders");
    const alerts = wiring.sink("fraud-alerts");
    const trusted = new Set(settings["trusted-countries"]);
    const isSuspicious = ({ amount, country }: Order) => amount.gt(settings.threshold) && !trusted.has(country);

    return {
      process(event, ctx) {
        // A tombstone says that an order is gone: there is nothing to suspect.
        if (event.isTombstone) return;
        if (isSuspicious(event.json(Order))) ctx.forward(alerts);
      },
    };
  },
});
