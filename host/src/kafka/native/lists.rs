//! Lists of partitions, and the commit of one.

use super::event::{Event, Kind};
use super::text;
use rdkafka::TopicPartitionList;
use rdkafka::bindings;
use rdkafka::client::NativeClient;
use rdkafka::error::RDKafkaErrorCode;
use std::time::{Duration, Instant};

/// One element of a list of partitions. rdkafka's view of it panics on text that is not UTF-8, which another
/// program may have written into the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The topic.
    pub topic: String,
    /// Partition number.
    pub number: i32,
    /// An offset, or below zero one of librdkafka's signs for "none".
    pub offset: i64,
    /// What went wrong with this one.
    pub code: RDKafkaErrorCode,
    /// The text committed with the offset.
    pub metadata: Vec<u8>,
}

/// The elements of a list.
pub fn elements(list: &TopicPartitionList) -> Vec<Listed> {
    // SAFETY: the list is live as long as the borrow.
    unsafe { read(list.ptr()) }
}

/// # Safety
/// `list` must be null or a list that lives through the call.
pub(super) unsafe fn read(list: *const bindings::rd_kafka_topic_partition_list_t) -> Vec<Listed> {
    // SAFETY: null, or a live list with `cnt` elements.
    let Some(list) = (unsafe { list.as_ref() }) else { return Vec::new() };
    // SAFETY: `index` is below `cnt`.
    (0..list.cnt.max(0) as usize).map(|index| unsafe { listed(&*list.elems.add(index)) }).collect()
}

/// # Safety
/// What the element points to must live through the call.
pub(super) unsafe fn listed(element: &bindings::rd_kafka_topic_partition_t) -> Listed {
    // SAFETY: topic and metadata belong to the element and are copied.
    unsafe {
        let metadata = match element.metadata.is_null() {
            true => Vec::new(),
            false => std::slice::from_raw_parts(element.metadata.cast::<u8>(), element.metadata_size).to_vec(),
        };
        Listed {
            topic: text(element.topic),
            number: element.partition,
            offset: element.offset,
            code: element.err.into(),
            metadata,
        }
    }
}

/// A commit that was asked for: librdkafka's own synchronous one waits forever. Must be dropped before its client.
pub struct Commit(Answers);

impl Commit {
    /// Asks for it.
    pub fn ask(client: &NativeClient, offsets: &TopicPartitionList) -> Result<Self, RDKafkaErrorCode> {
        let answers = Answers::new(client);
        // SAFETY: client, list and queue live through the call, which copies the list. Without a callback the answer
        // comes as an event. Should it come after the queue is gone, librdkafka drops it.
        let code = unsafe {
            bindings::rd_kafka_commit_queue(client.ptr(), offsets.ptr(), answers.queue, None, std::ptr::null_mut())
        };
        failed(code.into())?;
        Ok(Commit(answers))
    }

    /// The answer, which is waited for so long: each partition, or the error of the whole.
    pub fn answered(&self, wait: Duration) -> Option<Result<Vec<Listed>, RDKafkaErrorCode>> {
        let deadline = Instant::now() + wait;
        loop {
            let event = self.0.poll(deadline.saturating_duration_since(Instant::now()))?;
            if event.kind() == Kind::Commit {
                let partitions = event.partitions();
                // With an error of a partition librdkafka may give the whole one, too; the partition's tells more.
                let own = partitions.iter().map(|listed| listed.code).find(|code| *code != RDKafkaErrorCode::NoError);
                return Some(match own.unwrap_or(event.code()) {
                    RDKafkaErrorCode::NoError => Ok(partitions),
                    code => Err(code),
                });
            }
        }
    }
}

fn failed(code: RDKafkaErrorCode) -> Result<(), RDKafkaErrorCode> {
    if code == RDKafkaErrorCode::NoError { Ok(()) } else { Err(code) }
}

/// A queue for the answer to one request.
pub(super) struct Answers {
    queue: *mut bindings::rd_kafka_queue_t,
}

// SAFETY: librdkafka's queues may be used from any thread.
unsafe impl Send for Answers {}

impl Answers {
    pub(super) fn new(client: &NativeClient) -> Self {
        // SAFETY: the client is live; the new queue is ours.
        Answers { queue: unsafe { bindings::rd_kafka_queue_new(client.ptr()) } }
    }

    /// The queue itself; live as long as `self`.
    pub(super) fn raw(&self) -> *mut bindings::rd_kafka_queue_t {
        self.queue
    }

    pub(super) fn poll(&self, wait: Duration) -> Option<Event<'_>> {
        let milliseconds = wait.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32;
        // SAFETY: the queue is live as long as `self`, and the event is ours.
        unsafe { Event::from_raw(bindings::rd_kafka_queue_poll(self.queue, milliseconds)) }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        // SAFETY: ours, and destroyed once.
        unsafe { bindings::rd_kafka_queue_destroy(self.queue) }
    }
}
