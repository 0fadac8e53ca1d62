// Totals of orders by customer.

import { Decimal, decimal, plugin, shape, string } from "wasmill";

// What is read of an order; other fields are passed over.
const Order = shape({ customer_id: string, amount: decimal });

// What is remembered of a customer, and sent out each time it changes.
interface Total {
  orders: number;
  /** A text, which keeps all of its digits. */
  largest: string;
}

export default plugin({
  // What comes in, what goes out, and what is remembered. The topics have the same names unless the configuration says otherwise.
  setup(settings, wiring) {
    wiring.input("orders");
    const out = wiring.sink("{{name}}");
    const totals = wiring.store<Total>("totals");

    return {
      // Called for each event: this is the place to write in. What it puts into a store is kept together with the outputs, or, if the
      // event fails, not at all. A store belongs to a partition: orders of one customer must be in the same one.
      process(event, ctx) {
        // What is no order is rejected with the code `bad-json`, and goes to the dead-letter topic.
        const { customer_id, amount } = event.json(Order);
        const total = totals.get(customer_id) ?? { orders: 0, largest: "0" };
        total.orders += 1;
        if (amount.gt(new Decimal(total.largest))) total.largest = String(amount);
        totals.set(customer_id, total);
        ctx.emit(out, { key: customer_id, json: total });
      },
    };
  },
});
