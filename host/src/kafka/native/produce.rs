//! Sending by topic handle: by name, librdkafka would look the topic up under a lock for each record.

use super::event::{Native, Polled};
use crate::kafka::edge::Outgoing;
use crate::kafka::reachability::Watch;
use rdkafka::bindings::{self, rd_kafka_vtype_t as vtype};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::BaseProducer;
use std::ffi::{CStr, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;

// The token of a record travels as librdkafka's opaque pointer.
const _: () = assert!(size_of::<usize>() >= size_of::<u64>());

/// A producer and the handles of its topics.
pub struct Sender {
    topics: Vec<NonNull<bindings::rd_kafka_topic_t>>,
    /// Must be dropped after the handles: [`Drop`] runs before the fields are dropped.
    polled: Polled<Arc<BaseProducer<Watch>>>,
}

// SAFETY: librdkafka's topic handles may be used from any thread.
unsafe impl Send for Sender {}

impl Sender {
    /// Fails if librdkafka does not take a topic's name, and says which by its index.
    pub fn new<'n>(
        polled: Polled<Arc<BaseProducer<Watch>>>,
        names: impl Iterator<Item = &'n CStr>,
    ) -> Result<Sender, (usize, RDKafkaErrorCode)> {
        let mut sender = Sender { topics: Vec::new(), polled };
        for (index, name) in names.enumerate() {
            // SAFETY: client and name live through the call; no configuration means the client's own.
            let topic = unsafe {
                bindings::rd_kafka_topic_new(sender.polled.client().handle(), name.as_ptr(), ptr::null_mut())
            };
            // SAFETY: reads the thread's last error.
            let refused = || (index, unsafe { bindings::rd_kafka_last_error() }.into());
            sender.topics.push(NonNull::new(topic).ok_or_else(refused)?);
        }
        Ok(sender)
    }

    /// The producer and its queue.
    pub fn polled(&self) -> &Polled<Arc<BaseProducer<Watch>>> {
        &self.polled
    }

    /// What a record's [`Message::is_of`](super::Message::is_of) asks for.
    pub fn topic(&self, index: usize) -> *const bindings::rd_kafka_topic_t {
        self.topics[index].as_ptr()
    }

    /// How many records were sent and not reported on yet.
    pub fn in_flight(&self) -> usize {
        // SAFETY: the client is live.
        unsafe { bindings::rd_kafka_outq_len(self.polled.client().handle()) }.max(0) as usize
    }

    /// Queues a record; its bytes are copied. `record.topic` must be in range, as with a slice.
    pub fn send(&self, record: &Outgoing<'_>, token: u64) -> Result<(), RDKafkaErrorCode> {
        let topic = self.topics[record.topic];
        let (key, key_length) = start(record.key);
        let (value, value_length) = start(record.value);
        let timestamp = match record.timestamp {
            // To librdkafka a zero is "now"; the next millisecond is the closest that can be said.
            Some(0) => 1,
            Some(timestamp) if timestamp > 0 => timestamp,
            _ => 0,
        };
        let headers = native_headers(record);
        // SAFETY: tags and arguments are those that the function's table asks for, in C's types; topic and client are
        // live; key, value and token are copied. It takes the headers only if it succeeds.
        let code = unsafe {
            bindings::rd_kafka_producev(
                self.polled.client().handle(),
                vtype::RD_KAFKA_VTYPE_RKT,
                topic.as_ptr(),
                vtype::RD_KAFKA_VTYPE_PARTITION,
                record.partition.unwrap_or(rdkafka::producer::PARTITION_UA),
                vtype::RD_KAFKA_VTYPE_MSGFLAGS,
                bindings::RD_KAFKA_MSG_F_COPY,
                vtype::RD_KAFKA_VTYPE_VALUE,
                value,
                value_length,
                vtype::RD_KAFKA_VTYPE_KEY,
                key,
                key_length,
                vtype::RD_KAFKA_VTYPE_OPAQUE,
                token as usize as *mut c_void,
                vtype::RD_KAFKA_VTYPE_TIMESTAMP,
                timestamp,
                vtype::RD_KAFKA_VTYPE_HEADERS,
                headers,
                vtype::RD_KAFKA_VTYPE_END,
            )
        };
        if code == bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Ok(());
        }
        if !headers.is_null() {
            // SAFETY: still ours after a failure.
            unsafe { bindings::rd_kafka_headers_destroy(headers) };
        }
        Err(code.into())
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        for topic in &self.topics {
            // SAFETY: ours, and given back once, while the client is still there.
            unsafe { bindings::rd_kafka_topic_destroy(topic.as_ptr()) }
        }
    }
}

/// A null pointer is null to Kafka; an empty slice has a pointer, and is empty.
fn start(bytes: Option<&[u8]>) -> (*mut c_void, usize) {
    match bytes {
        Some(bytes) => (bytes.as_ptr().cast::<c_void>().cast_mut(), bytes.len()),
        None => (ptr::null_mut(), 0),
    }
}

/// The record's headers in librdkafka's memory; null if it has none.
fn native_headers(record: &Outgoing<'_>) -> *mut bindings::rd_kafka_headers_t {
    if record.headers.len() == 0 {
        return ptr::null_mut();
    }
    // SAFETY: the new list is ours until it is given away, and copies names and values, whose lengths are given.
    unsafe {
        let headers = bindings::rd_kafka_headers_new(record.headers.len());
        for (name, value) in record.headers.clone() {
            let (start, length) = start(value);
            bindings::rd_kafka_header_add(headers, name.as_ptr().cast(), name.len() as isize, start, length as isize);
        }
        headers
    }
}
