//! Between the generated exports and an [`Instance`]: columns are moved, never copied.

use crate::answer::Answer;
use crate::bindings::exports::wasmill::plugin::{batch_processor as batch, lifecycle};
use crate::bindings::wasmill::plugin::types::{self, Reason};
use crate::input::Run;
use crate::store::{Host, Spec};
use crate::wiring::Port;
use crate::{Clock, Failure, Input, Plugin, Sink, Timer, log};
use std::cell::OnceCell;
use std::marker::PhantomData;
use std::rc::Rc;
use wasmill_contract::{FailureKind, HeaderColumns};

pub use crate::instance::Instance;

/// What [`export!`](crate::export) knows of the plugin's crate.
pub trait Exported: 'static {
    type Plugin: Plugin;
    const NAME: &str;
    const VERSION: &str;
    const DESCRIPTION: &str;

    /// Where the module's one instance lives: a static, which cannot be generic.
    fn instance<R>(work: impl FnOnce(&OnceCell<Instance<Self::Plugin>>) -> R) -> R;
}

/// The module's exports.
pub struct Guest<E>(PhantomData<E>);

impl<E: Exported> lifecycle::Guest for Guest<E> {
    fn describe() -> lifecycle::About {
        lifecycle::About {
            name: E::NAME.into(),
            version: E::VERSION.into(),
            description: E::DESCRIPTION.into(),
            settings_schema: E::Plugin::SETTINGS_SCHEMA.map(Into::into),
        }
    }

    fn configure(settings: String) -> Result<lifecycle::Wiring, String> {
        std::panic::set_hook(Box::new(|panic| log::write(log::Level::Error, &panic.to_string(), &[])));
        log::sink::forget_level();
        let (instance, wiring) = Instance::configure(&settings, Rc::new(Host))?;
        E::instance(|cell| cell.set(instance)).map_err(|_| "configure was called twice".to_string())?;
        let stores = wiring.stores.iter().map(|slots| store(slots.borrow().spec())).collect();
        let sinks = sinks(wiring.sinks, &wiring.last_of_commit);
        Ok(lifecycle::Wiring { inputs: ports(wiring.inputs), sinks, stores })
    }
}

impl<E: Exported> batch::Guest for Guest<E> {
    fn process_batch(events: batch::Batch) -> batch::Effects {
        log::sink::forget_level();
        let run = Run {
            partition: events.task.partition,
            now: events.task.now,
            stream_time: events.task.stream_time,
            latest: events.task.latest,
            input: Input(events.input),
            topic: &events.topic,
            offsets: &events.offsets,
            timestamps: &events.timestamps,
            key_lengths: &events.key_lengths,
            value_lengths: &events.value_lengths,
            data: &events.data,
            headers: HeaderColumns {
                counts: &events.headers.counts,
                name_lengths: &events.headers.name_lengths,
                value_lengths: &events.headers.value_lengths,
                data: &events.headers.data,
            },
        };
        Self::answer(|instance| instance.process(&run))
    }

    fn process_timers(task: batch::Task, due: Vec<batch::Timer>) -> batch::Effects {
        log::sink::forget_level();
        let timestamps: Vec<i64> = due.iter().map(|timer| timer.at).collect();
        let run = Run::of_timers(task.partition, task.now, task.stream_time, &timestamps);
        let due: Vec<Timer> =
            due.iter().map(|timer| Timer { key: &timer.key, at: timer.at, clock: clock(timer.clock) }).collect();
        Self::answer(|instance| instance.process_timers(&run, &due))
    }
}

impl<E: Exported> Guest<E> {
    fn answer(call: impl FnOnce(&Instance<E::Plugin>) -> Answer) -> batch::Effects {
        E::instance(|cell| match cell.get() {
            Some(instance) => effects(call(instance)),
            None => panic!("a handler was called before configure"),
        })
    }
}

fn store(spec: Spec) -> lifecycle::Store {
    let Spec { name, ttl_ms, version, keyed_by_event } = spec;
    lifecycle::Store { name, ttl_ms, version, keyed_by_event }
}

fn clock(clock: types::Clock) -> Clock {
    match clock {
        types::Clock::EventTime => Clock::EventTime,
        types::Clock::WallClock => Clock::WallClock,
    }
}

fn given(clock: Clock) -> types::Clock {
    match clock {
        Clock::EventTime => types::Clock::EventTime,
        Clock::WallClock => types::Clock::WallClock,
    }
}

fn sinks(ports: Vec<Port>, last_of_commit: &[Sink]) -> Vec<lifecycle::Sink> {
    let sink = |(index, Port { name, topic })| lifecycle::Sink {
        name,
        topic,
        emission: match last_of_commit.contains(&Sink(index)) {
            true => lifecycle::Emission::LastOfCommit,
            false => lifecycle::Emission::Every,
        },
    };
    (0..).zip(ports).map(sink).collect()
}

fn ports(ports: Vec<Port>) -> Vec<lifecycle::Port> {
    ports.into_iter().map(|port| lifecycle::Port { name: port.name, topic: port.topic }).collect()
}

fn effects(answer: Answer) -> batch::Effects {
    batch::Effects {
        done: answer.done,
        sources: answer.sources,
        sinks: answer.sinks,
        partitions: answer.partitions,
        timestamps: answer.timestamps,
        key_lengths: answer.key_lengths,
        value_lengths: answer.value_lengths,
        data: answer.data,
        headers: batch::Headers {
            counts: answer.headers.counts,
            name_lengths: answer.headers.name_lengths,
            value_lengths: answer.headers.value_lengths,
            data: answer.headers.data,
        },
        writes: batch::Writes {
            sources: answer.writes.sources,
            stores: answer.writes.stores,
            key_lengths: answer.writes.key_lengths,
            value_lengths: answer.writes.value_lengths,
            data: answer.writes.data,
        },
        timers: batch::TimerWrites {
            sources: answer.timers.sources,
            clocks: answer.timers.clocks.into_iter().map(given).collect(),
            at: answer.timers.at,
            key_lengths: answer.timers.key_lengths,
            keys: answer.timers.keys,
        },
        failures: answer.failures.into_iter().map(|(event, failure)| (event, reason(failure))).collect(),
    }
}

fn reason(failure: Failure) -> types::Failure {
    let reason = Reason { code: failure.code, message: failure.message, detail: failure.detail };
    match failure.kind {
        FailureKind::Reject => types::Failure::Reject(reason),
        FailureKind::Retry => types::Failure::Retry(reason),
        FailureKind::Stop => types::Failure::Stop(reason),
    }
}
