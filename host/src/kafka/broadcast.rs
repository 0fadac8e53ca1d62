//! One record into every partition of a topic, or into none.

use super::client::ClientSettings;
use super::edge::{Offsets, Outgoing, Outlet};
use super::producer::{Producer, ProducerSpec};
use super::topics::Topics;
use std::time::{Duration, Instant};
use wasmill_contract::HeadersIter;

/// Brokers that have not acknowledged the records by then are away.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(20);

/// Between two looks whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Writes a record, with the time of now, into each partition of `topic`, and answers how many there are once all of them
/// are acknowledged. On brokers with transactions it is one, under the id `client_id`: nobody else may use that meanwhile.
/// Blocks; for a plain thread.
///
/// # Errors
/// The topic is missing, the record was refused, or the brokers did not answer in time: what is wrong, as a sentence.
pub fn broadcast(
    settings: &ClientSettings,
    client_id: &str,
    topic: &str,
    key: &[u8],
    value: Option<&[u8]>,
) -> Result<usize, String> {
    let counts = Topics::new(settings.clone()).describe(&[topic]).map_err(|error| error.to_string())?;
    let partitions = *counts.get(topic).ok_or_else(|| format!("there is no topic {topic}"))?;
    let transactional = settings.has_transactions();
    let spec = ProducerSpec {
        client_id: client_id.to_owned(),
        transactional_id: transactional.then(|| client_id.to_owned()),
        longest_call: Duration::ZERO,
        topics: vec![topic.to_owned()],
        watched: None,
    };
    let mut producer = Producer::new(settings, spec).map_err(|error| error.to_string())?;
    if transactional {
        producer.begin().map_err(|error| error.to_string())?;
    }
    if let Err(error) = send(&mut producer, partitions, key, value) {
        // One that is left open would hold back whoever reads the topic.
        if transactional && let Err(also) = producer.abort() {
            return Err(format!("{error}; and the transaction can't be aborted: {also}"));
        }
        return Err(error);
    }
    if transactional {
        producer.commit_with(Offsets::of_nobody(&[])).map_err(|error| error.to_string())?;
    }
    Ok(partitions as usize)
}

fn send(producer: &mut Producer, partitions: i32, key: &[u8], value: Option<&[u8]>) -> Result<(), String> {
    for partition in 0..partitions {
        let record = Outgoing {
            topic: 0,
            partition: Some(partition),
            timestamp: None,
            key: Some(key),
            value,
            headers: HeadersIter::default(),
        };
        producer.send(record, 0).map_err(|error| error.to_string())?;
    }
    producer.hurry();
    let deadline = Instant::now() + ACKNOWLEDGED_WITHIN;
    while producer.in_flight() > 0 && producer.broken().is_none() {
        if Instant::now() >= deadline {
            return Err(format!("the brokers have not acknowledged it within {} s", ACKNOWLEDGED_WITHIN.as_secs()));
        }
        producer.poll(LOOK_EVERY);
    }
    match (producer.broken(), producer.take_refused().pop()) {
        (Some(error), _) => Err(error),
        (None, Some(refused)) => Err(refused.message),
        (None, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Received, at, consumer, drive, settings, topic, unique};
    use super::*;
    use crate::config::Start;

    #[test]
    fn every_partition_gets_it_once() {
        let settings = settings();
        let topic = topic(&settings, 3);
        let id = unique("signals");
        assert_eq!(broadcast(&settings, &id, &topic, b"flush", Some(b"{}")), Ok(3));
        assert_eq!(broadcast(&settings, &id, &topic, b"stop", None), Ok(3));

        let mut consumer = consumer(&settings, &unique("group"), &[&topic], Start::Earliest);
        let mut received = Received::default();
        drive(&mut consumer, &mut received, |_, received| received.count() == 6);
        for number in 0..3 {
            assert_eq!(received.values(at(number)), ["{}", ""]);
        }
    }

    #[test]
    fn a_topic_that_is_missing_is_named() {
        let error = broadcast(&settings(), &unique("signals"), "nowhere-signals", b"flush", None).unwrap_err();
        assert_eq!(error, "there is no topic nowhere-signals");
    }
}
