//! Outputs and dead letters on their way to the producer.

use super::cause::Cause;
use super::dead_letter::{self, Circumstances};
use super::handle::{Ended, Verdict};
use super::lane::{Halt, Lane};
use crate::config::OnFailure;
use crate::event::{Partition, Reason};
use crate::failpoint;
use crate::kafka::edge::{Outgoing, Outlet, SendError, Source};
use crate::plugin::guest::Answer;
use std::time::{Duration, Instant};
use wasmill_contract::{Batch, EventRef};

/// One log line about failed events in this time; each of them is in a metric and in the dead-letter topic anyway.
const WARN_EVERY: Duration = Duration::from_secs(1);

impl<S: Source, O: Outlet> Lane<S, O> {
    /// Sends the outputs of the events before `end` that have not failed. Answers which events have an output that can
    /// never be sent; if such a one stops the plugin, nothing is sent after it.
    pub(super) fn send_outputs(
        &mut self,
        at: Partition,
        batch: &Batch,
        answer: &Answer,
        end: usize,
        failed: &[(usize, &'static str, Verdict)],
    ) -> Result<Vec<(usize, Reason)>, Halt> {
        let mut refused: Vec<(usize, Reason)> = Vec::new();
        let stops = self.spec.config.on_failure == OnFailure::Stop;
        let (mut outputs, mut bytes) = (0, 0);
        for output in answer.effects().outputs() {
            if output.source >= end || (stops && !refused.is_empty()) {
                break;
            }
            if refused.last().is_some_and(|(event, _)| *event == output.source)
                || failed.binary_search_by_key(&output.source, |(event, ..)| *event).is_ok()
            {
                continue;
            }
            let event = batch.event(output.source);
            let key = output.key.resolve(event.key);
            let value = output.value.resolve(event.value);
            let cause = Cause { at, offset: event.offset as i64, dead_letter: false };
            let record = Outgoing {
                topic: output.sink,
                partition: output.partition.map(|partition| partition as i32),
                timestamp: Some(output.timestamp.unwrap_or(event.timestamp)),
                key,
                value,
                headers: output.headers.unwrap_or(event.headers),
            };
            if output.timestamp.is_some_and(|timestamp| timestamp < 0) {
                let message = format!("an output has the timestamp {}", output.timestamp.unwrap_or_default());
                refused.push((output.source, Reason::new("output-timestamp", message)));
                continue;
            }
            if let (true, Some(key)) = (self.spec.sinks[output.sink], key) {
                self.held.put(&record, key, cause.token());
                continue;
            }
            self.open_transaction()?;
            match self.outlet.send(record, cause.token()) {
                Ok(()) => {
                    outputs += 1;
                    bytes += key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
                    self.first.sent(output.sink, key, value);
                }
                Err(SendError::Refused { code, message }) => {
                    refused.push((output.source, Reason::new(code, message)));
                }
                Err(SendError::Abort(why)) => return Err(Halt::RollBack(why)),
                Err(SendError::Broken(why)) => return Err(Halt::Broken(why)),
            }
        }
        self.metrics.outputs(outputs, bytes as u64);
        failpoint::reached("after-outputs");
        Ok(refused)
    }

    /// An event has failed for good: the plugin's policy says what that means.
    pub(super) fn fail(
        &mut self,
        at: Partition,
        batch: &Batch,
        event: usize,
        kind: &'static str,
        reason: &Reason,
    ) -> Result<Option<Ended>, Halt> {
        self.metrics.failure(kind, &reason.code);
        self.warn(at, batch, event, kind, reason);
        match self.spec.config.on_failure {
            OnFailure::Skip => {
                self.tally.skipped += 1;
                Ok(None)
            }
            OnFailure::Stop => {
                let message = format!(
                    "on-failure = \"stop\": event {}/{}/{} failed with {reason}",
                    batch.topic,
                    batch.partition,
                    batch.event(event).offset
                );
                Ok(Some(Ended::Stop(Reason { code: reason.code.clone(), message, detail: reason.detail.clone() })))
            }
            OnFailure::DeadLetter => {
                self.send_dead_letter(at, batch, event, kind, reason, false)?;
                self.tally.dead_letters += 1;
                Ok(None)
            }
        }
    }

    /// Queues an event's dead letter. `cut` leaves its value out; a letter that is too large is cut by itself.
    pub(super) fn send_dead_letter(
        &mut self,
        at: Partition,
        batch: &Batch,
        event: usize,
        kind: &'static str,
        reason: &Reason,
        cut: bool,
    ) -> Result<(), Halt> {
        self.open_transaction()?;
        let version = self.running.version.clone();
        let circumstances = Circumstances {
            plugin: &self.spec.plugin.clone(),
            version: &version,
            topic: &batch.topic,
            partition: batch.partition,
            kind,
            reason,
        };
        let event = batch.event(event);
        match self.queue_dead_letter(at, &event, &circumstances, cut) {
            Err(SendError::Refused { code: "output-too-large", .. }) if !cut => {
                self.queue_dead_letter(at, &event, &circumstances, true)
            }
            sent => sent,
        }
        .map_err(|error| match error {
            SendError::Broken(why) => Halt::Broken(why),
            SendError::Abort(why) => Halt::RollBack(why),
            SendError::Refused { code, message } => Halt::Failed(Reason::new(
                code,
                format!(
                    "the dead letter of {}/{}/{} can't be written: {message}",
                    batch.topic, batch.partition, event.offset
                ),
            )),
        })
    }

    fn queue_dead_letter(
        &mut self,
        at: Partition,
        event: &EventRef<'_>,
        circumstances: &Circumstances<'_>,
        cut: bool,
    ) -> Result<(), SendError> {
        let headers = dead_letter::headers(event, circumstances, cut.then_some(event.value.map_or(0, <[u8]>::len)));
        let record = Outgoing {
            topic: self.spec.dead_letters(),
            partition: None,
            // The time of the failure, so that the topic's retention counts from there; the event's own is in a header.
            timestamp: None,
            key: event.key,
            value: if cut { None } else { event.value },
            headers: headers.columns().range(0, 0, headers.counts[0] as usize),
        };
        let cause = Cause { at, offset: event.offset as i64, dead_letter: true };
        self.outlet.send(record, cause.token())
    }

    fn warn(&mut self, at: Partition, batch: &Batch, event: usize, kind: &str, reason: &Reason) {
        if self.warned.is_some_and(|last| last.elapsed() < WARN_EVERY) {
            return;
        }
        self.warned = Some(Instant::now());
        tracing::warn!(
            plugin = &*self.spec.plugin,
            version = &*self.running.version,
            task = at.number,
            kind,
            code = reason.code,
            "event {}/{}/{} failed: {}",
            batch.topic,
            batch.partition,
            batch.event(event).offset,
            reason.message
        );
    }
}
