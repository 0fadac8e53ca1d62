//! The id of a topic: it tells a topic from another one that was made under the same name later.

use super::event::Event;
use super::lists::Answers;
use rdkafka::bindings;
use rdkafka::client::NativeClient;
use std::ffi::CStr;
use std::ptr;
use std::time::{Duration, Instant};

/// Asks for a topic's id, in base64. None: nobody answered in time, or there is no such topic.
pub fn topic_id(client: &NativeClient, topic: &CStr, wait: Duration) -> Option<String> {
    let answers = Answers::new(client);
    let mut names = [topic.as_ptr()];
    // SAFETY: the collection copies the names; client and queue live through the call; no options are the defaults. The
    // collection is ours, and destroyed once.
    unsafe {
        let topics = bindings::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        bindings::rd_kafka_DescribeTopics(client.ptr(), topics, ptr::null(), answers.raw());
        bindings::rd_kafka_TopicCollection_destroy(topics);
    }
    let deadline = Instant::now() + wait;
    loop {
        let event = answers.poll(deadline.saturating_duration_since(Instant::now()))?;
        if event.is_description() {
            return described(&event);
        }
    }
}

fn described(event: &Event<'_>) -> Option<String> {
    let mut count = 0;
    // SAFETY: the result and all within it belong to the event, which lives through this; there are `count` descriptions,
    // and the text is copied.
    unsafe {
        let result = bindings::rd_kafka_event_DescribeTopics_result(event.raw());
        if result.is_null() {
            return None;
        }
        let topics = bindings::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        if topics.is_null() || count == 0 {
            return None;
        }
        let id = bindings::rd_kafka_TopicDescription_topic_id(*topics);
        if id.is_null() {
            return None;
        }
        Some(super::text(bindings::rd_kafka_Uuid_base64str(id))).filter(|id| !id.is_empty())
    }
}
