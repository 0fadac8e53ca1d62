//! An output in the making.

use crate::answer::{Mark, Row};
use crate::{Context, Failure, Sink};
use serde::Serialize;
use wasmill_contract::{NULL, SAME};

/// An output in the making: see [`Context::emit`]. Bytes go straight to where the host reads them, so the key and the
/// headers come first; the method that gives the value ([`json`](Emit::json), [`value`](Emit::value),
/// [`text`](Emit::text), [`tombstone`](Emit::tombstone), or [`send`](Emit::send) for the event's own) sends the output.
#[must_use = "an output is sent by the method that gives its value: json, value, text, tombstone or send"]
pub struct Emit<'c, 'a> {
    context: &'c mut Context<'a>,
    start: Mark,
    sink: u32,
    partition: i32,
    timestamp: Option<i64>,
    key_length: i32,
    keeps_headers: bool,
    own_headers: bool,
    own_trace: bool,
}

impl<'c, 'a> Emit<'c, 'a> {
    #[inline]
    pub(crate) fn new(context: &'c mut Context<'a>, sink: Sink) -> Self {
        Emit {
            start: context.answer.mark(),
            context,
            sink: sink.0,
            partition: NULL,
            timestamp: None,
            key_length: SAME,
            keeps_headers: false,
            own_headers: false,
            own_trace: false,
        }
    }

    /// Another key than the event's.
    #[inline]
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        let data = &mut self.context.answer.data;
        data.truncate(self.start.data);
        data.extend_from_slice(key.as_ref());
        self.key_length = length(key.as_ref().len());
        self
    }

    /// No key.
    pub fn no_key(mut self) -> Self {
        self.context.answer.data.truncate(self.start.data);
        self.key_length = NULL;
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.add_header(name.as_ref(), Some(value.as_ref()));
        self
    }

    /// Adds a header whose value is null.
    pub fn null_header(mut self, name: impl AsRef<[u8]>) -> Self {
        self.add_header(name.as_ref(), None);
        self
    }

    /// All of the event's headers, before those that are added.
    pub fn keep_headers(mut self) -> Self {
        self.keeps_headers = true;
        self
    }

    /// Another timestamp than the event's, in milliseconds since the Unix epoch.
    pub fn timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// A partition of the sink's topic, instead of the one that belongs to the key.
    pub fn partition(mut self, partition: u32) -> Self {
        self.partition = i32::try_from(partition).unwrap_or(i32::MAX);
        self
    }

    /// Sends it with a value in JSON.
    ///
    /// # Errors
    /// A reject with the code `not-json` if the value cannot be written as JSON: a map with keys that are not text.
    /// Nothing is sent then.
    #[inline]
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        let start = self.context.answer.data.len();
        serde_json::to_writer(&mut self.context.answer.data, value).map_err(not_json)?;
        let length = length(self.context.answer.data.len() - start);
        self.finish(length);
        Ok(())
    }

    /// Sends it with these bytes as its value.
    #[inline]
    pub fn value(self, value: impl AsRef<[u8]>) {
        self.context.answer.data.extend_from_slice(value.as_ref());
        self.finish(length(value.as_ref().len()));
    }

    /// Sends it with a text as its value.
    #[inline]
    pub fn text(self, value: impl AsRef<str>) {
        self.value(value.as_ref());
    }

    /// Sends it with a null value: in a compacted topic, the end of its key.
    pub fn tombstone(self) {
        self.finish(NULL);
    }

    /// Sends it with the event's own value, which is not copied.
    #[inline]
    pub fn send(self) {
        self.finish(SAME);
    }

    fn add_header(&mut self, name: &[u8], value: Option<&[u8]>) {
        self.own_headers = true;
        self.own_trace |= is_trace(name);
        self.context.answer.headers.push(name, value);
    }

    #[inline]
    fn finish(self, value_length: i32) {
        // Sent: there is nothing left to undo.
        let mut this = std::mem::ManuallyDrop::new(self);
        let row = Row {
            source: this.context.source,
            sink: this.sink,
            partition: this.partition,
            timestamp: this.timestamp,
            key_length: this.key_length,
            value_length,
            header_count: this.header_count(),
        };
        let timestamps = this.context.run.timestamps;
        this.context.answer.push(row, timestamps);
    }

    /// Completes the output's headers, and says how many it has, or that they are the event's.
    #[inline]
    fn header_count(&mut self) -> i32 {
        if self.context.source_headers.len() > 0 {
            match (self.keeps_headers, self.own_headers) {
                (true, false) => return SAME,
                (true, true) => self.put_source_headers_first(),
                (false, _) => self.pass_trace_on(),
            }
        }
        length(self.context.answer.headers.name_lengths.len() - self.start.headers)
    }

    fn put_source_headers_first(&mut self) {
        let source_headers = self.context.source_headers.clone();
        let headers = &mut self.context.answer.headers;
        let own = headers.name_lengths.len() - self.start.headers;
        let own_bytes = headers.data.len() - self.start.header_data;
        for (name, value) in source_headers {
            headers.push(name, value);
        }
        headers.name_lengths[self.start.headers..].rotate_left(own);
        headers.value_lengths[self.start.headers..].rotate_left(own);
        headers.data[self.start.header_data..].rotate_left(own_bytes);
    }

    fn pass_trace_on(&mut self) {
        // An author who names one of the two starts a trace of his own: the other would not belong to it.
        if self.own_trace {
            return;
        }
        let source_headers = self.context.source_headers.clone();
        for (name, value) in source_headers.filter(|(name, _)| is_trace(name)) {
            self.context.answer.headers.push(name, value);
        }
    }
}

impl Drop for Emit<'_, '_> {
    /// One that is not sent leaves nothing behind.
    fn drop(&mut self) {
        self.context.answer.truncate(self.start);
    }
}

/// The headers of the W3C's Trace Context.
fn is_trace(name: &[u8]) -> bool {
    matches!(name, b"traceparent" | b"tracestate")
}

#[inline]
fn length(bytes: usize) -> i32 {
    // A module cannot hold such a value beside the rest of its 4 GiB for long, and the host's limits end it far earlier.
    i32::try_from(bytes).expect("a key, a value or the headers of an output are over 2 GiB")
}

#[cold]
fn not_json(error: serde_json::Error) -> Failure {
    Failure::reject("not-json", format!("the output cannot be written as JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Harness, TestEvent, TestOutput};
    use crate::{Event, Failure, NoSettings, Outcome, Plugin, Sink, Wiring};
    use serde_json::json;
    use std::collections::HashMap;

    /// Does what the event's key names.
    struct Emitter {
        out: Sink,
    }

    impl Plugin for Emitter {
        type Settings = NoSettings;

        fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
            wiring.input("in");
            Ok(Emitter { out: wiring.sink("out") })
        }

        fn process(&self, event: &Event, ctx: &mut crate::Context) -> Outcome {
            let emit = ctx.emit(self.out);
            match event.key_str().unwrap_or_default() {
                "plain" => emit.text("x"),
                "own trace" => emit.header("traceparent", "mine").text("x"),
                "keep" => emit.keep_headers().text("x"),
                "keep and add" => emit.header("long name", "value").null_header("n").keep_headers().text("x"),
                "two keys" => emit.key("the first").key("second").text("x"),
                "no key after all" => emit.key("a key").no_key().text("x"),
                "not JSON" => emit.key("new").header("h", "1").json(&HashMap::from([((1, 2), 3)]))?,
                "change of mind" => {
                    drop(emit.key("never sent").header("h", "1").timestamp(1).partition(1));
                    ctx.emit(self.out).text("x");
                }
                "late failure" => {
                    emit.key("lost").header("h", "1").timestamp(1).partition(1).text("lost");
                    ctx.forward(self.out);
                    return Err(Failure::reject("late", "after two outputs"));
                }
                _ => {
                    drop(emit);
                    ctx.forward(self.out);
                }
            }
            Ok(())
        }
    }

    const SOURCE_HEADERS: [(&str, &str); 3] = [("a", "1"), ("traceparent", "00-1"), ("tracestate", "s")];

    fn event(key: &str) -> TestEvent {
        let event = TestEvent::new("in").key(key).value("v").timestamp(5);
        SOURCE_HEADERS.iter().fold(event, |event, (name, value)| event.header(name, value))
    }

    fn run(events: Vec<TestEvent>) -> crate::testing::Run {
        Harness::<Emitter>::new(json!({})).unwrap().run(events)
    }

    fn output(key: &str) -> TestOutput {
        // Between two others, so that what is not its own would show.
        let run = run(vec![event("forward"), event(key), event("forward")]);
        assert_eq!(run.outputs.len(), 3, "{run:?}");
        for forwarded in [&run.outputs[0], &run.outputs[2]] {
            assert_eq!((forwarded.value_str(), forwarded.headers.len()), (Some("v"), 3));
            assert_eq!((forwarded.timestamp, forwarded.partition), (5, None));
        }
        run.outputs[1].clone()
    }

    #[track_caller]
    fn has_headers(key: &str, expected: &[(&str, Option<&str>)]) {
        let output = output(key);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let headers: Vec<_> =
            output.headers.iter().map(|(name, value)| (text(name), value.as_deref().map(text))).collect();
        let expected: Vec<_> =
            expected.iter().map(|(name, value)| (name.to_string(), value.map(str::to_string))).collect();
        assert_eq!(headers, expected);
    }

    #[test]
    fn the_trace_alone_is_passed_on() {
        has_headers("plain", &[("traceparent", Some("00-1")), ("tracestate", Some("s"))]);
        has_headers("own trace", &[("traceparent", Some("mine"))]);
    }

    #[test]
    fn kept_headers_come_before_those_that_are_added() {
        let kept = SOURCE_HEADERS.map(|(name, value)| (name, Some(value)));
        has_headers("keep", &kept);
        has_headers("keep and add", &[&kept[..], &[("long name", Some("value")), ("n", None)]].concat());
    }

    #[test]
    fn the_last_key_counts() {
        assert_eq!(output("plain").key_str(), Some("plain"));
        assert_eq!(output("two keys").key_str(), Some("second"));
        assert_eq!(output("no key after all").key, None);
    }

    #[test]
    fn an_output_that_is_not_sent_leaves_nothing_behind() {
        let output = output("change of mind");
        assert_eq!((output.key_str(), output.timestamp, output.partition), (Some("change of mind"), 5, None));
        assert_eq!(output.header("h"), None);
    }

    #[test]
    fn a_failed_event_has_no_effects() {
        let run = run(vec![event("plain"), event("late failure"), event("not JSON"), event("plain")]);
        assert_eq!(run.outputs.iter().map(|output| output.event).collect::<Vec<_>>(), [0, 3]);
        let failures: Vec<_> = run.failures.iter().map(|failed| (failed.event, failed.failure.code())).collect();
        assert_eq!(failures, [(1, "late"), (2, "not-json")]);
    }

    #[test]
    fn the_size_of_the_calls_makes_no_difference() {
        let keys = ["plain", "forward", "keep and add", "late failure", "two keys", "own trace", "change of mind"];
        let with = |events_a_call| {
            let mut harness = Harness::<Emitter>::new(json!({})).unwrap();
            harness.set_events_a_call(events_a_call);
            harness.run(keys.iter().cycle().take(50).map(|key| event(key)).collect())
        };
        assert_eq!(with(1), with(500));
        assert_eq!(with(7), with(500));
    }
}
