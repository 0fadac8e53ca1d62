"""Passes on orders that are both large and from a country that is not trusted.

What it reads, writes and is set by: the README.md of ../fraud, which is the same in Rust."""

from dataclasses import dataclass, field
from decimal import Decimal

from wasmill import Context, Event, Plugin, Wiring


@dataclass
class Settings:
    # An order of more than this is large; of exactly this, it is not.
    threshold: Decimal = Decimal(300)
    # From here an order of any size is fine.
    trusted_countries: list[str] = field(default_factory=lambda: ["US", "CA"])


@dataclass(slots=True)
class Order:
    """What the rule needs of an order; the rest is passed over."""

    amount: Decimal
    country: str


class Fraud(Plugin[Settings]):
    def setup(self, settings: Settings, wiring: Wiring) -> None:
        wiring.input("orders")
        self.alerts = wiring.sink("fraud-alerts")
        self.threshold = settings.threshold
        self.trusted = set(settings.trusted_countries)

    def process(self, event: Event, ctx: Context) -> None:
        # A tombstone says that an order is gone: there is nothing to suspect.
        if event.is_tombstone:
            return
        order = event.json(Order)
        if order.amount > self.threshold and order.country not in self.trusted:
            ctx.forward(self.alerts)
