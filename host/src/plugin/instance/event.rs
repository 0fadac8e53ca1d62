//! An instance of the event world: one call an event, all answers in the same columns.

use super::batch::failure;
use super::pending::Pending;
use super::{Core, headers};
use crate::event::{Failure, Reason};
use crate::plugin::bindings::EventPlugin;
use crate::plugin::bindings::types::{self, Event, Output};
use crate::plugin::guest::{Answer, Guest, Outcome, TimerTask};
use crate::plugin::wiring::Wiring;
use crate::state::{State, Timer};
use wasmill_contract::{Batch, FailureKind, NULL};

/// See [`Guest`].
pub(in crate::plugin) struct EventGuest {
    core: Core,
    plugin: EventPlugin,
    wiring: Wiring,
    /// The event of the call under way; kept, so that its memory is used again.
    event: Event,
}

impl EventGuest {
    pub(in crate::plugin) fn new(mut core: Core, plugin: EventPlugin, wiring: Wiring) -> EventGuest {
        core.store.data_mut().state.pending = Some(Pending::new(wiring.stores.len()));
        let event = Event {
            input: String::new(),
            topic: String::new(),
            partition: 0,
            offset: 0,
            timestamp: 0,
            key: None,
            value: None,
            headers: vec![],
        };
        EventGuest { core, plugin, wiring, event }
    }

    fn show(&mut self, batch: &Batch, index: usize) {
        let event = batch.event(index);
        self.event.offset = event.offset;
        self.event.timestamp = event.timestamp;
        copy(event.key, &mut self.event.key);
        copy(event.value, &mut self.event.value);
        headers::show(event.headers, &mut self.event.headers);
    }
}

/// What an event or a timer came to.
type Called = wasmtime::Result<Result<Vec<Output>, types::Failure>>;

impl Guest for EventGuest {
    fn process(&mut self, batch: &mut Batch, state: &mut Option<Box<dyn State>>) -> Outcome {
        self.event.input.clear();
        self.event.input.push_str(self.wiring.inputs.get(batch.input as usize).map_or("", |input| &input.name));
        self.event.topic.clone_from(&batch.topic);
        self.event.partition = batch.partition;
        self.core.lend(state);
        let outcome = self.run(
            batch,
            |guest, index| {
                guest.show(batch, index);
                guest.plugin.wasmill_plugin_processor().call_process(&mut guest.core.store, &guest.event)
            },
            |pending, _, stream_time| pending.keep_event(stream_time),
        );
        self.core.give_back(state);
        outcome
    }

    fn timers(&mut self, task: TimerTask, due: &[Timer], state: &mut Option<Box<dyn State>>) -> Outcome {
        self.core.lend(state);
        let outcome = self.run(
            &task.batch(due),
            |guest, index| {
                let Timer { clock, at, key } = &due[index];
                let timer = types::Timer { key: key.clone(), at: *at, clock: (*clock).into() };
                guest.plugin.wasmill_plugin_processor().call_on_timer(&mut guest.core.store, &timer)
            },
            |pending, index, stream_time| pending.keep_timer(&due[index + 1..], task.now, stream_time),
        );
        self.core.give_back(state);
        outcome
    }

    fn memory_bytes(&self) -> usize {
        self.core.memory_bytes()
    }
}

impl EventGuest {
    /// Calls it for each event of the batch, or whatever stands in it as one. `keep` says, with the stream time at the
    /// event, whether the run ends after it.
    fn run(
        &mut self,
        batch: &Batch,
        mut call: impl FnMut(&mut EventGuest, usize) -> Called,
        keep: impl Fn(&mut Pending, usize, i64) -> bool,
    ) -> Outcome {
        let mut answer = Answer::default();
        let mut clock = batch.clock();
        let mut broke = None;
        for index in 0..batch.len() {
            clock.see(batch.timestamps[index]);
            self.core.begin(batch.partition, batch.now, clock.time);
            self.core.pending().begin(index);
            let outcome = match call(self, index) {
                Ok(outcome) => outcome,
                Err(error) => {
                    self.core.pending().take_back();
                    broke = Some(self.core.broke(&error, true));
                    break;
                }
            };
            answer.done += 1;
            let given = match outcome {
                Ok(outputs) => append(&mut answer, &self.wiring, batch, index, &outputs).err(),
                Err(given) => Some(failure(given)),
            };
            let mut ends = false;
            if let Some(failure) = given {
                self.core.pending().take_back();
                ends = failure.kind() != FailureKind::Reject;
                answer.failures.push((index as u32, failure));
            }
            // A failed event moves stream time as well.
            if keep(self.core.pending(), index, clock.time) || ends {
                break;
            }
        }
        self.core.pending().finish(&mut answer);
        Outcome { answer, broke }
    }
}

fn copy(bytes: Option<&[u8]>, into: &mut Option<Vec<u8>>) {
    match bytes {
        Some(bytes) => {
            let kept = into.get_or_insert_default();
            kept.clear();
            kept.extend_from_slice(bytes);
        }
        None => *into = None,
    }
}

/// Adds the outputs of the event `index`: all of them, or, if one is wrong, none.
fn append(
    answer: &mut Answer,
    wiring: &Wiring,
    batch: &Batch,
    index: usize,
    outputs: &[Output],
) -> Result<(), Failure> {
    // All sinks are looked up first, so that nothing has to be taken back.
    if let Some(unknown) = outputs.iter().find(|output| wiring.sink(&output.sink).is_none()) {
        return Err(Failure::Reject(unknown_sink(&unknown.sink, wiring)));
    }
    for output in outputs {
        let Some(sink) = wiring.sink(&output.sink) else { continue };
        let before = answer.sources.len();
        answer.sources.push(index as u32);
        answer.sinks.push(sink as u32);
        optional(
            &mut answer.partitions,
            before,
            output.partition.is_some(),
            |_| -1,
            || {
                // A number that no topic has: the broker's side names it.
                output.partition.map_or(-1, |partition| i32::try_from(partition).unwrap_or(i32::MAX))
            },
        );
        let source_time = |source: usize| batch.timestamps[source];
        let sources = &answer.sources;
        optional(
            &mut answer.timestamps,
            before,
            output.timestamp.is_some(),
            |output| source_time(sources[output] as usize),
            || output.timestamp.unwrap_or(source_time(index)),
        );
        answer.key_lengths.push(append_bytes(&mut answer.data, output.key.as_deref()));
        answer.value_lengths.push(append_bytes(&mut answer.data, output.value.as_deref()));
        optional(&mut answer.headers.counts, before, !output.headers.is_empty(), |_| 0, || output.headers.len() as i32);
        if !output.headers.is_empty() {
            let source = batch.event_headers(index);
            for (name, value) in headers::restore(&output.headers, &source) {
                answer.headers.push(name, value);
            }
        }
    }
    Ok(())
}

/// Adds to a column that stays empty until somebody needs it; the `before` entries it left out are filled in then.
fn optional<T>(
    column: &mut Vec<T>,
    before: usize,
    needed: bool,
    left_out: impl Fn(usize) -> T,
    entry: impl FnOnce() -> T,
) {
    if column.is_empty() {
        if !needed {
            return;
        }
        column.extend((0..before).map(left_out));
    }
    column.push(entry());
}

fn append_bytes(data: &mut Vec<u8>, bytes: Option<&[u8]>) -> i32 {
    match bytes {
        Some(bytes) => {
            data.extend_from_slice(bytes);
            bytes.len() as i32
        }
        None => NULL,
    }
}

fn unknown_sink(sink: &str, wiring: &Wiring) -> Reason {
    let known: Vec<&str> = wiring.sinks.iter().map(|sink| sink.port.name.as_str()).collect();
    Reason::new(
        "unknown-sink",
        format!("an output names the sink {sink:?}, but the plugin's configure declared {known:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::bindings::types::Header;
    use crate::plugin::wiring::{Port, Sink};
    use wasmill_contract::{Field, Limits, Scope};

    fn wiring() -> Wiring {
        let port = |name: &str| Port { name: name.into(), topic: name.into() };
        let sink = |name: &str| Sink { port: port(name), last_of_commit: false };
        Wiring { inputs: vec![port("in")], sinks: vec![sink("first"), sink("second")], stores: vec![] }
    }

    fn batch() -> Batch {
        let mut batch = Batch::default();
        for offset in 0..3 {
            let headers = [(&b"\xff"[..], Some(&b"v"[..]))];
            batch.push(offset, 100 + offset as i64, Some(b"k"), None, headers.into_iter());
        }
        batch
    }

    fn output(sink: &str) -> Output {
        let value = Some(b"value".to_vec());
        Output { sink: sink.into(), partition: None, timestamp: None, key: None, value, headers: vec![] }
    }

    #[test]
    fn answers_of_many_calls_are_one_sound_answer() {
        let (wiring, batch, mut answer) = (wiring(), batch(), Answer { done: 3, ..Answer::default() });
        append(&mut answer, &wiring, &batch, 0, &[output("second")]).unwrap();
        append(&mut answer, &wiring, &batch, 1, &[]).unwrap();
        let header = Header { name: "\u{fffd}".into(), value: None };
        let full = Output { partition: Some(4), timestamp: Some(7), headers: vec![header], ..output("first") };
        append(&mut answer, &wiring, &batch, 2, &[full, output("first")]).unwrap();

        let scope = Scope { sinks: 2, stores: 0, timers: false };
        let effects = answer.effects();
        assert_eq!(effects.check(&batch, &scope, &Limits::default(), Failure::kind), Ok(vec![]));
        let outputs: Vec<_> = effects.outputs().collect();
        let at: Vec<_> = outputs.iter().map(|output| (output.source, output.sink, output.partition)).collect();
        assert_eq!(at, [(0, 1, None), (2, 0, Some(4)), (2, 0, None)]);
        let times: Vec<_> = outputs.iter().map(|output| output.timestamp).collect();
        assert_eq!(times, [Some(100), Some(7), Some(102)]);
        assert!(outputs.iter().all(|output| output.key == Field::Null && output.value == Field::Bytes(b"value")));
        let headers: Vec<Vec<_>> = outputs.iter().map(|output| output.headers.clone().unwrap().collect()).collect();
        assert_eq!(headers, [vec![], vec![(&b"\xff"[..], None)], vec![]]);
    }

    #[test]
    fn an_unknown_sink_fails_its_event_and_leaves_no_outputs() {
        let mut answer = Answer::default();
        let outputs = [output("first"), output("frist")];
        let failure = append(&mut answer, &wiring(), &batch(), 0, &outputs).unwrap_err();
        assert_eq!(failure.reason().code, "unknown-sink");
        assert!(failure.reason().message.contains(r#""frist""#) && failure.reason().message.contains(r#""second""#));
        assert!(answer.sources.is_empty() && answer.data.is_empty());
    }
}
