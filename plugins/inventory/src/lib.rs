//! Stock levels. What it reads, writes and is set by: the `README.md` beside this crate.

mod request;
mod settings;
mod stock;
#[cfg(test)]
mod tests;

pub use settings::Settings;
pub use stock::Stock;

use request::{Kind, Movement, Order};
use stock::{Low, Shortage};
use wasmill_plugin::{Context, Event, Failure, Input, Outcome, Plugin, Sink, Store, Wiring};

/// The plugin.
pub struct Inventory {
    settings: Settings,
    movements: Input,
    /// By sku.
    stock: Store<Stock>,
    /// By sku and order: the pieces that it took, 0 if it is cancelled.
    taken: Store<i64>,
    levels: Sink,
    reserved: Sink,
    shortages: Sink,
    low: Sink,
}

impl Plugin for Inventory {
    type Settings = Settings;

    const SETTINGS_SCHEMA: Option<&'static str> = Some(include_str!("../settings.schema.json"));

    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        if settings.remember.is_zero() {
            return Err("setting `remember`: an order is known for a while".into());
        }
        wiring.input("inventory_orders");
        Ok(Inventory {
            movements: wiring.input("stock_movements"),
            stock: wiring.store("stock").keyed_by_event(),
            taken: wiring.store("taken").ttl(settings.remember),
            levels: wiring.sink("stock_levels"),
            reserved: wiring.sink("reserved_orders"),
            shortages: wiring.sink("shortages"),
            low: wiring.sink("low_stock"),
            settings,
        })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        // A tombstone says that an order or a movement is gone from its topic. What it did is done.
        if event.value().is_none() {
            return Ok(());
        }
        if event.input() == self.movements {
            return self.move_stock(&Movement::of(event)?, ctx);
        }
        let order = Order::of(event)?;
        if order.is_cancelled() { self.give_back(&order, ctx) } else { self.take(&order, ctx) }
    }
}

impl Inventory {
    fn of(&self, sku: &str, ctx: &mut Context) -> Result<Stock, Failure> {
        Ok(ctx.get(&self.stock, sku)?.unwrap_or_else(|| Stock { sku: sku.into(), stock: 0 }))
    }

    /// All of what the order wants, or nothing; once, however often the order comes.
    fn take(&self, order: &Order, ctx: &mut Context) -> Outcome {
        let known = taken_key(order);
        if ctx.get(&self.taken, &known)?.is_some() {
            return Ok(());
        }
        let before = self.of(&order.sku, ctx)?;
        let missing = order.quantity - before.stock.clamp(0, order.quantity);
        if missing > 0 {
            let (sku, order_id) = (&*order.sku, &*order.order_id);
            let shortage = Shortage { sku, order_id, wanted: order.quantity, stock: before.stock, missing };
            ctx.emit(self.shortages).key(sku).json(&shortage)?;
            if !self.settings.allow_negative {
                return Ok(());
            }
        }
        let after = before.changed(-order.quantity)?;
        ctx.put(&self.taken, known, order.quantity)?;
        ctx.forward(self.reserved);
        self.change(&before, after, ctx)
    }

    /// What it took, once. One that never took anything, also since it is cancelled before it came, takes nothing later.
    fn give_back(&self, order: &Order, ctx: &mut Context) -> Outcome {
        let known = taken_key(order);
        let taken = ctx.get(&self.taken, &known)?.unwrap_or_default();
        ctx.put(&self.taken, known, 0)?;
        if taken == 0 {
            return Ok(());
        }
        let before = self.of(&order.sku, ctx)?;
        let after = before.changed(taken)?;
        self.change(&before, after, ctx)
    }

    fn move_stock(&self, movement: &Movement, ctx: &mut Context) -> Outcome {
        let before = self.of(&movement.sku, ctx)?;
        let after = match movement.kind {
            Kind::Received => before.changed(movement.quantity)?,
            Kind::WrittenOff => before.changed(-movement.quantity)?,
            Kind::Counted => before.changed(movement.quantity.saturating_sub(before.stock))?,
        };
        if movement.kind == Kind::WrittenOff && after.stock < 0 && !self.settings.allow_negative {
            let (sku, stock, quantity) = (&before.sku, before.stock, movement.quantity);
            let message = format!("{quantity} of {sku} cannot be written off: there are {stock}");
            return Err(Failure::reject("below-zero", message));
        }
        self.change(&before, after, ctx)
    }

    fn change(&self, before: &Stock, after: Stock, ctx: &mut Context) -> Outcome {
        ctx.emit(self.levels).key(&after.sku).json(&after)?;
        let low = i64::from(self.settings.low);
        if after.stock < low && before.stock >= low {
            ctx.emit(self.low).key(&after.sku).json(&Low { sku: &after.sku, stock: after.stock, low })?;
        }
        let sku = after.sku.clone();
        ctx.put(&self.stock, sku, after)
    }
}

/// The length tells apart what would be the same with a slash in a sku or an id.
fn taken_key(order: &Order) -> String {
    format!("{}/{}/{}", order.sku.len(), order.sku, order.order_id)
}

wasmill_plugin::export!(Inventory);
