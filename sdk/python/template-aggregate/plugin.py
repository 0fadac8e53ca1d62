"""Totals of orders by customer."""

from dataclasses import dataclass
from decimal import Decimal

from wasmill import Context, Event, NoSettings, Plugin, Wiring


@dataclass(slots=True)
class Total:
    """What is remembered of a customer, and sent out each time it changes."""

    orders: int = 0
    largest: Decimal = Decimal(0)


@dataclass(slots=True)
class Order:
    """What is read of an order; other fields are passed over."""

    customer_id: str
    amount: Decimal


class Totals(Plugin[NoSettings]):
    def setup(self, settings: NoSettings, wiring: Wiring) -> None:
        """What comes in, what goes out, and what is remembered.

        The topics have the same names unless the configuration says otherwise."""
        wiring.input("orders")
        self.out = wiring.sink("{{name}}")
        self.totals = wiring.store("totals", Total)

    def process(self, event: Event, ctx: Context) -> None:
        """Called for each event: this is the place to write in.

        What it puts into a store is kept together with the outputs, or, if the event fails, not at all. A store belongs to a
        partition: orders of one customer must be in the same one."""
        # What is no order is rejected with the code `bad-json`, and goes to the dead-letter topic.
        order = event.json(Order)
        total = self.totals.get(order.customer_id, Total())
        total.orders += 1
        total.largest = max(total.largest, order.amount)
        # What was read is a copy: an entry changes when it is written.
        self.totals[order.customer_id] = total
        ctx.emit(self.out, key=order.customer_id, json=total)
