//! What rdkafka's safe interface does not give: header names that are not UTF-8, events without an allocation each,
//! records sent by topic handle, a commit that can time out, cached watermarks. All of the host's `unsafe` for
//! librdkafka is in this folder, and what it lends out is safe.

mod event;
mod identity;
mod lists;
mod message;
mod produce;

pub use event::{Event, Kind, Polled};
pub use identity::topic_id;
pub use lists::{Commit, Listed, elements};
pub use message::Message;
pub use produce::Sender;

use rdkafka::bindings;
use rdkafka::client::NativeClient;
use std::ffi::CStr;
use std::os::raw::c_char;

/// The offset after the last event that the last answered fetch told of. Asks nobody.
pub fn end_offset(client: &NativeClient, topic: &CStr, partition: i32) -> Option<i64> {
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client and the topic's name live through the call, which only reads them and writes two integers.
    let code = unsafe {
        bindings::rd_kafka_get_watermark_offsets(client.ptr(), topic.as_ptr(), partition, &mut low, &mut high)
    };
    (code == bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// Has what lingers in a producer's batches sent at once, and waits for a millisecond: long enough for its threads to
/// wake up.
pub fn hurry(client: &NativeClient) {
    // SAFETY: the client lives through the call. That not everything is acknowledged by then is no error here.
    unsafe { bindings::rd_kafka_flush(client.ptr(), 1) };
}

/// The partition of a key among so many, at least one, as the Java client has it.
pub fn partition_of(key: &[u8], count: i32) -> i32 {
    // SAFETY: of its arguments the function reads the key, and none of the pointers that are null here.
    unsafe {
        bindings::rd_kafka_msg_partitioner_murmur2(
            std::ptr::null(),
            key.as_ptr().cast(),
            key.len(),
            count,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    }
}

/// Sets how long the mock cluster of `client` holds back the first rebalance of a group. None is done if it has none.
pub fn set_initial_rebalance_delay(client: &NativeClient, milliseconds: i32) {
    // SAFETY: the cluster belongs to the client, which lives through both calls; the setter takes the cluster's lock.
    unsafe {
        let cluster = bindings::rd_kafka_handle_mock_cluster(client.ptr());
        if !cluster.is_null() {
            bindings::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, milliseconds);
        }
    }
}

/// Copies a C string; empty if there is none.
///
/// # Safety
/// `text` must be null or point to a NUL-terminated string that lives through the call.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and the caller vouches for the rest.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
