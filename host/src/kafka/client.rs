//! How clients are configured.

use super::budget::{Budget, Share};
use super::embedded::Embedded;
use super::reachability::{Reachability, Watch};
use crate::config::{Brokers, KafkaConfig};
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use super::properties::{Scope, refused_property};
pub use super::reachability::Outage;

/// What a small event takes in librdkafka's queue, with what is kept of it beside its key and value.
const QUEUED_EVENT: u64 = 512;

/// An answer to a fetch, which comes on top of what is queued, brings at most this part of the budget from each partition:
/// compressed, so that it takes several times as much, and a larger record comes all the same.
const FETCHED_PART: u64 = 64;

/// Less than this would be too many questions.
const LEAST_FETCHED: u64 = 64 << 10;

/// The broker aborts a transaction that is open for longer, unless more is configured; less would be too short for the
/// longest time between two commits.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);

/// What brokers allow unless configured otherwise.
const LONGEST_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(900);

/// How every client of the host reaches Kafka. Clones share one view of whether the brokers are reachable.
#[derive(Clone)]
pub struct ClientSettings {
    bootstrap_servers: String,
    every: BTreeMap<String, String>,
    consumer: BTreeMap<String, String>,
    producer: BTreeMap<String, String>,
    prefetch: Arc<Budget>,
    unacknowledged: Arc<Budget>,
    reachability: Arc<Reachability>,
    embedded: Option<Arc<Embedded>>,
}

/// A property that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The host needs it as it is.
    #[error("{name} in [{table}] must not be set: {reason}")]
    Refused {
        /// The table.
        table: &'static str,
        /// The property.
        name: String,
        /// Why, and what to do instead.
        reason: &'static str,
    },
    /// librdkafka does not know the property, or does not take the value.
    #[error("{name} in [{table}]: {reason}")]
    Invalid {
        /// The table.
        table: &'static str,
        /// The property.
        name: String,
        /// In librdkafka's words.
        reason: String,
    },
    /// The in-process broker did not start.
    #[error("the embedded broker did not start: {0}")]
    Embedded(String),
}

impl ClientSettings {
    /// Checks every property, and starts the embedded broker if it is configured; it lives as long as the settings and
    /// the clients made of them. Talks to nobody.
    pub fn new(config: &KafkaConfig) -> Result<Self, SettingsError> {
        let (bootstrap_servers, embedded) = match &config.brokers {
            Brokers::Servers(servers) => (servers.clone(), None),
            Brokers::Embedded => {
                let embedded = Embedded::start().map_err(|error| SettingsError::Embedded(error.to_string()))?;
                (embedded.bootstrap_servers(), Some(Arc::new(embedded)))
            }
        };
        for (scope, properties) in [
            (Scope::Every, &config.properties),
            (Scope::Consumer, &config.consumer),
            (Scope::Producer, &config.producer),
        ] {
            check(scope, properties)?;
        }
        Ok(ClientSettings {
            bootstrap_servers,
            every: config.properties.clone(),
            consumer: config.consumer.clone(),
            producer: config.producer.clone(),
            prefetch: Budget::new(config.prefetch),
            unacknowledged: Budget::new(config.unacknowledged),
            reachability: Arc::default(),
            embedded,
        })
    }

    /// `host:port,host:port`, also of the embedded broker.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// Whether the brokers have transactions.
    pub fn has_transactions(&self) -> bool {
        self.embedded.is_none()
    }

    /// The embedded broker, if that is what is used.
    pub fn embedded(&self) -> Option<&Arc<Embedded>> {
        self.embedded.as_ref()
    }

    /// Set while brokers do not answer. None if no client has tried.
    pub fn outage(&self) -> Option<Outage> {
        self.reachability.outage()
    }

    /// What a client named `name` reports to.
    pub(super) fn watch(&self, name: &str) -> Watch {
        Watch::new(self.reachability.clone(), name)
    }

    /// What a consumer may fetch ahead of its worker: it bounds what a slow plugin holds in memory.
    pub(super) fn prefetch(&self) -> Share {
        self.prefetch.share()
    }

    /// What a producer may have sent without an acknowledgement; then it waits.
    pub(super) fn unacknowledged(&self) -> Share {
        self.unacknowledged.share()
    }

    /// For a consumer of `group`. `together`: partitions of the same number must land together.
    pub(super) fn for_consumer(&self, group: &str, client_id: &str, together: bool, prefetch: &Share) -> ClientConfig {
        // The wait for data bounds how long a fetch answers late after a resume or a seek; the back-off is how long a
        // full prefetch queue is left alone, and a second, the default, would drain it.
        let mut config = self.base(client_id);
        config
            .set("fetch.wait.max.ms", "100")
            .set("fetch.queue.backoff.ms", "5")
            .set("queued.max.messages.kbytes", (prefetch.bytes() >> 10).to_string())
            .set("queued.min.messages", (prefetch.bytes() / QUEUED_EVENT).to_string())
            .set("fetch.message.max.bytes", (prefetch.bytes() / FETCHED_PART).max(LEAST_FETCHED).to_string());
        if self.embedded.is_some() {
            // The mock cluster lets members that join later wait for nearly a session before it shares out again.
            config.set("session.timeout.ms", "3000").set("heartbeat.interval.ms", "500");
        }
        self.apply(&mut config, &self.consumer);
        config
            .set("group.id", group)
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "false")
            .set("allow.auto.create.topics", "false");
        config.set("partition.assignment.strategy", if together { "range" } else { "cooperative-sticky" });
        config
    }

    /// For a producer; with an id, a transactional one.
    pub(super) fn for_producer(
        &self,
        client_id: &str,
        transactional_id: Option<&str>,
        longest_call: Duration,
        unacknowledged: &Share,
    ) -> ClientConfig {
        // The largest record is the Java client's.
        let mut config = self.base(client_id);
        config
            .set("linger.ms", "5")
            .set("batch.num.messages", "10000")
            .set("compression.type", "lz4")
            .set("message.max.bytes", "1048576")
            .set("queue.buffering.max.messages", "0");
        match transactional_id {
            // A host that dies holds back, for so long, whoever reads only what is committed.
            Some(_) => {
                let timeout = TRANSACTION_TIMEOUT.saturating_add(longest_call).min(LONGEST_TRANSACTION_TIMEOUT);
                config.set("transaction.timeout.ms", timeout.as_millis().to_string())
            }
            // A lost broker is waited for, however long: no record times out.
            None => config.set("message.timeout.ms", "0"),
        };
        self.apply(&mut config, &self.producer);
        if let Some(id) = transactional_id {
            config.set("transactional.id", id);
        }
        // A queue that the largest record does not fit into would never take it.
        let largest: u64 = config.get("message.max.bytes").and_then(|bytes| bytes.parse().ok()).unwrap_or_default();
        if config.get("queue.buffering.max.kbytes").is_none() {
            let bytes = unacknowledged.bytes().max(2 * largest);
            config.set("queue.buffering.max.kbytes", (bytes >> 10).to_string());
        }
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("allow.auto.create.topics", "false");
        config
    }

    /// For a client that creates and describes topics.
    pub(super) fn for_admin(&self, client_id: &str) -> ClientConfig {
        let mut config = self.base(client_id);
        self.apply(&mut config, &BTreeMap::new());
        config.set("allow.auto.create.topics", "false");
        config
    }

    fn base(&self, client_id: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        let debug = [&self.every, &self.consumer, &self.producer].iter().any(|table| table.contains_key("debug"));
        config.set_log_level(if debug { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Info });
        config.set("bootstrap.servers", &self.bootstrap_servers).set("client.id", client_id);
        config
    }

    fn apply(&self, config: &mut ClientConfig, own: &BTreeMap<String, String>) {
        config.extend(self.every.iter().chain(own).map(|(name, value)| (name.clone(), value.clone())));
    }
}

fn check(scope: Scope, properties: &BTreeMap<String, String>) -> Result<(), SettingsError> {
    let table = scope.table();
    for (name, value) in properties {
        if let Some(reason) = refused_property(scope, name) {
            return Err(SettingsError::Refused { table, name: name.clone(), reason });
        }
        let shortest = TRANSACTION_TIMEOUT.as_millis();
        if name == "transaction.timeout.ms" && value.parse().is_ok_and(|value: u128| value < shortest) {
            let reason = format!("{shortest} is the least: a worker commits after half of that at the latest");
            return Err(SettingsError::Invalid { table, name: name.clone(), reason });
        }
        // One by one, so that librdkafka's answer is about this one.
        let mut alone = ClientConfig::new();
        alone.set(name, value);
        if let Err(error) = alone.create_native_config() {
            let reason = match error {
                KafkaError::ClientConfig(_, reason, _, _) => reason,
                other => other.to_string(),
            };
            return Err(SettingsError::Invalid { table, name: name.clone(), reason });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(table: &str, name: &str, value: &str) -> KafkaConfig {
        let properties = |of: &str| match of == table {
            true => BTreeMap::from([(name.to_owned(), value.to_owned())]),
            false => BTreeMap::new(),
        };
        KafkaConfig {
            properties: properties("kafka.properties"),
            consumer: properties("kafka.consumer"),
            producer: properties("kafka.producer"),
            ..KafkaConfig::of(Brokers::Servers("localhost:9092".into()))
        }
    }

    fn error(table: &str, name: &str, value: &str) -> String {
        match ClientSettings::new(&config(table, name, value)) {
            Ok(_) => panic!("{name} = {value} was taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_unknown_property_a_bad_value_and_a_refused_one_are_named() {
        let unknown = error("kafka.consumer", "fetch.mni.bytes", "1");
        assert!(unknown.contains("fetch.mni.bytes in [kafka.consumer]"), "{unknown}");
        let bad = error("kafka.producer", "linger.ms", "soon");
        assert!(bad.contains("linger.ms in [kafka.producer]"), "{bad}");
        let short = error("kafka.producer", "transaction.timeout.ms", "9999");
        assert!(short.contains("10000 is the least"), "{short}");
        let refused = error("kafka.properties", "bootstrap.servers", "a:1");
        assert!(refused.contains("set `brokers` in [kafka] instead"), "{refused}");
    }

    #[test]
    fn own_properties_win_over_the_defaults_and_lose_against_the_guarantees() {
        let settings = ClientSettings::new(&config("kafka.producer", "compression.type", "zstd")).unwrap();
        let producer = settings.for_producer("p", None, Duration::ZERO, &settings.unacknowledged());
        assert_eq!(producer.get("compression.type"), Some("zstd"));
        assert_eq!(producer.get("acks"), Some("all"));
        assert_eq!(producer.get("queue.buffering.max.kbytes"), Some("16384"));
        assert_eq!(settings.for_consumer("g", "c", false, &settings.prefetch()).get("compression.type"), None);
    }

    #[test]
    fn the_largest_record_fits_into_every_producers_queue() {
        let settings = ClientSettings::new(&config("kafka.producer", "message.max.bytes", "67108864")).unwrap();
        let producer = settings.for_producer("p", None, Duration::ZERO, &settings.unacknowledged());
        assert_eq!(producer.get("queue.buffering.max.kbytes"), Some("131072"));
    }

    #[test]
    fn a_transactional_producer_gives_up_with_its_transaction_and_another_one_never() {
        let settings = ClientSettings::new(&config("kafka.producer", "linger.ms", "1")).unwrap();
        let transactional =
            settings.for_producer("p", Some("shop-fraud-1-0"), Duration::ZERO, &settings.unacknowledged());
        assert_eq!(transactional.get("transactional.id"), Some("shop-fraud-1-0"));
        assert_eq!(transactional.get("transaction.timeout.ms"), Some("10000"));
        assert_eq!(transactional.get("message.timeout.ms"), None);
        let patient = settings.for_producer("p", Some("id"), Duration::from_secs(3), &settings.unacknowledged());
        assert_eq!(patient.get("transaction.timeout.ms"), Some("13000"));
        let other = settings.for_producer("p", None, Duration::ZERO, &settings.unacknowledged());
        assert_eq!((other.get("transactional.id"), other.get("message.timeout.ms")), (None, Some("0")));
    }

    #[test]
    fn one_topic_is_assigned_cooperatively_and_several_together() {
        let settings = ClientSettings::new(&config("kafka.consumer", "fetch.min.bytes", "1")).unwrap();
        let strategy = |together| {
            let config = settings.for_consumer("g", "c", together, &settings.prefetch());
            config.get("partition.assignment.strategy").map(str::to_owned)
        };
        assert_eq!(strategy(false).as_deref(), Some("cooperative-sticky"));
        assert_eq!(strategy(true).as_deref(), Some("range"));
    }
}
