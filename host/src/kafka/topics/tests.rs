use super::*;
use crate::config::{Brokers, KafkaConfig};
use crate::kafka::testing::{settings, unique};

fn spec(name: &str, partitions: Option<i32>) -> TopicSpec {
    TopicSpec { name: name.into(), partitions, kind: TopicKind::Events }
}

#[test]
fn missing_topics_are_created_and_those_that_exist_keep_their_partitions() {
    let topics = Topics::new(settings());
    let [one, two, three] = [unique("one"), unique("two"), unique("three")];
    topics.ensure(&[spec(&one, Some(5))], true, 2, 1).unwrap();
    let counts = topics.ensure(&[spec(&one, Some(3)), spec(&two, None), spec(&three, Some(1))], true, 2, 1).unwrap();
    assert_eq!(counts, BTreeMap::from([(one.clone(), 5), (two, 2), (three, 1)]));
    assert_eq!(topics.describe(&[&one, &unique("none")]).unwrap(), BTreeMap::from([(one, 5)]));
}

#[test]
fn a_missing_topic_that_is_not_to_be_created_is_named_with_what_to_do() {
    let name = unique("missing");
    let error = Topics::new(settings()).ensure(&[spec(&name, None)], false, 3, 1).unwrap_err();
    assert!(matches!(error, TopicError::Missing { .. }));
    let text = error.to_string();
    assert!(text.contains(&name) && text.contains("3 partitions") && text.contains("[topics]"), "{text}");
}

#[test]
fn a_broker_that_nobody_answers_for_is_unreachable_and_not_a_refusal() {
    let brokers = Brokers::Servers("127.0.0.1:1".into());
    let topics = Topics::new(ClientSettings::new(&KafkaConfig::of(brokers)).unwrap());
    let error = topics.describe(&["any"]).unwrap_err();
    assert!(matches!(error, TopicError::Unreachable(_)), "{error}");
}

#[test]
fn a_broker_that_knows_no_newer_name_of_a_property_is_asked_once_more_by_the_older_one() {
    let name = |ahead| TopicKind::Changelog.properties(ahead).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let same = ["cleanup.policy", "message.timestamp.type"];
    assert_eq!(name(Ahead::After), [&same[..], &["message.timestamp.after.max.ms"]].concat());
    assert_eq!(name(Ahead::Difference), [&same[..], &["message.timestamp.difference.max.ms"]].concat());
    assert!(may_be_older(TopicKind::Changelog, Ahead::After, Code::InvalidConfig));
    assert!(!may_be_older(TopicKind::Changelog, Ahead::Difference, Code::InvalidConfig));
    assert!(!may_be_older(TopicKind::Changelog, Ahead::After, Code::PolicyViolation));
    assert!(!may_be_older(TopicKind::Events, Ahead::After, Code::InvalidConfig));
}
