//! Who owns tasks: what the group's description says of its members.

use super::client::ClientSettings;
use super::native;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use std::time::Duration;

/// How long the brokers may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The partition of a key, and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// The partition number.
    pub partition: i32,
    /// The client id of the member that it is assigned to.
    pub client_id: String,
}

/// Who has the partition of `topic` that the key's events are in. Blocks; for a plain thread.
///
/// # Errors
/// The brokers do not answer, or the group is not settled: what is wrong, as a sentence. Trying again may help.
pub fn owner_of(settings: &ClientSettings, group: &str, topic: &str, key: &[u8]) -> Result<Owned, String> {
    let client: AdminClient<DefaultClientContext> =
        settings.for_admin("wasmill-owners").create().map_err(|error| error.to_string())?;
    let client = client.inner();
    let metadata = client.fetch_metadata(Some(topic), ANSWER_WITHIN).map_err(|error| error.to_string())?;
    let count = metadata.topics().first().map_or(0, |topic| topic.partitions().len() as i32);
    if count == 0 {
        return Err(format!("there is no topic {topic}"));
    }
    let partition = native::partition_of(key, count);
    let groups = client.fetch_group_list(Some(group), ANSWER_WITHIN).map_err(|error| error.to_string())?;
    let mut members = groups.groups().iter().flat_map(|group| group.members());
    let owns = |assignment: Option<&[u8]>| partitions(assignment.unwrap_or_default(), topic).contains(&partition);
    // As long as members come and go some partitions are nobody's.
    let owner = members.find(|member| owns(member.assignment()));
    let owner = owner.ok_or_else(|| format!("nobody in the group {group} has partition {partition} of {topic} now"))?;
    Ok(Owned { partition, client_id: owner.client_id().to_owned() })
}

/// Who has the tasks of a group, all together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owners {
    /// How many tasks there are: the partitions of the topic that has the most.
    pub tasks: i32,
    /// The client ids of the members that have some.
    pub client_ids: Vec<String>,
}

/// The owners of a group's tasks. None: the brokers don't tell, as of a group of the protocol of KIP-848. Blocks; for a plain
/// thread.
///
/// # Errors
/// The brokers do not answer, or the group is not settled: what is wrong, as a sentence. Trying again may help.
pub fn owners_of(settings: &ClientSettings, group: &str) -> Result<Option<Owners>, String> {
    let client: AdminClient<DefaultClientContext> =
        settings.for_admin("wasmill-owners").create().map_err(|error| error.to_string())?;
    let client = client.inner();
    let groups = client.fetch_group_list(Some(group), ANSWER_WITHIN).map_err(|error| error.to_string())?;
    let Some(described) = groups.groups().iter().find(|described| described.state() != "Dead") else {
        return Ok(None);
    };
    if described.state() != "Stable" {
        return Err(format!("the group {group} is on its way to new assignments: it is {}", described.state()));
    }
    let mut owners = Owners { tasks: 0, client_ids: vec![] };
    let mut topics = Vec::new();
    for member in described.members() {
        let has = topics_of(member.assignment().unwrap_or_default());
        if !has.is_empty() {
            owners.client_ids.push(member.client_id().to_owned());
        }
        topics.extend(has);
    }
    topics.sort_unstable();
    topics.dedup();
    for topic in topics {
        let metadata = client.fetch_metadata(Some(&topic), ANSWER_WITHIN).map_err(|error| error.to_string())?;
        let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len() as i32);
        owners.tasks = owners.tasks.max(partitions);
    }
    Ok(Some(owners))
}

/// The topics of which an assignment has a partition. None of what can't be read.
fn topics_of(assignment: &[u8]) -> Vec<String> {
    let mut topics = Vec::new();
    let read = each(assignment, |topic, _| {
        if topics.last().is_none_or(|last: &String| last.as_bytes() != topic) {
            topics.push(String::from_utf8_lossy(topic).into_owned());
        }
    });
    read.map_or(vec![], |()| topics)
}

/// The partitions of a topic in a member's assignment: Kafka's `ConsumerProtocolAssignment`, a version, and then topics, each a
/// name and partition numbers. None of what can't be read.
fn partitions(assignment: &[u8], topic: &str) -> Vec<i32> {
    let mut found = Vec::new();
    let read = each(assignment, |name, partition| {
        if name == topic.as_bytes() {
            found.push(partition);
        }
    });
    read.map_or(vec![], |()| found)
}

fn each(assignment: &[u8], mut see: impl FnMut(&[u8], i32)) -> Option<()> {
    let mut rest = assignment.get(2..)?;
    for _ in 0..number(&mut rest)? {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (name, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
        rest = after;
        for _ in 0..number(&mut rest)? {
            see(name, number(&mut rest)?);
        }
    }
    Some(())
}

fn number(rest: &mut &[u8]) -> Option<i32> {
    let (bytes, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(i32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Received, consumer, drive, producer, settings, topic, unique, write};
    use super::*;
    use crate::config::Start;

    #[test]
    fn an_assignment_is_read_topic_by_topic_and_what_is_cut_short_says_nothing() {
        let mut bytes = vec![0, 1, 0, 0, 0, 2];
        for (name, partitions) in [("a", &[0, 7][..]), ("orders", &[3])] {
            bytes.extend([0, name.len() as u8]);
            bytes.extend(name.as_bytes());
            bytes.extend((partitions.len() as i32).to_be_bytes());
            partitions.iter().for_each(|partition: &i32| bytes.extend(partition.to_be_bytes()));
        }
        assert_eq!(partitions(&bytes, "orders"), [3]);
        assert_eq!(partitions(&bytes, "a"), [0, 7]);
        assert_eq!(partitions(&bytes, "b"), [0; 0]);
        assert_eq!(topics_of(&bytes), ["a", "orders"]);
        for length in 0..bytes.len() {
            assert_eq!(partitions(&bytes[..length], "orders"), [0; 0]);
            assert!(topics_of(&bytes[..length]).is_empty());
        }
    }

    #[test]
    fn a_key_is_where_java_puts_it() {
        // Of the vectors that the Java client's own test has.
        for (key, hash) in
            [("21", -973_932_308_i64), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536)]
        {
            assert_eq!(i64::from(native::partition_of(key.as_bytes(), 1_000)), (hash & 0x7fff_ffff) % 1_000, "{key}");
        }
    }

    #[test]
    fn the_owner_of_a_key_is_told_by_its_client_id() {
        let settings = settings();
        if !settings.has_transactions() {
            return;
        }
        let (topic, group) = (topic(&settings, 3), unique("group"));
        assert!(owner_of(&settings, &group, &topic, b"k").unwrap_err().contains("nobody in the group"));
        write(&mut producer(&settings, &topic), 0, &["a"]);
        let mut consumer = consumer(&settings, &group, &[&topic], Start::Earliest);
        drive(&mut consumer, &mut Received::default(), |_, received| received.count() == 1);
        let owned = owner_of(&settings, &group, &topic, b"k").unwrap();
        assert_eq!(owned.partition, native::partition_of(b"k", 3));
        assert!(!owned.client_id.is_empty());
        let owners = owners_of(&settings, &group).unwrap().unwrap();
        assert_eq!(owners, Owners { tasks: 3, client_ids: vec![owned.client_id] });
        assert_eq!(owners_of(&settings, &unique("nobody")), Ok(None));
    }
}
