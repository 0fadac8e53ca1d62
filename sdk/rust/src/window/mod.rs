//! Windows: events of a key that belong together by their time.

mod open;
mod spec;
#[cfg(test)]
mod tests;

pub(crate) use spec::{Shape, Spec, milliseconds};

use crate::{Clock, Context, Failure, Store, Timer};
use open::{Kept, Open};
use serde::Serialize;
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// Windows, as declared in [`Plugin::new`](crate::Plugin::new): a `V` for each key and window, made of the events whose
/// timestamps are in it. See [`Wiring::tumbling`](crate::Wiring::tumbling), [`Wiring::hopping`](crate::Wiring::hopping) and
/// [`Wiring::sessions`](crate::Wiring::sessions).
///
/// A window closes when stream time is as far as its end, and as much further as its [`grace`](Windows::grace). Its result
/// comes out then, once and for good: right away where an event of the same key comes, or else by a timer, so
/// [`Plugin::on_timer`](crate::Plugin::on_timer) must call [`on_timer`](Windows::on_timer). With
/// [`running`](Windows::running) results there is one with each event instead. Either way they depend on the events alone:
/// not on the wall clock, nor on how events are cut into calls.
///
/// ```
/// use serde_json::json;
/// use std::time::Duration;
/// use wasmill_plugin::{Context, Event, NoSettings, Outcome, Plugin, Sink, Timer, Window, Windows, Wiring};
///
/// /// How many orders a country has in a minute.
/// struct Rate {
///     orders: Windows<u64>,
///     out: Sink,
/// }
///
/// impl Plugin for Rate {
///     type Settings = NoSettings;
///
///     fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
///         wiring.input("orders");
///         let orders = wiring.tumbling("orders-a-minute", Duration::from_secs(60)).grace(Duration::from_secs(5));
///         Ok(Rate { orders, out: wiring.sink("rates") })
///     }
///
///     fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
///         let country = event.key().unwrap_or_default();
///         let update = self.orders.update(ctx, country, |orders| *orders += 1)?;
///         self.send(update.results, ctx)
///     }
///
///     fn on_timer(&self, timer: &Timer, ctx: &mut Context) -> Outcome {
///         let results = self.orders.on_timer(ctx, timer)?;
///         self.send(results, ctx)
///     }
/// }
///
/// impl Rate {
///     fn send(&self, results: Vec<Window<u64>>, ctx: &mut Context) -> Outcome {
///         for window in results {
///             ctx.emit(self.out).key(&window.key).timestamp(window.end).json(&window)?;
///         }
///         Ok(())
///     }
/// }
///
/// # use wasmill_plugin::testing::{Harness, TestEvent};
/// let mut harness = Harness::<Rate>::new(json!({}))?;
/// let orders = [("FR", 0), ("FR", 59_000), ("DE", 61_000), ("FR", 58_000), ("DE", 65_000)];
/// let run = harness.run(orders.map(|(key, time)| TestEvent::new("orders").key(key).timestamp(time)).to_vec());
/// assert_eq!(run.outputs.len(), 1);
/// assert_eq!(run.outputs[0].key_str(), Some("FR"));
/// assert_eq!(run.outputs[0].json(), json!({ "start": 0, "end": 60_000, "value": 3 }));
/// # Ok::<(), String>(())
/// ```
pub struct Windows<V> {
    name: Box<str>,
    spec: Rc<Cell<Spec>>,
    store: Store<Kept<V>>,
    merge: fn(&mut V, V),
}

/// A window, and what is in it. As JSON it has `start`, `end` and `value`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Window<V> {
    /// The key.
    #[serde(skip)]
    pub key: Vec<u8>,
    /// Milliseconds since the Unix epoch. Of a session, the time of its first event.
    pub start: i64,
    /// The end, which is not in it. Of a session, the time of its last event and the gap.
    pub end: i64,
    /// What the events in it made of it.
    pub value: V,
}

/// What an event came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowUpdate<V> {
    /// What is to be sent: the windows that closed, or, with running results, those that the event is in.
    pub results: Vec<Window<V>>,
    /// The event is in no window: those that it would have been in are closed.
    pub late: bool,
}

impl<V: Clone + Default> Windows<V> {
    /// Has `change` change the value of each window of a key that the event at hand is in.
    ///
    /// # Errors
    /// As [`Context::get`].
    pub fn update(
        &self,
        ctx: &mut Context,
        key: impl AsRef<[u8]>,
        change: impl FnMut(&mut V),
    ) -> Result<WindowUpdate<V>, Failure> {
        let (spec, key, now) = (self.spec.get(), key.as_ref(), ctx.stream_time());
        let mut kept = ctx.get(&self.store, key)?.unwrap_or_default();
        let closed = kept.close(&spec, now);
        let changed = kept.add(&spec, ctx.timestamp(), now, self.merge, change);
        let late = changed.is_empty();
        let results = if spec.running {
            let windows = kept.windows.iter().filter(|window| changed.contains(&window.start)).cloned();
            results(key, windows)
        } else {
            results(key, closed.into_iter())
        };
        if !late || !results.is_empty() {
            self.keep(ctx, key, kept)?;
        }
        Ok(WindowUpdate { results, late })
    }

    /// The windows that a timer closed; none if it is another's.
    ///
    /// # Errors
    /// As [`Context::get`].
    pub fn on_timer(&self, ctx: &mut Context, timer: &Timer) -> Result<Vec<Window<V>>, Failure> {
        let Some(key) = self.key_of(timer) else { return Ok(vec![]) };
        let (spec, now) = (self.spec.get(), ctx.stream_time());
        let Some(mut kept) = ctx.get(&self.store, key)? else { return Ok(vec![]) };
        // It is gone; a session may have grown since it was set.
        kept.wakes = None;
        let closed = kept.close(&spec, now);
        self.keep(ctx, key, kept)?;
        Ok(results(key, closed.into_iter()))
    }

    /// The windows of a key that are open.
    ///
    /// # Errors
    /// As [`Context::get`].
    pub fn open(&self, ctx: &mut Context, key: impl AsRef<[u8]>) -> Result<Vec<Window<V>>, Failure> {
        let (spec, key, now) = (self.spec.get(), key.as_ref(), ctx.stream_time());
        let mut kept = ctx.get(&self.store, key)?.unwrap_or_default();
        kept.close(&spec, now);
        Ok(results(key, kept.windows.into_iter()))
    }

    fn keep(&self, ctx: &mut Context, key: &[u8], mut kept: Kept<V>) -> Result<(), Failure> {
        let spec = self.spec.get();
        // Running results need no end: what nobody touches any more is gone by the store's TTL.
        if !spec.running {
            match kept.next_close(&spec) {
                // One that is set for an earlier time will see for itself.
                Some(next) if kept.wakes.is_none_or(|wakes| next < wakes || wakes <= ctx.stream_time()) => {
                    ctx.set_timer(self.timer_key(key), next, Clock::EventTime);
                    kept.wakes = Some(next);
                }
                None if kept.wakes.is_some() => ctx.cancel_timer(self.timer_key(key), Clock::EventTime),
                _ => {}
            }
        }
        if kept.windows.is_empty() {
            return ctx.delete(&self.store, key);
        }
        ctx.put(&self.store, key, kept)
    }

    /// Its timers begin with its name, so that several in a plugin tell theirs apart.
    fn timer_key(&self, key: &[u8]) -> Vec<u8> {
        [self.name.as_bytes(), b"\0", key].concat()
    }

    fn key_of<'a>(&self, timer: &Timer<'a>) -> Option<&'a [u8]> {
        let key = timer.key().strip_prefix(self.name.as_bytes())?.strip_prefix(b"\0")?;
        (timer.clock() == Clock::EventTime).then_some(key)
    }
}

fn results<V>(key: &[u8], windows: impl Iterator<Item = Open<V>>) -> Vec<Window<V>> {
    windows.map(|Open { start, end, value }| Window { key: key.into(), start, end, value }).collect()
}

impl<V> Windows<V> {
    /// How long a window waits for events that come late: none unless given.
    pub fn grace(self, grace: Duration) -> Self {
        self.change(|spec| spec.grace = milliseconds(grace))
    }

    /// A result with each event, of each window that it is in, instead of one at the end.
    pub fn running(self) -> Self {
        self.change(|spec| spec.running = true)
    }

    /// The version of the values' form: see [`Store::version`].
    pub fn version(self, version: u32) -> Self {
        Windows { store: self.store.version(version), ..self }
    }

    /// The key is that of the event at hand: see [`Store::keyed_by_event`].
    pub fn keyed_by_event(self) -> Self {
        Windows { store: self.store.keyed_by_event(), ..self }
    }

    pub(crate) fn new(name: &str, spec: Rc<Cell<Spec>>, store: Store<Kept<V>>, merge: fn(&mut V, V)) -> Self {
        Windows { name: name.into(), spec, store, merge }
    }

    fn change(self, change: impl FnOnce(&mut Spec)) -> Self {
        let mut spec = self.spec.get();
        change(&mut spec);
        self.spec.set(spec);
        let ttl = spec.running.then(|| Duration::from_millis(spec.lifetime().max(1) as u64));
        match ttl {
            Some(ttl) => Windows { store: self.store.ttl(ttl), ..self },
            None => self,
        }
    }
}

impl<V> fmt::Debug for Windows<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Windows({}, {:?})", self.name, self.spec.get())
    }
}
