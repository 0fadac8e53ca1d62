//! A broker inside the process, for a first try and for tests.

use super::native;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer};

/// How long the first member of a group waits for others before it gets its partitions. A real broker's three seconds
/// would be the first thing that a newcomer sees.
const FIRST_REBALANCE_MILLISECONDS: i32 = 50;

/// librdkafka's mock cluster with one broker, on a free port of the loopback interface. It lives as long as this.
///
/// It holds the last 5 MiB of a partition and no more: a plugin that falls further behind loses events. It has no
/// transactions, and knows nothing of the host's last run.
pub struct Embedded {
    client: BaseProducer,
}

impl Embedded {
    /// Starts it.
    pub fn start() -> KafkaResult<Self> {
        let client: BaseProducer = ClientConfig::new()
            .set("test.mock.num.brokers", "1")
            .set("client.id", "embedded")
            .set_log_level(RDKafkaLogLevel::Emerg)
            .create()?;
        native::set_initial_rebalance_delay(client.client().native_client(), FIRST_REBALANCE_MILLISECONDS);
        Ok(Embedded { client })
    }

    /// `host:port`, for any Kafka client.
    pub fn bootstrap_servers(&self) -> String {
        self.client.client().mock_cluster().map(|cluster| cluster.bootstrap_servers()).unwrap_or_default()
    }

    /// Creates a topic. One of that name may exist: then nothing happens.
    pub fn create_topic(&self, name: &str, partitions: i32) -> KafkaResult<()> {
        let cluster = self.client.client().mock_cluster();
        let cluster = cluster.ok_or(KafkaError::MockCluster(RDKafkaErrorCode::Fail))?;
        match cluster.create_topic(name, partitions, 1) {
            Err(KafkaError::MockCluster(RDKafkaErrorCode::TopicAlreadyExists)) => Ok(()),
            result => result,
        }
    }
}
