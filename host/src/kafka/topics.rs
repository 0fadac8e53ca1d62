//! Topics: how many partitions they have, and the creation of missing ones.

use super::client::ClientSettings;
use super::errors::{code, is_unreachable};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// How long one question to the brokers may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How long a topic may take from its creation until the brokers tell of it.
const SHOWS_WITHIN: Duration = Duration::from_secs(15);

/// Between two looks at a topic that was just created.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Creates and describes topics. Blocks; for a plain thread.
#[derive(Clone)]
pub struct Topics {
    settings: ClientSettings,
}

/// A topic that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// How many partitions it gets if it has to be created; None: the configured number.
    pub partitions: Option<i32>,
    /// What it is for.
    pub kind: TopicKind,
}

/// What a topic is for, and so how it is configured when it is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicKind {
    /// Events: as the broker's operator has chosen.
    Events,
    /// The last value of each key is kept, and events of any age are written.
    Changelog,
}

/// What brokers call the most that a timestamp may be ahead of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ahead {
    /// Since Kafka 3.6.
    After,
    /// Before, and no more since Kafka 4.0: in either direction.
    Difference,
}

impl TopicKind {
    fn properties(self, ahead: Ahead) -> Vec<(&'static str, &'static str)> {
        match self {
            TopicKind::Events => vec![],
            TopicKind::Changelog => vec![
                ("cleanup.policy", "compact"),
                ("message.timestamp.type", "CreateTime"),
                // A write has the time of its event, which may be as far ahead as `max-future` allows.
                match ahead {
                    Ahead::After => ("message.timestamp.after.max.ms", "9223372036854775807"),
                    Ahead::Difference => ("message.timestamp.difference.max.ms", "9223372036854775807"),
                },
            ],
        }
    }
}

/// Why a topic is not there.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// No broker could be asked: the same call may succeed later.
    #[error("the brokers are not reachable: {0}")]
    Unreachable(String),
    /// It is missing, and not to be created.
    #[error(
        "topic {name} does not exist: create it with {partitions} partitions, or set `create = true` in [topics] of the \
         host's configuration"
    )]
    Missing {
        /// The topic.
        name: String,
        /// How many partitions the host would have given it.
        partitions: i32,
    },
    /// The broker does not give it to us.
    #[error("topic {name}: {reason}")]
    Refused {
        /// The topic.
        name: String,
        /// What the broker said, and what to do.
        reason: String,
    },
    /// There is no client to ask with.
    #[error("no Kafka client: {0}")]
    Client(String),
}

impl Topics {
    /// Talks to nobody yet.
    pub fn new(settings: ClientSettings) -> Self {
        Topics { settings }
    }

    /// How many partitions each topic has; those that do not exist are left out.
    pub fn describe(&self, names: &[&str]) -> Result<BTreeMap<String, i32>, TopicError> {
        describe(&self.client()?, names)
    }

    /// Makes sure that the topics are there, and answers how many partitions each has. With `create`, missing ones are
    /// created, with `partitions` unless their spec says otherwise; `replication` of -1 is the broker's default.
    pub fn ensure(
        &self,
        specs: &[TopicSpec],
        create: bool,
        partitions: i32,
        replication: i32,
    ) -> Result<BTreeMap<String, i32>, TopicError> {
        let client = self.client()?;
        let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        let existing = describe(&client, &names)?;
        let missing: Vec<(&TopicSpec, i32)> = specs
            .iter()
            .filter(|spec| !existing.contains_key(&spec.name))
            .map(|spec| (spec, spec.partitions.unwrap_or(partitions)))
            .collect();
        if missing.is_empty() {
            return Ok(existing);
        }
        if !create {
            let (spec, partitions) = missing[0];
            return Err(TopicError::Missing { name: spec.name.clone(), partitions });
        }
        match self.settings.embedded() {
            Some(embedded) => {
                for (spec, partitions) in &missing {
                    embedded.create_topic(&spec.name, *partitions).map_err(|error| of(&spec.name, &error))?;
                }
            }
            None => {
                let refused = create_topics(&client, &missing, replication, Ahead::After)?;
                if !refused.is_empty() {
                    let missing: Vec<_> = refused.iter().map(|index| missing[*index]).collect();
                    create_topics(&client, &missing, replication, Ahead::Difference)?;
                }
            }
        }
        wait_for(&client, &names)
    }

    /// Deletes a topic, and waits until the brokers do not tell of it any more. One that is not there is fine.
    pub fn delete(&self, name: &str) -> Result<(), TopicError> {
        let client = self.client()?;
        let options = AdminOptions::new().request_timeout(Some(ANSWER_WITHIN)).operation_timeout(Some(ANSWER_WITHIN));
        let answer = block_on(client.delete_topics(&[name], &options)).map_err(|error| of(name, &error))?;
        match answer.into_iter().next() {
            None | Some(Ok(_) | Err((_, Code::UnknownTopicOrPartition))) => {}
            Some(Err((_, code))) => return Err(refused(name, code, "deleting it: ")),
        }
        let deadline = Instant::now() + SHOWS_WITHIN;
        while describe(&client, &[name])?.contains_key(name) {
            if Instant::now() >= deadline {
                let reason = "it was deleted, but the brokers still tell of it; try again".to_owned();
                return Err(TopicError::Refused { name: name.to_owned(), reason });
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// One a call: nobody would serve the log of a client that lives on.
    fn client(&self) -> Result<AdminClient<DefaultClientContext>, TopicError> {
        self.settings.for_admin("wasmill-topics").create().map_err(|error| TopicError::Client(error.to_string()))
    }
}

fn describe(client: &AdminClient<DefaultClientContext>, names: &[&str]) -> Result<BTreeMap<String, i32>, TopicError> {
    let mut counts = BTreeMap::new();
    for name in names {
        let metadata = client.inner().fetch_metadata(Some(name), ANSWER_WITHIN).map_err(|error| of(name, &error))?;
        let Some(topic) = metadata.topics().first() else { continue };
        match topic.error().map_or(Code::NoError, Code::from) {
            Code::NoError => {
                counts.insert((*name).to_owned(), topic.partitions().len() as i32);
            }
            Code::UnknownTopicOrPartition | Code::UnknownTopic => {}
            // It exists, and is just being set up: told as soon as it has a leader.
            Code::LeaderNotAvailable => {}
            code => return Err(refused(name, code, "")),
        }
    }
    Ok(counts)
}

/// Answers which of them were not created because the brokers do not know [`Ahead::After`].
fn create_topics(
    client: &AdminClient<DefaultClientContext>,
    missing: &[(&TopicSpec, i32)],
    replication: i32,
    ahead: Ahead,
) -> Result<Vec<usize>, TopicError> {
    let topics: Vec<NewTopic<'_>> = missing
        .iter()
        .map(|(spec, partitions)| {
            let topic = NewTopic::new(&spec.name, *partitions, TopicReplication::Fixed(replication));
            spec.kind.properties(ahead).into_iter().fold(topic, |topic, (name, value)| topic.set(name, value))
        })
        .collect();
    let options = AdminOptions::new().request_timeout(Some(ANSWER_WITHIN)).operation_timeout(Some(ANSWER_WITHIN));
    let results = block_on(client.create_topics(&topics, &options)).map_err(|error| of(&missing[0].0.name, &error))?;
    let mut unknown = Vec::new();
    for result in results {
        match result {
            // Another host of the application was faster.
            Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
            Err((name, code)) => {
                let index = missing.iter().position(|(spec, _)| spec.name == name);
                match index.filter(|index| may_be_older(missing[*index].0.kind, ahead, code)) {
                    Some(index) => unknown.push(index),
                    None => return Err(refused(&name, code, "creating it: ")),
                }
            }
        }
    }
    Ok(unknown)
}

/// Whether a topic that was refused may be taken by a broker that calls things as they were called before.
fn may_be_older(kind: TopicKind, ahead: Ahead, code: Code) -> bool {
    code == Code::InvalidConfig && ahead == Ahead::After && kind == TopicKind::Changelog
}

fn wait_for(client: &AdminClient<DefaultClientContext>, names: &[&str]) -> Result<BTreeMap<String, i32>, TopicError> {
    let deadline = Instant::now() + SHOWS_WITHIN;
    loop {
        let counts = describe(client, names)?;
        let Some(absent) = names.iter().find(|name| !counts.contains_key(**name)) else { return Ok(counts) };
        if Instant::now() >= deadline {
            let waited = SHOWS_WITHIN.as_secs();
            let reason = format!("it was created, but the brokers do not tell of it after {waited} s; try again");
            return Err(TopicError::Refused { name: (*absent).to_owned(), reason });
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn of(name: &str, error: &KafkaError) -> TopicError {
    match code(error) {
        code if is_unreachable(code) => TopicError::Unreachable(error.to_string()),
        Code::Unknown => TopicError::Refused { name: name.to_owned(), reason: error.to_string() },
        code => refused(name, code, ""),
    }
}

fn refused(name: &str, code: Code, doing: &str) -> TopicError {
    if is_unreachable(code) {
        return TopicError::Unreachable(format!("{name}: {code}"));
    }
    let advice = match code {
        Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            "; allow this principal to describe and create it, or have it created by somebody else"
        }
        Code::InvalidReplicationFactor => "; set `replication` in [topics] to at most the number of brokers",
        Code::InvalidPartitions => "; set `partitions` in [topics] to 1 or more",
        Code::InvalidTopic => "; a name has up to 249 of the characters a-z A-Z 0-9 . _ -",
        Code::PolicyViolation => "; create it as the cluster's policy asks for",
        _ => "",
    };
    TopicError::Refused { name: name.to_owned(), reason: format!("{doing}{code}{advice}") }
}

/// Waits for an admin call on this thread: it is only the answer's other end, and needs no runtime.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests;
