"""Passes on orders above a threshold."""

from dataclasses import dataclass
from decimal import Decimal

from wasmill import Context, Event, Plugin, Wiring


@dataclass
class Settings:
    """What the [settings] table of the plugin's configuration may say."""

    # An order of more than this is passed on.
    threshold: Decimal = Decimal(100)


@dataclass(slots=True)
class Order:
    """What is read of an order; other fields are passed over."""

    amount: Decimal


class LargeOrders(Plugin[Settings]):
    def setup(self, settings: Settings, wiring: Wiring) -> None:
        """What comes in and what goes out. The topics have the same names unless the configuration says otherwise."""
        wiring.input("orders")
        self.out = wiring.sink("{{name}}")
        self.threshold = settings.threshold

    def process(self, event: Event, ctx: Context) -> None:
        """Called for each event: this is the place to write in."""
        # What is no order is rejected with the code `bad-json`, and goes to the dead-letter topic.
        order = event.json(Order)
        if order.amount > self.threshold:
            ctx.forward(self.out)
