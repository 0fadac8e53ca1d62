//! Events of a client, straight from its queue.

use super::lists::{Listed, listed, read};
use super::message::Message;
use super::text;
use crate::kafka::reachability::Watch;
use rdkafka::TopicPartitionList;
use rdkafka::bindings;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, Producer};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

/// A client that events can be taken from.
///
/// # Safety
/// `queue` must answer a queue of this client, with a reference of its own.
pub unsafe trait Native {
    /// librdkafka's handle.
    fn handle(&self) -> *mut bindings::rd_kafka_t;
    /// The queue that all its events come through.
    fn queue(&self) -> *mut bindings::rd_kafka_queue_t;
}

// SAFETY: the getter adds a reference, and the consumer's queue is where rdkafka has redirected everything to.
unsafe impl Native for BaseConsumer<Watch> {
    fn handle(&self) -> *mut bindings::rd_kafka_t {
        self.client().native_ptr()
    }

    fn queue(&self) -> *mut bindings::rd_kafka_queue_t {
        // SAFETY: the handle is live as long as `self`.
        unsafe { bindings::rd_kafka_queue_get_consumer(self.handle()) }
    }
}

// SAFETY: the getter adds a reference, and delivery reports go to the main queue.
unsafe impl Native for BaseProducer<Watch> {
    fn handle(&self) -> *mut bindings::rd_kafka_t {
        self.client().native_ptr()
    }

    fn queue(&self) -> *mut bindings::rd_kafka_queue_t {
        // SAFETY: the handle is live as long as `self`.
        unsafe { bindings::rd_kafka_queue_get_main(self.handle()) }
    }
}

// SAFETY: as for what it points to, which lives as long as any of its pointers.
unsafe impl<T: Native> Native for Arc<T> {
    fn handle(&self) -> *mut bindings::rd_kafka_t {
        T::handle(self)
    }

    fn queue(&self) -> *mut bindings::rd_kafka_queue_t {
        T::queue(self)
    }
}

/// A client and its queue. rdkafka's own `poll` allocates for each message; this one does not.
pub struct Polled<T: Native> {
    queue: NonNull<bindings::rd_kafka_queue_t>,
    /// Must be dropped after the queue: [`Drop`] runs before the fields are dropped.
    client: T,
}

// SAFETY: librdkafka's queues may be used from any thread.
unsafe impl<T: Native + Send> Send for Polled<T> {}

impl<T: Native> Polled<T> {
    /// None if the client has no such queue.
    pub fn new(client: T) -> Option<Self> {
        Some(Polled { queue: NonNull::new(client.queue())?, client })
    }

    /// The client.
    pub fn client(&self) -> &T {
        &self.client
    }

    /// Waits up to `wait` for the next event.
    pub fn poll(&self, wait: Duration) -> Option<Event<'_>> {
        // Rounded up: a wait of less than a millisecond must not become a busy loop.
        let milliseconds = wait.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32;
        // SAFETY: the queue is live as long as `self`, and so is what it hands out.
        let event = unsafe { bindings::rd_kafka_queue_poll(self.queue.as_ptr(), milliseconds) };
        NonNull::new(event).map(|event| Event { event, client: PhantomData })
    }
}

impl<T: Native> Drop for Polled<T> {
    fn drop(&mut self) {
        // SAFETY: the reference that `new` took, given back once, while the client is still there.
        unsafe { bindings::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A record that was fetched.
    Fetch,
    /// The fate of records that were sent.
    Delivery,
    /// The group's assignment changes.
    Rebalance,
    /// Something failed.
    Error,
    /// A line of librdkafka's log.
    Log,
    /// The answer to a commit.
    Commit,
    /// The answer to [`Polled::ask_for_ends`].
    Ends,
    /// Nothing that the host asked for.
    Other,
}

/// An event, until it is dropped.
pub struct Event<'a> {
    event: NonNull<bindings::rd_kafka_event_t>,
    client: PhantomData<&'a ()>,
}

/// What an error event says.
#[derive(Debug)]
pub struct Failed {
    /// What went wrong.
    pub code: RDKafkaErrorCode,
    /// In librdkafka's words.
    pub text: String,
    /// Whether the client is of no use any more.
    pub fatal: bool,
    /// Topic and partition, if it is about one.
    pub at: Option<(String, i32)>,
}

impl Event<'_> {
    /// # Safety
    /// `event` must be owned by the caller, and not outlive `'a`.
    pub(super) unsafe fn from_raw(event: *mut bindings::rd_kafka_event_t) -> Option<Self> {
        NonNull::new(event).map(|event| Event { event, client: PhantomData })
    }

    /// The event itself; live as long as `self`.
    pub(super) fn raw(&self) -> *mut bindings::rd_kafka_event_t {
        self.event.as_ptr()
    }

    /// Whether it answers what a topic is.
    pub(super) fn is_description(&self) -> bool {
        // SAFETY: the event is live as long as `self`.
        unsafe { bindings::rd_kafka_event_type(self.raw()) == bindings::RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT }
    }

    /// What it is about.
    pub fn kind(&self) -> Kind {
        // SAFETY: the event is live as long as `self`.
        match unsafe { bindings::rd_kafka_event_type(self.event.as_ptr()) } {
            bindings::RD_KAFKA_EVENT_FETCH => Kind::Fetch,
            bindings::RD_KAFKA_EVENT_DR => Kind::Delivery,
            bindings::RD_KAFKA_EVENT_REBALANCE => Kind::Rebalance,
            bindings::RD_KAFKA_EVENT_ERROR => Kind::Error,
            bindings::RD_KAFKA_EVENT_LOG => Kind::Log,
            bindings::RD_KAFKA_EVENT_OFFSET_COMMIT => Kind::Commit,
            bindings::RD_KAFKA_EVENT_LISTOFFSETS_RESULT => Kind::Ends,
            _ => Kind::Other,
        }
    }

    /// The next of its records: one if it was fetched, any number if they were sent.
    pub fn message(&mut self) -> Option<Message<'_>> {
        // SAFETY: the event owns the message and lives as long as the borrow of `self`.
        unsafe { bindings::rd_kafka_event_message_next(self.event.as_ptr()).as_ref() }.map(Message::new)
    }

    /// The error that it carries; `NoError` if none.
    pub fn code(&self) -> RDKafkaErrorCode {
        // SAFETY: the event is live as long as `self`.
        unsafe { bindings::rd_kafka_event_error(self.event.as_ptr()) }.into()
    }

    /// All that it says about what failed.
    pub fn failed(&self) -> Failed {
        let event = self.event.as_ptr();
        // SAFETY: the event is live as long as `self`; its text is copied; the partition is a copy that we own.
        unsafe {
            let at = bindings::rd_kafka_event_topic_partition(event);
            let named = at.as_ref().map(|at| (text(at.topic), at.partition));
            if !at.is_null() {
                bindings::rd_kafka_topic_partition_destroy(at);
            }
            Failed {
                code: self.code(),
                text: text(bindings::rd_kafka_event_error_string(event)),
                fatal: bindings::rd_kafka_event_error_is_fatal(event) != 0,
                at: named,
            }
        }
    }

    /// Level, facility and line of a log event.
    pub fn log(&self) -> Option<(i32, String, String)> {
        let (mut facility, mut line, mut level) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the event is live as long as `self`, and both texts are copied.
        unsafe {
            let code = bindings::rd_kafka_event_log(self.event.as_ptr(), &mut facility, &mut line, &mut level);
            (code == 0).then(|| (level, text(facility), text(line)))
        }
    }

    /// The partitions of a rebalance or a commit.
    pub fn partitions(&self) -> Vec<Listed> {
        // SAFETY: the list belongs to the event, which is live as long as `self`; it is copied.
        unsafe { read(bindings::rd_kafka_event_topic_partition_list(self.event.as_ptr())) }
    }

    /// Partitions with their end offsets; none if this is no such answer, or nobody has given it.
    pub fn ends(&self) -> Vec<Listed> {
        let mut count = 0;
        // SAFETY: result, infos and partitions belong to the event, which is live as long as `self`; they are copied.
        unsafe {
            let result = bindings::rd_kafka_event_ListOffsets_result(self.event.as_ptr());
            if result.is_null() {
                return Vec::new();
            }
            let infos = bindings::rd_kafka_ListOffsets_result_infos(result, &mut count);
            let end = |index| listed(&*bindings::rd_kafka_ListOffsetsResultInfo_topic_partition(*infos.add(index)));
            (0..count).map(end).collect()
        }
    }
}

impl<T: Native> Polled<T> {
    /// Asks the brokers where these partitions end, and does not wait: the answer comes as an event, with an error in it
    /// at the latest after `within`. Each partition may be in the list once.
    pub fn ask_for_ends(&self, partitions: &TopicPartitionList, within: Duration) {
        let milliseconds = within.as_millis().min(i32::MAX as u128) as i32;
        // SAFETY: client and queue are live as long as `self`; the call copies the list and the options, which are ours
        // and destroyed once. A time-out that is not taken leaves the client's own; there is room for no text about it.
        unsafe {
            let client = self.client.handle();
            let options = bindings::rd_kafka_AdminOptions_new(
                client,
                bindings::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS,
            );
            bindings::rd_kafka_AdminOptions_set_request_timeout(options, milliseconds, ptr::null_mut(), 0);
            bindings::rd_kafka_ListOffsets(client, partitions.ptr(), options, self.queue.as_ptr());
            bindings::rd_kafka_AdminOptions_destroy(options);
        }
    }
}

impl Drop for Event<'_> {
    fn drop(&mut self) {
        // SAFETY: owned, and destroyed once.
        unsafe { bindings::rd_kafka_event_destroy(self.event.as_ptr()) }
    }
}
