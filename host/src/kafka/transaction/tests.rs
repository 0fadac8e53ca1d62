//! Transactions on a real broker. The embedded one has none, so these do nothing there.

use super::*;
use crate::config::Start;
use crate::kafka::client::ClientSettings;
use crate::kafka::edge::{Offsets, Outlet, SendError, Source};
use crate::kafka::producer::{Producer as Outgoing, ProducerSpec};
use crate::kafka::testing::*;
use wasmill_contract::Headers;

fn transactional(settings: &ClientSettings, id: &str, topic: &str) -> Outgoing {
    let spec = ProducerSpec {
        client_id: unique("producer"),
        transactional_id: Some(id.to_owned()),
        longest_call: Duration::ZERO,
        topics: vec![topic.to_owned()],
        watched: Some(0),
    };
    Outgoing::new(settings, spec).unwrap()
}

fn send(producer: &mut Outgoing, value: &str) {
    producer.send(record(0, value, &Headers::default()), 7).unwrap();
}

fn nothing() -> Offsets {
    Offsets::of_nobody(&[])
}

/// What a reader of committed records sees, up to `last`.
fn seen(settings: &ClientSettings, topic: &str, last: &str) -> Vec<String> {
    let mut received = Received::default();
    let mut consumer = consumer(settings, &unique("group"), &[topic], Start::Earliest);
    drive(&mut consumer, &mut received, |_, received| received.values(at(0)).iter().any(|value| value == last));
    received.values(at(0))
}

#[test]
fn only_what_was_committed_is_seen() {
    let settings = settings();
    if !settings.has_transactions() {
        return;
    }
    let topic = topic(&settings, 1);
    let mut producer = transactional(&settings, &unique("id"), &topic);
    for (value, commits) in [("one", true), ("two", false), ("three", true)] {
        producer.begin().unwrap();
        send(&mut producer, value);
        if commits {
            drain(&mut producer);
            producer.commit_with(nothing()).unwrap();
        } else {
            producer.abort().unwrap();
        }
    }
    assert_eq!(seen(&settings, &topic, "three"), ["one", "three"]);
    // Offsets count the markers of the transactions; what was aborted before it was sent has no offset.
    assert!(producer.take_end(0).is_some_and(|end| end >= 3));
    assert_eq!((producer.take_end(0), producer.broken()), (None, None));
}

#[test]
fn a_second_producer_of_the_same_id_fences_the_first_and_takes_back_what_it_had_open() {
    let settings = settings();
    if !settings.has_transactions() {
        return;
    }
    let topic = topic(&settings, 1);
    let id = unique("id");
    let mut first = transactional(&settings, &id, &topic);
    first.begin().unwrap();
    send(&mut first, "lost");
    drain(&mut first);
    let mut second = transactional(&settings, &id, &topic);
    second.begin().unwrap();
    send(&mut second, "kept");
    drain(&mut second);
    second.commit_with(nothing()).unwrap();
    assert!(matches!(first.commit_with(nothing()), Err(TransactionError::Broken(_))));
    assert_eq!(seen(&settings, &topic, "kept"), ["kept"]);
}

#[test]
fn after_a_refused_record_the_transaction_is_aborted_and_the_producer_goes_on() {
    let settings = settings();
    if !settings.has_transactions() {
        return;
    }
    let topic = topic(&settings, 1);
    let mut producer = transactional(&settings, &unique("id"), &topic);
    producer.begin().unwrap();
    send(&mut producer, "innocent");
    // A day ahead, which the broker refuses.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    let none = Headers::default();
    let guilty = crate::kafka::edge::Outgoing { timestamp: Some(now + 86_400_000), ..record(0, "guilty", &none) };
    producer.send(guilty, 42).unwrap();
    let deadline = Instant::now() + super::PATIENCE;
    let mut refused = Vec::new();
    while refused.is_empty() && Instant::now() < deadline {
        crate::kafka::edge::Outlet::poll(&mut producer, Duration::from_millis(5));
        refused = producer.take_refused();
    }
    // Of two in a batch nobody can say which it was.
    assert!(refused.iter().any(|refused| refused.token == 42 && refused.code == "output-timestamp"), "{refused:?}");
    let more = producer.send(record(0, "more", &Headers::default()), 1);
    assert!(matches!(more, Err(SendError::Abort(_))), "{more:?}");
    producer.abort().unwrap();
    producer.begin().unwrap();
    send(&mut producer, "after");
    drain(&mut producer);
    producer.commit_with(nothing()).unwrap();
    assert_eq!(seen(&settings, &topic, "after"), ["after"]);
}

#[test]
fn offsets_and_stream_time_are_committed_with_the_outputs_and_never_by_a_member_that_was_left_behind() {
    let settings = settings();
    if !settings.has_transactions() {
        return;
    }
    let (input, output) = (topic(&settings, 1), topic(&settings, 1));
    let group = unique("group");
    let (member, owned) = joined(&settings, &group, &input, Start::Earliest, 1);
    let mut producer = transactional(&settings, &unique("id"), &output);
    let position = |offset| crate::event::Position { at: at(0), offset, stream_time: 1234 };
    producer.begin().unwrap();
    send(&mut producer, "one");
    drain(&mut producer);
    producer.commit_with(member.offsets(&[position(5)]).unwrap()).unwrap();

    let stale = member.offsets(&[position(9)]).unwrap();
    let numbers: Vec<_> = owned.iter().map(|position| position.at).collect();
    leave(member, &numbers);
    let (_next, began) = joined(&settings, &group, &input, Start::Earliest, 1);
    assert_eq!(began, [position(5)]);
    producer.begin().unwrap();
    send(&mut producer, "two");
    drain(&mut producer);
    let refused = producer.commit_with(stale);
    assert!(matches!(refused, Err(TransactionError::Abort(_))), "{refused:?}");
    producer.abort().unwrap();

    assert_eq!(producer.broken(), None);
}

#[test]
fn a_fatal_error_breaks_the_producer_whatever_else_it_says() {
    assert_eq!(meaning(true, true, true, Code::ProducerFenced), Meaning::Broken);
    assert_eq!(meaning(false, true, true, Code::Fenced), Meaning::Broken);
}

#[test]
fn what_requires_an_abort_is_aborted_even_if_it_could_be_tried_again() {
    assert_eq!(meaning(false, true, true, Code::MessageSizeTooLarge), Meaning::Abort);
}

#[test]
fn a_member_that_the_group_went_on_without_aborts() {
    for code in [Code::IllegalGeneration, Code::UnknownMemberId, Code::RebalanceInProgress] {
        assert_eq!(meaning(false, false, false, code), Meaning::Abort, "{code}");
    }
}

#[test]
fn what_is_retriable_or_timed_out_is_tried_again() {
    assert_eq!(meaning(false, false, true, Code::CoordinatorLoadInProgress), Meaning::Again);
    assert_eq!(meaning(false, false, false, Code::OperationTimedOut), Meaning::Again);
}

#[test]
fn anything_else_breaks_the_producer() {
    assert_eq!(meaning(false, false, false, Code::State), Meaning::Broken);
    assert_eq!(meaning(false, false, false, Code::TransactionalIdAuthorizationFailed), Meaning::Broken);
}

#[test]
fn a_call_that_hangs_is_left_behind() {
    let (end, ended) = mpsc::channel::<()>();
    let hang = move || {
        let _ = ended.recv();
        Ok(())
    };
    let mut hanging = Request::start("asking", "after-offsets", hang).unwrap();
    let (limit, wait) = (Duration::from_millis(50), Duration::from_millis(1));

    assert_eq!(hanging.answered_within(limit, wait), None);
    std::thread::sleep(limit);
    let answer = hanging.answered_within(limit, wait);
    assert_eq!(answer, Some(Err(TransactionError::Broken("asking: there was no answer within 50ms".to_owned()))));
    drop(end);
}

#[test]
fn a_call_that_is_made_again_is_waited_for_anew() {
    let mut calls = 0;
    let twice = move || {
        calls += 1;
        if calls == 1 { Err(KafkaError::Flush(Code::OperationTimedOut)) } else { Ok(()) }
    };
    let mut request = Request::start("asking", "after-offsets", twice).unwrap();
    let wait = super::PATIENCE;

    assert_eq!([request.answered(wait), request.answered(wait)], [None, Some(Ok(()))]);
}
