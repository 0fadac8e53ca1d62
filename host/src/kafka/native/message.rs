//! A record as librdkafka holds it: fetched, or sent and reported on.

use rdkafka::bindings;
use rdkafka::error::RDKafkaErrorCode;
use std::ffi::CStr;
use std::marker::PhantomData;
use std::os::raw::{c_char, c_void};
use std::ptr;

/// The longest header name that is believed; Kafka itself has no limit but the record's size.
const LONGEST_NAME: usize = 1 << 20;

/// A record, borrowed from its event.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    message: &'a bindings::rd_kafka_message_t,
}

impl<'a> Message<'a> {
    pub(super) fn new(message: &'a bindings::rd_kafka_message_t) -> Self {
        Message { message }
    }

    /// The topic.
    pub fn topic(&self) -> &'a CStr {
        // SAFETY: a message holds a reference to its topic, whose name does not change.
        unsafe { CStr::from_ptr(bindings::rd_kafka_topic_name(self.message.rkt)) }
    }

    /// Partition number.
    pub fn partition(&self) -> i32 {
        self.message.partition
    }

    /// Offset in the partition.
    pub fn offset(&self) -> i64 {
        self.message.offset
    }

    /// Milliseconds since the Unix epoch; -1 if it has none.
    pub fn timestamp(&self) -> i64 {
        let mut kind = bindings::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is live.
        let timestamp = unsafe { bindings::rd_kafka_message_timestamp(self.message, &mut kind) };
        match kind {
            bindings::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => -1,
            _ => timestamp,
        }
    }

    /// The key; None is a null one.
    pub fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: pointer and length are those of the message's key.
        unsafe { bytes(self.message.key, self.message.key_len) }
    }

    /// The value; None is a null one.
    pub fn value(&self) -> Option<&'a [u8]> {
        // SAFETY: pointer and length are those of the message's value.
        unsafe { bytes(self.message.payload, self.message.len) }
    }

    /// The headers, in order.
    pub fn headers(&self) -> HeaderList<'a> {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is live, and nobody else reads it: the call parses the headers into it. Without any (or
        // after an error) the pointer stays null.
        unsafe { bindings::rd_kafka_message_headers(self.message, &mut headers) };
        HeaderList { headers, next: 0, message: PhantomData }
    }

    /// Whether it is of the topic behind a handle of its client.
    pub fn is_of(&self, topic: *const bindings::rd_kafka_topic_t) -> bool {
        std::ptr::eq(self.message.rkt, topic)
    }

    /// What became of it.
    pub fn code(&self) -> RDKafkaErrorCode {
        self.message.err.into()
    }

    /// Where librdkafka's text about a refused record stands. Only for comparing: the text itself may have been freed
    /// before the report was handed out (librdkafka 2.12.1), so it must not be read.
    pub fn reason(&self) -> usize {
        // SAFETY: the message is live, and the answer is taken as a number.
        unsafe { bindings::rd_kafka_message_produce_errstr(self.message) as usize }
    }

    /// What it was sent with.
    pub fn token(&self) -> u64 {
        self.message._private as usize as u64
    }
}

/// # Safety
/// `start` must be null or the start of `length` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    if start.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller vouches for the rest.
    Some(unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) })
}

/// Walks the headers of a record: names in any bytes, and values that may be null.
pub struct HeaderList<'a> {
    headers: *const bindings::rd_kafka_headers_t,
    next: usize,
    message: PhantomData<&'a ()>,
}

impl<'a> Iterator for HeaderList<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.headers.is_null() {
            return None;
        }
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the headers belong to the message, which lives for `'a`; an index after the last is an error code.
        let code =
            unsafe { bindings::rd_kafka_header_get_all(self.headers, self.next, &mut name, &mut value, &mut size) };
        if code != bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        self.next += 1;
        // SAFETY: both are of one header, which lives for `'a`; value and size belong together.
        unsafe { Some((whole_name(name, value), bytes(value, size))) }
    }
}

/// librdkafka lends a name without its length, so one with a NUL inside would come out cut. But it stores the value right
/// behind the name's own terminator, and so tells where the name ends; of a header without value it cannot be told.
///
/// # Safety
/// `name` and `value` must be those of one header of the librdkafka that is linked in, and live for `'a`.
unsafe fn whole_name<'a>(name: *const c_char, value: *const c_void) -> &'a [u8] {
    // SAFETY: a name is NUL-terminated.
    let cut = unsafe { CStr::from_ptr(name) }.to_bytes();
    let length = (value as usize).wrapping_sub(name as usize).wrapping_sub(1);
    if value.is_null() || length <= cut.len() || length > LONGEST_NAME {
        return cut;
    }
    // SAFETY: name and value are in one allocation, the value after the name: `rd_kafka_header_add` of the bundled,
    // statically linked librdkafka, which a test of this crate's consumer holds to it.
    unsafe { std::slice::from_raw_parts(name.cast::<u8>(), length) }
}
