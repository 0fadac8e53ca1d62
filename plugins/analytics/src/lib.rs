//! What a live dashboard of orders needs. What it reads, writes and is set by: the `README.md` beside this crate.

mod order;
mod row;
mod settings;
#[cfg(test)]
mod tests;

pub use row::{Latest, Sales};
pub use settings::{Emit, Settings};

use order::Order;
use row::Sent;
use serde::Serialize;
use std::time::Duration;
use wasmill_plugin::{Context, Event, Failure, Outcome, Plugin, Sink, Store, Wiring};

/// Milliseconds.
const MINUTE: i64 = 60_000;

/// The plugin.
pub struct Analytics {
    latest: u64,
    /// Milliseconds.
    keep: i64,
    /// `total`, and `country/US` for each country.
    sales: Store<Sales>,
    /// By the milliseconds at which they begin.
    minutes: Store<Sales>,
    /// A ring: by number modulo size.
    orders: Store<Latest>,
    out: Sink,
}

impl Plugin for Analytics {
    type Settings = Settings;

    const SETTINGS_SCHEMA: Option<&'static str> = Some(include_str!("../settings.schema.json"));

    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        if let Some(problem) = settings.problem() {
            return Err(problem);
        }
        wiring.input("orders");
        let out = wiring.sink("order-analytics");
        if settings.emit == Emit::Commit {
            wiring.last_of_commit(out);
        }
        Ok(Analytics {
            latest: settings.latest.into(),
            keep: i64::try_from(settings.keep.as_millis()).unwrap_or(i64::MAX),
            sales: wiring.store("sales"),
            // Not before `minute` takes it for closed: written at its beginning or later, it stays until then.
            minutes: wiring.store("minutes").ttl(settings.keep.saturating_add(Duration::from_millis(MINUTE as u64))),
            orders: wiring.store("latest"),
            out,
        })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        // A tombstone says that an order is gone from its topic. It was made all the same.
        if event.value().is_none() {
            return Ok(());
        }
        let order = Order::of(event)?;
        let number = self.count(&self.sales, "total", "total", &order, ctx)?;
        let country = format!("country/{}", order.country);
        self.count(&self.sales, &country, &country, &order, ctx)?;
        self.minute(event.timestamp(), &order, ctx)?;
        self.keep_latest(number, event.timestamp(), &order, ctx)
    }
}

impl Analytics {
    /// Counts the order in a row, and sends it; answers how many there are now.
    fn count(
        &self,
        store: &Store<Sales>,
        key: &str,
        name: &str,
        order: &Order,
        ctx: &mut Context,
    ) -> Result<u64, Failure> {
        let mut sales = ctx.get(store, key)?.unwrap_or_default();
        sales.add(order)?;
        self.send(name, &sales, ctx)?;
        let orders = sales.orders;
        ctx.put(store, key, sales)?;
        Ok(orders)
    }

    fn minute(&self, at: i64, order: &Order, ctx: &mut Context) -> Outcome {
        let start = at.div_euclid(MINUTE) * MINUTE;
        let closes = start.saturating_add(MINUTE).saturating_add(self.keep);
        // A late one would begin its minute anew, and put a smaller number in the place of the right one. So would one from
        // the future, whose minute would be forgotten before it comes.
        if ctx.stream_time() >= closes || at > ctx.stream_time() {
            return Ok(());
        }
        self.count(&self.minutes, &start.to_string(), &format!("minute/{start}"), order, ctx)?;
        Ok(())
    }

    fn keep_latest(&self, number: u64, timestamp: i64, order: &Order, ctx: &mut Context) -> Outcome {
        if self.latest == 0 {
            return Ok(());
        }
        let place = (number - 1) % self.latest;
        let latest = Latest { number, timestamp, order: order.text.to_owned() };
        self.send(&format!("latest/{place}"), &latest, ctx)?;
        ctx.put(&self.orders, format!("{place:03}"), latest)
    }

    /// The key names the partition, so that a compacted topic keeps the rows of all of them.
    fn send<T: Serialize>(&self, name: &str, row: &T, ctx: &mut Context) -> Outcome {
        let partition = ctx.partition();
        ctx.emit(self.out).key(format!("{partition}/{name}")).json(&Sent { partition, row })
    }
}

wasmill_plugin::export!(Analytics);
