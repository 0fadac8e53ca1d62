//! What the plugin remembers, for the event at hand.

use super::Context;
use crate::store::{At, Keys, Scan, Slots, Store};
use crate::{Clock, Failure};
use wasmill_contract::MAX_KEY;

impl<'a> Context<'a> {
    /// The value under a key: what was written last, by this event too. None: there is none, or it is older than the
    /// store's TTL.
    ///
    /// # Errors
    /// A stop with the code `unreadable-state` if the entry does not fit `V`; a reject with the code `long-key` for a key of
    /// more than 64 KiB.
    #[inline]
    pub fn get<V: Clone>(&mut self, store: &Store<V>, key: impl AsRef<[u8]>) -> Result<Option<V>, Failure> {
        let mut slots = store.slots.borrow_mut();
        let slot = self.find(&mut slots, key.as_ref())?;
        Ok(slots.read(slot, self.clock.time)?.cloned())
    }

    /// Writes a value under a key. As JSON it may have 980 992 bytes; an event that writes more fails.
    ///
    /// # Errors
    /// A reject with the code `long-key` for a key of more than 64 KiB.
    #[inline]
    pub fn put<V>(&mut self, store: &Store<V>, key: impl AsRef<[u8]>, value: V) -> Result<(), Failure> {
        let mut slots = store.slots.borrow_mut();
        let slot = self.find(&mut slots, key.as_ref())?;
        slots.write(slot, Some(value), self.at());
        self.wrote = true;
        Ok(())
    }

    /// Removes what is under a key, if there is something.
    ///
    /// # Errors
    /// A reject with the code `long-key` for a key of more than 64 KiB.
    pub fn delete<V>(&mut self, store: &Store<V>, key: impl AsRef<[u8]>) -> Result<(), Failure> {
        let mut slots = store.slots.borrow_mut();
        let slot = self.find(&mut slots, key.as_ref())?;
        if !slots.is_nothing(slot) {
            slots.write(slot, None, self.at());
            self.wrote = true;
        }
        Ok(())
    }

    /// Changes the value under a key, or what `V` is by default where there is none, and answers what it is then.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use wasmill_plugin::{Context, Event, NoSettings, Outcome, Plugin, Sink, Store, Wiring};
    /// # struct Counts { counts: Store<u64>, out: Sink }
    /// # impl Plugin for Counts {
    /// # type Settings = NoSettings;
    /// # fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
    /// #     wiring.input("words");
    /// #     Ok(Counts { counts: wiring.store("counts"), out: wiring.sink("counts") })
    /// # }
    /// fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
    ///     let word = event.key().unwrap_or_default();
    ///     let count = ctx.update(&self.counts, word, |count| *count += 1)?;
    ///     ctx.emit(self.out).json(&count)
    /// }
    /// # }
    /// # use wasmill_plugin::testing::{Harness, TestEvent};
    /// # let mut harness = Harness::<Counts>::new(json!({})).unwrap();
    /// # let run = harness.run(["a", "b", "a"].iter().map(|word| TestEvent::new("words").key(word)).collect());
    /// # let counts: Vec<_> = run.outputs.iter().map(|output| output.value_str().unwrap()).collect();
    /// # assert_eq!(counts, ["1", "1", "2"]);
    /// ```
    ///
    /// # Errors
    /// As [`Context::get`].
    #[inline]
    pub fn update<V: Clone + Default>(
        &mut self,
        store: &Store<V>,
        key: impl AsRef<[u8]>,
        change: impl FnOnce(&mut V),
    ) -> Result<V, Failure> {
        let mut slots = store.slots.borrow_mut();
        let slot = self.find(&mut slots, key.as_ref())?;
        let mut value = slots.read(slot, self.clock.time)?.cloned().unwrap_or_default();
        change(&mut value);
        slots.write(slot, Some(value.clone()), self.at());
        self.wrote = true;
        Ok(value)
    }

    /// The entries of a store in the byte order of their keys: key and value, as they are now. They come from the host a few
    /// hundred at a time, so a large store costs time and not memory; what is written while they are walked does not show.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use wasmill_plugin::{Context, Event, Keys, NoSettings, Outcome, Plugin, Sink, Store, Wiring};
    /// # struct Baskets { items: Store<u64>, out: Sink }
    /// # impl Plugin for Baskets {
    /// # type Settings = NoSettings;
    /// # fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
    /// #     wiring.input("items");
    /// #     Ok(Baskets { items: wiring.store("items"), out: wiring.sink("baskets") })
    /// # }
    /// fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
    ///     let customer = event.key_str().unwrap_or_default();
    ///     ctx.put(&self.items, format!("{customer}/{}", event.offset()), event.json()?)?;
    ///     let mut cents = 0;
    ///     for entry in ctx.scan(&self.items, Keys::prefix(format!("{customer}/"))) {
    ///         let (_item, price) = entry?;
    ///         cents += price;
    ///     }
    ///     ctx.emit(self.out).json(&cents)
    /// }
    /// # }
    /// # use wasmill_plugin::testing::{Harness, TestEvent};
    /// # let mut harness = Harness::<Baskets>::new(json!({})).unwrap();
    /// # let items = [("a", 5), ("b", 7), ("a", 10)];
    /// # let run = harness.run(items.iter().map(|(key, cents)| TestEvent::new("items").key(key).json(cents)).collect());
    /// # let sums: Vec<_> = run.outputs.iter().map(|output| output.value_str().unwrap()).collect();
    /// # assert_eq!(sums, ["5", "7", "15"]);
    /// ```
    pub fn scan<V: Clone>(&mut self, store: &Store<V>, keys: impl Into<Keys>) -> Scan<'a, V> {
        let slots = store.slots.borrow();
        let (keys, now) = (keys.into(), self.clock.time);
        let written = if keys.none { vec![] } else { slots.written(&keys.start, &keys.end, now) };
        Scan::new(&*self.memory.reader, slots.store, &slots.spec.name, slots.codec, slots.age(now), keys, written)
    }

    /// Has [`Plugin::on_timer`](crate::Plugin::on_timer) called with this key when a clock says `at`, in milliseconds since
    /// the Unix epoch: by the task's stream time, right after the event that moved it so far, or by the wall clock. There is
    /// one timer a key and clock: another one takes its place. An event comes before the timers that it makes due: where it
    /// sets one of them anew, the old one does not fire. A plugin that sets timers declares a store, which they are kept
    /// with.
    ///
    /// ```
    /// use serde_json::json;
    /// use wasmill_plugin::{Clock, Context, Event, NoSettings, Outcome, Plugin, Sink, Store, Timer, Wiring};
    ///
    /// /// Tells of customers who have not ordered for a day.
    /// struct Idle {
    ///     last_order: Store<u64>,
    ///     idle: Sink,
    /// }
    ///
    /// const DAY: i64 = 86_400_000;
    ///
    /// impl Plugin for Idle {
    ///     type Settings = NoSettings;
    ///
    ///     fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
    ///         wiring.input("orders");
    ///         Ok(Idle { last_order: wiring.store("last-order"), idle: wiring.sink("idle-customers") })
    ///     }
    ///
    ///     fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
    ///         let customer = event.key().unwrap_or_default();
    ///         ctx.put(&self.last_order, customer, event.offset())?;
    ///         ctx.set_timer(customer, event.timestamp() + DAY, Clock::EventTime);
    ///         Ok(())
    ///     }
    ///
    ///     fn on_timer(&self, timer: &Timer, ctx: &mut Context) -> Outcome {
    ///         let last_order = ctx.get(&self.last_order, timer.key())?;
    ///         ctx.delete(&self.last_order, timer.key())?;
    ///         ctx.emit(self.idle).json(&last_order)
    ///     }
    /// }
    ///
    /// # use wasmill_plugin::testing::{Harness, TestEvent};
    /// let mut harness = Harness::<Idle>::new(json!({}))?;
    /// let orders = [("ann", 0), ("bob", 1), ("bob", DAY + 5), ("cat", 3 * DAY)];
    /// let run = harness.run(
    ///     orders.map(|(customer, time)| TestEvent::new("orders").key(customer).timestamp(time)).to_vec(),
    /// );
    /// let idle: Vec<_> = run.outputs.iter().map(|output| (output.key_str().unwrap(), output.timestamp)).collect();
    /// assert_eq!(idle, [("ann", DAY), ("bob", 2 * DAY + 5)]);
    /// # Ok::<(), String>(())
    /// ```
    pub fn set_timer(&mut self, key: impl AsRef<[u8]>, at: i64, clock: Clock) {
        self.answer.timers.push(self.source, clock, key.as_ref(), Some(at));
    }

    /// Takes back the timer of this key and clock, if there is one.
    pub fn cancel_timer(&mut self, key: impl AsRef<[u8]>, clock: Clock) {
        self.answer.timers.push(self.source, clock, key.as_ref(), None);
    }

    #[inline]
    fn at(&self) -> At<'a> {
        At { reader: &*self.memory.reader, run: self.run, source: self.source, stream_time: self.clock.time }
    }

    #[inline]
    fn find<V>(&self, slots: &mut Slots<V>, key: &[u8]) -> Result<u32, Failure> {
        if key.len() > MAX_KEY {
            return Err(long_key(key));
        }
        Ok(slots.find(key, self.at()))
    }

    #[inline]
    pub(super) fn keep_writes(&mut self) {
        if self.wrote {
            self.wrote = false;
            self.memory.stores.iter().for_each(|store| store.borrow_mut().keep());
        }
    }

    pub(super) fn take_writes_back(&mut self) {
        if self.wrote {
            self.wrote = false;
            self.memory.stores.iter().for_each(|store| store.borrow_mut().take_back());
        }
    }
}

#[cold]
fn long_key(key: &[u8]) -> Failure {
    Failure::reject("long-key", format!("a key for a store has {} bytes, and {MAX_KEY} are the most", key.len()))
}
