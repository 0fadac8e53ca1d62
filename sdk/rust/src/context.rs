//! What goes out.

mod state;

use crate::answer::{Answer, Mark, Row};
use crate::input::Run;
use crate::instance::Memory;
use crate::{Clock, Emit, Event, Failure, Sink};
use wasmill_contract::{FailureKind, HeadersIter, NULL, SAME, StreamTime};

/// Takes the outputs of an event, reads and writes what the plugin remembers, and knows where and when the call runs.
pub struct Context<'a> {
    pub(crate) run: &'a Run<'a>,
    pub(crate) answer: Answer,
    pub(crate) source: u32,
    pub(crate) source_headers: HeadersIter<'a>,
    memory: &'a Memory,
    clock: StreamTime,
    /// Whether the event at hand has written to a store.
    wrote: bool,
    /// The earliest timer on event time that was set in this call.
    earliest: i64,
}

impl<'a> Context<'a> {
    /// Passes the event on as it is: key, value, headers and timestamp. Nothing is copied inside the plugin.
    #[inline]
    pub fn forward(&mut self, sink: Sink) {
        let row = Row {
            source: self.source,
            sink: sink.0,
            partition: NULL,
            timestamp: None,
            key_length: SAME,
            value_length: SAME,
            header_count: if self.run.headers.counts.is_empty() { 0 } else { SAME },
        };
        self.answer.push(row, self.run.timestamps);
    }

    /// Builds an output. It has the event's key and timestamp unless others are given, its partition is found by the
    /// key as any Kafka client does, and its headers are those that are given. The trace of the event, its headers
    /// `traceparent` and `tracestate`, is passed on where present. The method that gives the value comes last and
    /// sends.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use wasmill_plugin::{Context, Event, NoSettings, Outcome, Plugin, Sink, Wiring};
    /// # struct Copies { out: Sink }
    /// # impl Plugin for Copies {
    /// # type Settings = NoSettings;
    /// # fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
    /// #     wiring.input("in");
    /// #     Ok(Copies { out: wiring.sink("out") })
    /// # }
    /// fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
    ///     ctx.emit(self.out).json(&json!({ "offset": event.offset() }))?;
    ///     ctx.emit(self.out).key("other").header("origin", event.topic()).timestamp(0).value(b"\x00\xff");
    ///     ctx.emit(self.out).no_key().partition(0).text("to the first partition");
    ///     ctx.emit(self.out).tombstone();
    ///     ctx.emit(self.out).keep_headers().key("as it was, under another key").send();
    ///     Ok(())
    /// }
    /// # }
    /// # use wasmill_plugin::testing::Harness;
    /// # let mut harness = Harness::<Copies>::new(json!({})).unwrap();
    /// # let run = harness.event("in").key("k").value("v").header("h", "1").offset(7).timestamp(5).send();
    /// # let values: Vec<_> = run.outputs.iter().map(|output| output.value.as_deref()).collect();
    /// # assert_eq!(values[0], Some(&br#"{"offset":7}"#[..]));
    /// # assert_eq!(values[1..], [Some(&b"\x00\xff"[..]), Some(b"to the first partition"), None, Some(b"v")]);
    /// # assert_eq!(run.outputs[0].key_str(), Some("k"));
    /// # assert_eq!((run.outputs[1].key_str(), run.outputs[1].timestamp), (Some("other"), 0));
    /// # assert_eq!((run.outputs[2].key_str(), run.outputs[2].partition), (None, Some(0)));
    /// # assert_eq!(run.outputs[1].header("origin"), Some(Some(&b"in"[..])));
    /// # assert_eq!(run.outputs[4].header("h"), Some(Some(&b"1"[..])));
    /// # assert_eq!(run.outputs[3].headers.len(), 0);
    /// ```
    #[inline]
    pub fn emit(&mut self, sink: Sink) -> Emit<'_, 'a> {
        Emit::new(self, sink)
    }

    /// The partition number of the task: the event's.
    pub fn partition(&self) -> u32 {
        self.run.partition
    }

    /// The timestamp of the event at hand, or the time that the timer at hand was set for, in milliseconds since the Unix
    /// epoch.
    pub fn timestamp(&self) -> i64 {
        self.run.timestamps[self.source as usize]
    }

    /// Wall clock, milliseconds since the Unix epoch: the same for all events of a call.
    pub fn now(&self) -> i64 {
        self.run.now
    }

    /// The greatest event timestamp that the task has seen, this event's included, in milliseconds since the Unix epoch.
    /// Timestamps too far ahead of the wall clock (the host's `max-future`) do not move it.
    pub fn stream_time(&self) -> i64 {
        self.clock.time
    }

    pub(crate) fn new(run: &'a Run<'a>, memory: &'a Memory) -> Self {
        Context {
            run,
            answer: Answer::with_room(memory.size.get()),
            source: 0,
            source_headers: HeadersIter::default(),
            memory,
            clock: run.clock(),
            wrote: false,
            earliest: i64::MAX,
        }
    }

    /// Turns to the next event. What is added from here on is its effect.
    #[inline]
    pub(crate) fn begin(&mut self, event: &Event<'a>) -> Mark {
        self.source_headers = event.headers();
        self.clock.see(event.timestamp);
        self.begin_timer()
    }

    /// Turns to the next timer.
    #[inline]
    pub(crate) fn begin_timer(&mut self) -> Mark {
        self.source = self.answer.done;
        self.answer.done += 1;
        self.answer.mark()
    }

    /// The event is done. Whether the call goes on with the next one: not if a timer is due before it that this call has
    /// set.
    #[inline]
    pub(crate) fn keep_event(&mut self, mark: Mark) -> bool {
        self.keep_writes();
        if self.answer.timers.sources.len() > mark.timers {
            let earliest = self.answer.timers.earliest(mark.timers);
            self.earliest = self.earliest.min(earliest.unwrap_or(i64::MAX));
        }
        self.earliest > self.clock.time
    }

    /// The timer is done. Whether the call goes on with those that `follow`: not if it has changed what is due.
    pub(crate) fn keep_timer<'k>(
        &mut self,
        mark: Mark,
        follow: impl Iterator<Item = (Clock, &'k [u8])> + Clone,
    ) -> bool {
        self.keep_writes();
        !self.answer.timers.disturbs(mark.timers, follow, self.run.now, self.clock.time)
    }

    /// Drops the effects of the event and keeps its failure. Whether the call goes on with the next event.
    #[cold]
    pub(crate) fn fail(&mut self, mark: Mark, failure: Failure) -> bool {
        self.answer.truncate(mark);
        self.take_writes_back();
        let goes_on = failure.kind == FailureKind::Reject;
        self.answer.failures.push((self.source, failure));
        // A failed event moves stream time as well.
        goes_on && self.earliest > self.clock.time
    }
}
