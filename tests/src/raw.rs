//! The one place that talks to librdkafka itself: its Rust client takes and gives header names as texts only (and
//! panics on others), while Kafka allows any bytes.

use crate::Record;
use rdkafka::bindings::{
    RD_KAFKA_MSG_F_COPY, rd_kafka_error_code, rd_kafka_error_destroy, rd_kafka_header_get_all, rd_kafka_headers_t,
    rd_kafka_message_headers, rd_kafka_produceva, rd_kafka_resp_err_t, rd_kafka_s, rd_kafka_vtype_t, rd_kafka_vu_s,
    rd_kafka_vu_s__bindgen_ty_1 as Value, rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 as Memory,
    rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_2 as NamedValue,
};
use rdkafka::message::BorrowedMessage;
use std::ffi::{CStr, CString};
use std::ptr;

/// Name and value; null is None.
pub type RawHeader = (Vec<u8>, Option<Vec<u8>>);

/// A message's headers, in order.
#[allow(unsafe_code)]
pub fn headers_of(message: &BorrowedMessage<'_>) -> Vec<RawHeader> {
    let mut found = Vec::new();
    let mut headers: *mut rd_kafka_headers_t = ptr::null_mut();
    // SAFETY: the message lives through this function, and owns what the pointers below lead to. Names end with a zero
    // byte, values are as long as librdkafka says, and both are copied before anything else is called.
    unsafe {
        if ok(rd_kafka_message_headers(message.ptr(), &mut headers)) {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            while ok(rd_kafka_header_get_all(headers, found.len(), &mut name, &mut value, &mut size)) {
                let value = (!value.is_null()).then(|| std::slice::from_raw_parts(value.cast::<u8>(), size).to_vec());
                found.push((CStr::from_ptr(name).to_bytes().to_vec(), value));
            }
        }
    }
    found
}

/// Queues a record. The producer must be of a context whose deliveries carry nothing (`DeliveryOpaque = ()`).
#[allow(unsafe_code)]
pub fn produce(producer: *mut rd_kafka_s, topic: &str, record: &Record) -> Result<(), rd_kafka_resp_err_t> {
    use rd_kafka_vtype_t::{
        RD_KAFKA_VTYPE_HEADER, RD_KAFKA_VTYPE_KEY, RD_KAFKA_VTYPE_MSGFLAGS, RD_KAFKA_VTYPE_PARTITION,
        RD_KAFKA_VTYPE_TIMESTAMP, RD_KAFKA_VTYPE_TOPIC, RD_KAFKA_VTYPE_VALUE,
    };
    const BY_KEY: i32 = -1;
    const NOW: i64 = 0;
    let zero_ended = |text: &[u8]| CString::new(text).expect("a name with a zero byte, which librdkafka cannot take");
    let topic = zero_ended(topic.as_bytes());
    let names: Vec<CString> = record.headers.iter().map(|(name, _)| zero_ended(name)).collect();

    let entry = |vtype, u| rd_kafka_vu_s { vtype, u };
    let memory = |bytes: &Option<Vec<u8>>| {
        let (pointer, size) = start_and_length(bytes);
        Value { mem: Memory { ptr: pointer.cast_mut(), size } }
    };
    let mut entries = vec![
        entry(RD_KAFKA_VTYPE_TOPIC, Value { cstr: topic.as_ptr() }),
        entry(RD_KAFKA_VTYPE_PARTITION, Value { i32_: record.partition.unwrap_or(BY_KEY) }),
        entry(RD_KAFKA_VTYPE_MSGFLAGS, Value { i: RD_KAFKA_MSG_F_COPY }),
        entry(RD_KAFKA_VTYPE_TIMESTAMP, Value { i64_: record.timestamp.unwrap_or(NOW) }),
        entry(RD_KAFKA_VTYPE_KEY, memory(&record.key)),
        entry(RD_KAFKA_VTYPE_VALUE, memory(&record.value)),
    ];
    for (name, (_, value)) in names.iter().zip(&record.headers) {
        let (val, size) = start_and_length(value);
        // A length is at most isize::MAX.
        entries.push(entry(
            RD_KAFKA_VTYPE_HEADER,
            Value { header: NamedValue { name: name.as_ptr(), val, size: size as isize } },
        ));
    }
    // SAFETY: the producer is alive, each entry has the member that its type asks for, and all pointers lead to bytes
    // that live through the call; librdkafka copies them (MSG_F_COPY, and headers always). The error is destroyed once.
    unsafe {
        let error = rd_kafka_produceva(producer, entries.as_ptr(), entries.len());
        if error.is_null() {
            return Ok(());
        }
        let code = rd_kafka_error_code(error);
        rd_kafka_error_destroy(error);
        Err(code)
    }
}

fn start_and_length(bytes: &Option<Vec<u8>>) -> (*const std::ffi::c_void, usize) {
    bytes.as_ref().map_or((ptr::null(), 0), |bytes| (bytes.as_ptr().cast(), bytes.len()))
}

fn ok(code: rd_kafka_resp_err_t) -> bool {
    code == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
}
