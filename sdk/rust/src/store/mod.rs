//! Stores: what a plugin remembers from one event to the next.

mod call;
mod codec;
mod keys;
mod reader;
mod scan;
mod slab;
mod slots;
#[cfg(test)]
mod tests;

pub(crate) use call::{AnySlots, Dirty};
#[cfg(target_family = "wasm")]
pub(crate) use reader::Host;
pub(crate) use reader::Reader;
#[cfg(not(target_family = "wasm"))]
pub(crate) use reader::{Page, Values};
#[cfg(target_family = "wasm")]
pub(crate) use slots::Spec;
pub(crate) use slots::{At, Slots};

pub use keys::Keys;
pub use scan::Scan;

use codec::Codec;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// A store, as declared in [`Plugin::new`](crate::Plugin::new): entries of `V` under keys that are bytes. What an event
/// writes, the next one sees; it is kept when the outputs are sent and the event is done, all of it or nothing.
///
/// Each task (the plugin on one partition) has its own, so an entry belongs to the partition whose events wrote it: a
/// store keyed by something else than the events' keys has one entry of a key in each partition.
///
/// Values are kept as JSON, so that a query can show them. Values read before are kept decoded, and one that was written
/// by several events of a call is encoded once: counting in a store costs little more than counting in a map.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use std::time::Duration;
/// use wasmill_plugin::{Context, Event, NoSettings, Outcome, Plugin, Sink, Store, Wiring};
///
/// #[derive(Clone, Default, Serialize, Deserialize)]
/// struct Total {
///     orders: u64,
///     cents: u64,
/// }
///
/// struct Totals {
///     totals: Store<Total>,
///     out: Sink,
/// }
///
/// #[derive(Deserialize)]
/// struct Order {
///     cents: u64,
/// }
///
/// impl Plugin for Totals {
///     type Settings = NoSettings;
///
///     fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
///         wiring.input("orders");
///         let totals = wiring.store("totals").ttl(Duration::from_secs(30 * 86_400)).keyed_by_event();
///         Ok(Totals { totals, out: wiring.sink("customer-totals") })
///     }
///
///     fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
///         let order: Order = event.json()?;
///         let customer = event.key().unwrap_or_default();
///         let total = ctx.update(&self.totals, customer, |total| {
///             total.orders += 1;
///             total.cents += order.cents;
///         })?;
///         ctx.emit(self.out).json(&total)
///     }
/// }
///
/// # use serde_json::json;
/// # use wasmill_plugin::testing::Harness;
/// let mut harness = Harness::<Totals>::new(json!({}))?;
/// harness.event("orders").key("c-1").json(&json!({ "cents": 250 })).send();
/// let run = harness.event("orders").key("c-1").json(&json!({ "cents": 100 })).send();
/// assert_eq!(run.outputs[0].json(), json!({ "orders": 2, "cents": 350 }));
/// assert_eq!(harness.entry("totals", "c-1"), Some(json!({ "orders": 2, "cents": 350 })));
/// # Ok::<(), String>(())
/// ```
pub struct Store<V> {
    pub(crate) slots: Rc<RefCell<Slots<V>>>,
}

impl<V> Store<V> {
    /// Entries that were not written for this long are gone, by the task's stream time: see
    /// [`Context::stream_time`](crate::Context::stream_time). At least a millisecond.
    pub fn ttl(self, ttl: Duration) -> Self {
        self.slots.borrow_mut().spec.ttl_ms = Some(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// The version of its values' form, 0 unless given. To be raised with a form that older modules can't read: the host
    /// then refuses to go back to one of them.
    pub fn version(self, version: u32) -> Self {
        self.slots.borrow_mut().spec.version = version;
        self
    }

    /// Entries are written under the key of the event at hand. Then the host can tell which task has a key, and what the
    /// events of a call will ask for is fetched at once.
    pub fn keyed_by_event(self) -> Self {
        self.slots.borrow_mut().spec.keyed_by_event = true;
        self
    }

    fn declare(store: u32, name: &str, codec: Codec<V>) -> Self {
        Store { slots: Rc::new(RefCell::new(Slots::new(store, name, codec))) }
    }
}

impl<V: Serialize + DeserializeOwned> Store<V> {
    pub(crate) fn json(store: u32, name: &str) -> Self {
        Store::declare(store, name, Codec::JSON)
    }
}

impl Store<Vec<u8>> {
    pub(crate) fn bytes(store: u32, name: &str) -> Self {
        Store::declare(store, name, Codec::BYTES)
    }
}

impl<V> fmt::Debug for Store<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({:?})", self.slots.borrow().spec)
    }
}
