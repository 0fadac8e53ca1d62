//! A commit of offsets that the group has not answered yet.

use super::{BACK_OFF, not_committed};
use crate::kafka::edge::SourceError;
use crate::kafka::errors::{is_stale, is_transient};
use crate::kafka::native::Commit;
use rdkafka::TopicPartitionList;
use rdkafka::client::NativeClient;
use rdkafka::error::RDKafkaErrorCode as Code;
use std::thread;
use std::time::{Duration, Instant};

/// So long it is asked for again if the answer is that brokers are away, and so long each answer may take. librdkafka
/// keeps a commit while the group's coordinator is away, for one session, which lasts 45 s unless configured otherwise. A
/// commit that is given up before is still kept, and with it whoever drops the consumer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A commit that was asked for. Must be dropped before its client.
pub(super) struct Pending {
    commit: Commit,
    offsets: TopicPartitionList,
    since: Instant,
    asked: Instant,
}

impl Pending {
    /// Asks for it.
    pub fn ask(client: &NativeClient, offsets: TopicPartitionList) -> Result<Self, SourceError> {
        let (commit, now) = (Commit::ask(client, &offsets).map_err(not_committed)?, Instant::now());
        Ok(Pending { commit, offsets, since: now, asked: now })
    }

    /// The answer, which is waited for so long. None: not yet.
    pub fn answered(&mut self, client: &NativeClient, wait: Duration) -> Option<Result<(), SourceError>> {
        match self.commit.answered(wait) {
            Some(Ok(_)) => Some(Ok(())),
            Some(Err(code)) if is_stale(code) => Some(Err(SourceError::Stale(code.to_string()))),
            Some(Err(code)) if is_transient(code) && self.since.elapsed() < PATIENCE => {
                thread::sleep(BACK_OFF);
                match Commit::ask(client, &self.offsets) {
                    Ok(commit) => {
                        (self.commit, self.asked) = (commit, Instant::now());
                        None
                    }
                    Err(code) => Some(Err(not_committed(code))),
                }
            }
            Some(Err(code)) => Some(Err(not_committed(code))),
            None if self.asked.elapsed() < PATIENCE => None,
            None => Some(Err(not_committed(Code::OperationTimedOut))),
        }
    }
}
