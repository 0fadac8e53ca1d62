//! Deliveries from order to door. What it reads, writes and is set by: the `README.md` beside this crate.

mod delivery;
mod settings;
mod status;
#[cfg(test)]
mod tests;

pub use delivery::Delivery;
pub use settings::Settings;
pub use status::Status;

use delivery::{Notice, Order, Update};
use std::time::Duration;
use wasmill_plugin::{Clock, Context, Event, Failure, Input, Outcome, Plugin, Sink, Store, Timer, Wiring};

/// The plugin.
pub struct DeliveryPlugin {
    /// Milliseconds.
    dispatch_after: i64,
    /// Milliseconds.
    delayed_after: i64,
    updates: Input,
    /// By order.
    kept: Store<Delivery>,
    deliveries: Sink,
    notices: Sink,
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Plugin for DeliveryPlugin {
    type Settings = Settings;

    const SETTINGS_SCHEMA: Option<&'static str> = Some(include_str!("../settings.schema.json"));

    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        if let Some(problem) = settings.problem() {
            return Err(problem.into());
        }
        wiring.input("delivery_orders");
        Ok(DeliveryPlugin {
            dispatch_after: millis(settings.dispatch_after),
            delayed_after: millis(settings.delayed_after),
            updates: wiring.input("delivery_updates"),
            kept: wiring.store("deliveries").keyed_by_event().ttl(settings.keep),
            deliveries: wiring.sink("deliveries"),
            notices: wiring.sink("customer_notices"),
        })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        // A tombstone says that an order or an update is gone from its topic. The parcel goes on.
        if event.value().is_none() {
            return Ok(());
        }
        if event.input() == self.updates { self.update(event, ctx) } else { self.schedule(event, ctx) }
    }

    fn on_timer(&self, timer: &Timer, ctx: &mut Context) -> Outcome {
        let Some(delivery) = ctx.get(&self.kept, timer.key())? else { return Ok(()) };
        match delivery.status {
            Status::Scheduled => self.change(delivery, Status::Dispatched, timer.at(), ctx),
            Status::Dispatched | Status::OutForDelivery => self.change(delivery, Status::Delayed, timer.at(), ctx),
            Status::Delayed | Status::Delivered | Status::Returned | Status::Cancelled => Ok(()),
        }
    }
}

impl DeliveryPlugin {
    fn schedule(&self, event: &Event, ctx: &mut Context) -> Outcome {
        let order = Order::of(event)?;
        // One that comes again is scheduled already.
        if ctx.get(&self.kept, order.order_id.as_bytes())?.is_some() {
            return Ok(());
        }
        let dispatch_at = event.timestamp().saturating_add(self.dispatch_after);
        ctx.set_timer(order.order_id.as_bytes(), dispatch_at, Clock::WallClock);
        let delivery = Delivery {
            order_id: order.order_id.into_owned(),
            customer_id: order.customer_id.into_owned(),
            address: order.address.map(ToOwned::to_owned),
            status: Status::Scheduled,
            dispatch_at,
            changed_at: event.timestamp(),
        };
        self.tell(delivery, ctx)
    }

    fn update(&self, event: &Event, ctx: &mut Context) -> Outcome {
        let update = Update::of(event)?;
        let delivery = ctx.get(&self.kept, update.order_id.as_bytes())?.ok_or_else(|| unknown(&update.order_id))?;
        if update.status.changes(delivery.status, &delivery.order_id)? {
            self.change(delivery, update.status, event.timestamp(), ctx)?;
        }
        Ok(())
    }

    fn change(&self, delivery: Delivery, status: Status, at: i64, ctx: &mut Context) -> Outcome {
        if status.is_over() {
            ctx.cancel_timer(&delivery.order_id, Clock::WallClock);
        } else if status == Status::Dispatched {
            ctx.set_timer(&delivery.order_id, at.saturating_add(self.delayed_after), Clock::WallClock);
        }
        self.tell(Delivery { status, changed_at: at, ..delivery }, ctx)
    }

    /// Everyone: the store, who follows deliveries, and the customer.
    fn tell(&self, delivery: Delivery, ctx: &mut Context) -> Outcome {
        let Delivery { customer_id, order_id, status, .. } = &delivery;
        ctx.emit(self.deliveries).key(order_id).json(&delivery)?;
        let notice = Notice { customer_id, order_id, status: *status, message: status.notice() };
        ctx.emit(self.notices).key(customer_id).json(&notice)?;
        ctx.put(&self.kept, delivery.order_id.clone(), delivery)
    }
}

#[cold]
fn unknown(id: &str) -> Failure {
    let message = format!("there is no delivery of order {id}: its order has not come yet, or it was forgotten");
    Failure::reject("unknown-delivery", message)
}

wasmill_plugin::export!(DeliveryPlugin);
