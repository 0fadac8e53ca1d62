//! The doors of a plugin, and what it remembers in.

use crate::store::{AnySlots, Store};
use crate::window::{Shape, Spec, Windows, milliseconds};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// An input, as declared in [`Plugin::new`](crate::Plugin::new). Compare it with [`Event::input`](crate::Event::input)
/// in a plugin that has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Input(pub(crate) u32);

/// A sink, as declared in [`Plugin::new`](crate::Plugin::new): where outputs go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sink(pub(crate) u32);

/// Where a plugin declares its inputs, sinks and stores. Their names are the plugin's own; the configuration may give each
/// input and sink other topics than the ones named here.
///
/// ```
/// # use wasmill_plugin::{Context, Event, Input, NoSettings, Outcome, Plugin, Sink, Wiring};
/// # struct Enrich { orders: Input, out: Sink }
/// # impl Plugin for Enrich {
/// # type Settings = NoSettings;
/// fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
///     wiring.input_from("customers", "crm.customers");
///     Ok(Enrich { orders: wiring.input("orders"), out: wiring.sink("orders-enriched") })
/// }
///
/// fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
///     if event.input() == self.orders {
///         ctx.forward(self.out);
///     }
///     Ok(())
/// }
/// # }
/// # use wasmill_plugin::testing::Harness;
/// # let mut harness = Harness::<Enrich>::new(serde_json::json!({})).unwrap();
/// # assert_eq!(harness.event("orders").send().outputs.len(), 1);
/// # assert_eq!(harness.event("customers").send().outputs.len(), 0);
/// ```
#[derive(Default)]
pub struct Wiring {
    pub(crate) inputs: Vec<Port>,
    pub(crate) sinks: Vec<Port>,
    /// Those of which only the last output of a key goes out, once a commit.
    pub(crate) last_of_commit: Vec<Sink>,
    pub(crate) stores: Vec<Rc<RefCell<dyn AnySlots>>>,
    /// By the names of their stores.
    windows: Vec<(String, Rc<Cell<Spec>>)>,
}

impl fmt::Debug for Wiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stores: Vec<_> = self.stores.iter().map(|store| store.borrow().spec()).collect();
        f.debug_struct("Wiring")
            .field("inputs", &self.inputs)
            .field("sinks", &self.sinks)
            .field("last_of_commit", &self.last_of_commit)
            .field("stores", &stores)
            .finish()
    }
}

/// A named door and the topic behind it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) topic: String,
}

impl Wiring {
    /// Declares an input that reads the topic of the same name.
    pub fn input(&mut self, name: &str) -> Input {
        self.input_from(name, name)
    }

    /// Declares an input and the topic that it reads.
    pub fn input_from(&mut self, name: &str, topic: &str) -> Input {
        Input(declare(&mut self.inputs, name, topic))
    }

    /// Declares a sink that writes to the topic of the same name.
    pub fn sink(&mut self, name: &str) -> Sink {
        self.sink_to(name, name)
    }

    /// Declares a sink and the topic that it writes to.
    pub fn sink_to(&mut self, name: &str, topic: &str) -> Sink {
        Sink(declare(&mut self.sinks, name, topic))
    }

    /// Of the outputs to this sink that have the same key (and, if they name one, partition), only the last one before each
    /// commit goes out: for an aggregate of which readers want the newest value and not every step, at a fraction of the
    /// records. How many steps are left out depends on how fast events come; the last value of all never is. Outputs
    /// without a key all go out.
    ///
    /// ```
    /// # use wasmill_plugin::{Context, Event, NoSettings, Outcome, Plugin, Sink, Store, Wiring};
    /// # struct Clicks { counts: Store<u64>, out: Sink }
    /// # impl Plugin for Clicks {
    /// # type Settings = NoSettings;
    /// fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
    ///     wiring.input("clicks");
    ///     let out = wiring.sink("clicks-by-page");
    ///     wiring.last_of_commit(out);
    ///     Ok(Clicks { counts: wiring.store("counts"), out })
    /// }
    /// # fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
    /// #     let page = event.key().unwrap_or_default();
    /// #     let count = ctx.update(&self.counts, page, |count: &mut u64| *count += 1)?;
    /// #     ctx.emit(self.out).key(page).json(&count)
    /// # }
    /// # }
    /// # use wasmill_plugin::testing::{Harness, TestEvent};
    /// # let mut harness = Harness::<Clicks>::new(serde_json::json!({})).unwrap();
    /// # let pages = ["a", "b", "a"].map(|page| TestEvent::new("clicks").key(page));
    /// let run = harness.run(pages.to_vec()); // ends with a commit
    /// let counts: Vec<_> = run.outputs.iter().map(|output| output.json()).collect();
    /// assert_eq!(counts, [1, 2]); // of b, and of a
    /// ```
    pub fn last_of_commit(&mut self, sink: Sink) {
        self.last_of_commit.push(sink);
    }

    /// Declares a store of values that are kept as JSON: see [`Store`], whose methods say more of it.
    pub fn store<V: Serialize + DeserializeOwned + 'static>(&mut self, name: &str) -> Store<V> {
        let store = Store::json(self.stores.len() as u32, name);
        self.stores.push(store.slots.clone());
        store
    }

    /// Declares a store of bytes, which are kept as they are.
    pub fn bytes_store(&mut self, name: &str) -> Store<Vec<u8>> {
        let store = Store::bytes(self.stores.len() as u32, name);
        self.stores.push(store.slots.clone());
        store
    }

    /// Declares windows of a fixed size, one after the other: from 10:00 to 10:05, from 10:05 to 10:10 (UTC). Each event is in
    /// one. See [`Windows`]; they are kept in a store of this name.
    pub fn tumbling<V>(&mut self, name: &str, size: Duration) -> Windows<V>
    where
        V: Serialize + DeserializeOwned + 'static,
    {
        self.hopping(name, size, size)
    }

    /// Declares windows of a fixed size that begin in shorter intervals, and so overlap: five minutes every minute. Each event
    /// is in several. See [`Windows`]; they are kept in a store of this name.
    pub fn hopping<V>(&mut self, name: &str, size: Duration, every: Duration) -> Windows<V>
    where
        V: Serialize + DeserializeOwned + 'static,
    {
        // What never happens: windows of a fixed size are not merged.
        self.windows(name, Shape::Fixed { size: milliseconds(size), every: milliseconds(every) }, |_, _| {})
    }

    /// Declares windows that last as long as events of their key come: a session ends when none came for the `gap`. `merge`
    /// adds the second of two sessions to the first, when an event that comes late joins them. See [`Windows`]; they are kept
    /// in a store of this name.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use std::time::Duration;
    /// # use wasmill_plugin::{Context, Event, NoSettings, Outcome, Plugin, Sink, Timer, Windows, Wiring};
    /// # struct Visits { visits: Windows<u64>, out: Sink }
    /// # impl Plugin for Visits {
    /// # type Settings = NoSettings;
    /// fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
    ///     wiring.input("clicks");
    ///     let visits = wiring.sessions("visits", Duration::from_secs(1800), |clicks, others| *clicks += others);
    ///     Ok(Visits { visits, out: wiring.sink("visits") })
    /// }
    /// # fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
    /// #     self.visits.update(ctx, event.key().unwrap_or_default(), |clicks| *clicks += 1)?;
    /// #     Ok(())
    /// # }
    /// # fn on_timer(&self, timer: &Timer, ctx: &mut Context) -> Outcome {
    /// #     for visit in self.visits.on_timer(ctx, timer)? {
    /// #         ctx.emit(self.out).key(&visit.key).json(&visit)?;
    /// #     }
    /// #     Ok(())
    /// # }
    /// # }
    /// # use wasmill_plugin::testing::{Harness, TestEvent};
    /// # let mut harness = Harness::<Visits>::new(json!({})).unwrap();
    /// # let clicks = [("ann", 0), ("ann", 1_000_000), ("bob", 5_000_000)];
    /// # let run = harness.run(clicks.map(|(key, time)| TestEvent::new("clicks").key(key).timestamp(time)).to_vec());
    /// # assert_eq!(run.outputs[0].json(), json!({ "start": 0, "end": 2_800_000, "value": 2 }));
    /// ```
    pub fn sessions<V>(&mut self, name: &str, gap: Duration, merge: fn(&mut V, V)) -> Windows<V>
    where
        V: Serialize + DeserializeOwned + 'static,
    {
        self.windows(name, Shape::Session { gap: milliseconds(gap) }, merge)
    }

    fn windows<V>(&mut self, name: &str, shape: Shape, merge: fn(&mut V, V)) -> Windows<V>
    where
        V: Serialize + DeserializeOwned + 'static,
    {
        let spec = Rc::new(Cell::new(Spec::new(shape)));
        self.windows.push((name.into(), spec.clone()));
        Windows::new(name, spec, self.store(name), merge)
    }

    /// Refuses names that are declared twice, which could not be told apart, stores that nothing would stay in, and windows
    /// that make no sense.
    pub(crate) fn check(&self) -> Result<(), String> {
        let names = |ports: &[Port]| ports.iter().map(|port| port.name.clone()).collect::<Vec<_>>();
        let stores: Vec<_> = self.stores.iter().map(|store| store.borrow().spec()).collect();
        let store_names = stores.iter().map(|store| store.name.clone()).collect();
        for (what, names) in [("input", names(&self.inputs)), ("sink", names(&self.sinks)), ("store", store_names)] {
            if let Some((_, name)) = (0..).zip(&names).find(|(index, name)| names[..*index].contains(name)) {
                return Err(format!("the plugin declares the {what} `{name}` twice: keep its handle instead"));
            }
        }
        if let Some(store) = stores.iter().find(|store| store.ttl_ms == Some(0)) {
            return Err(format!("the TTL of the store `{}` is less than a millisecond", store.name));
        }
        let problem = |(name, spec): &(String, Rc<Cell<Spec>>)| {
            spec.get().problem().map(|problem| format!("the windows `{name}` {problem}"))
        };
        self.windows.iter().find_map(problem).map_or(Ok(()), Err)
    }
}

fn declare(ports: &mut Vec<Port>, name: &str, topic: &str) -> u32 {
    ports.push(Port { name: name.into(), topic: topic.into() });
    (ports.len() - 1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_has_the_topic_of_its_name_unless_another_is_given() {
        let mut wiring = Wiring::default();
        let (first, second) = (wiring.sink("alerts"), wiring.sink_to("audit", "shop.audit"));
        assert_eq!((first, second), (Sink(0), Sink(1)));
        assert_eq!(wiring.sinks[0].topic, "alerts");
        assert_eq!(wiring.sinks[1], Port { name: "audit".into(), topic: "shop.audit".into() });
    }

    #[test]
    fn a_name_can_be_declared_once() {
        let mut wiring = Wiring::default();
        wiring.input("orders");
        wiring.sink("orders");
        assert_eq!(wiring.check(), Ok(()));
        wiring.input_from("orders", "others");
        assert!(wiring.check().unwrap_err().contains("the input `orders` twice"));
        let mut wiring = Wiring::default();
        wiring.store::<u64>("counts");
        wiring.bytes_store("counts");
        assert!(wiring.check().unwrap_err().contains("the store `counts` twice"));
    }

    #[test]
    fn a_store_is_what_its_handle_was_told() {
        let mut wiring = Wiring::default();
        wiring.store::<u64>("first");
        wiring.store::<u64>("second").ttl(std::time::Duration::from_secs(2)).version(3).keyed_by_event();
        let spec = |store: usize| wiring.stores[store].borrow().spec();
        assert_eq!((spec(0).ttl_ms, spec(0).version, spec(0).keyed_by_event), (None, 0, false));
        assert_eq!((spec(1).ttl_ms, spec(1).version, spec(1).keyed_by_event), (Some(2000), 3, true));
        assert_eq!(wiring.check(), Ok(()));
        wiring.store::<u64>("third").ttl(std::time::Duration::from_micros(999));
        assert!(wiring.check().unwrap_err().contains("`third` is less than a millisecond"));
    }

    #[test]
    fn windows_that_make_no_sense_are_refused() {
        let mut wiring = Wiring::default();
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        wiring.hopping::<u64>("fine", hour, minute).grace(hour);
        assert_eq!(wiring.check(), Ok(()));
        wiring.hopping::<u64>("wrong", minute, hour);
        assert!(wiring.check().unwrap_err().starts_with("the windows `wrong` leave out events"));
    }
}
