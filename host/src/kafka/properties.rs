//! Which librdkafka properties a person may set, and which the host needs as they are.

/// Where a property stands in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// `[kafka.properties]`: for every client.
    Every,
    /// `[kafka.consumer]`.
    Consumer,
    /// `[kafka.producer]`.
    Producer,
}

impl Scope {
    /// The table's name.
    pub fn table(self) -> &'static str {
        match self {
            Scope::Every => "kafka.properties",
            Scope::Consumer => "kafka.consumer",
            Scope::Producer => "kafka.producer",
        }
    }
}

const GROUP: &str = "the group is the application's and the plugin's name";
const COMMITS: &str = "offsets are committed by the host, after the outputs that came of them";
const ORDER: &str = "without it a retry could repeat or reorder outputs";
const ASSIGNMENT: &str = "partitions of the same number must go to the same worker, whatever topic they are of";
const CREATION: &str = "missing topics are created by the host: see [topics] create";

/// Why a property must not be set in the configuration; None if it may.
pub fn refused_property(scope: Scope, name: &str) -> Option<&'static str> {
    let reason = match name {
        "bootstrap.servers" | "metadata.broker.list" => "set `brokers` in [kafka] instead",
        "client.id" => "it is made of application, plugin, host and worker, so that a broker's log says which it was",
        "group.id" => GROUP,
        "group.instance.id" => {
            "it is made of the host's id and the worker's number: two members must not have the same"
        }
        "enable.auto.commit" | "auto.commit.enable" | "auto.commit.interval.ms" => COMMITS,
        "enable.auto.offset.store" | "offset.store.method" | "offset.store.path" => COMMITS,
        "auto.offset.reset" => {
            "set `start` in the plugin's configuration instead; later on a missing offset is an error"
        }
        "isolation.level" => "outputs of a transaction that was aborted must not be read",
        "enable.partition.eof" => "the host has no use for it",
        "partition.assignment.strategy" | "group.remote.assignor" => ASSIGNMENT,
        "enable.idempotence" | "acks" | "request.required.acks" => ORDER,
        "enable.gapless.guarantee" => "one refused output would stop the producer for good",
        "transactional.id" => "it is made of application, plugin, host and worker",
        "partitioner" | "sticky.partitioning.linger.ms" => "outputs are partitioned as the Java client does it",
        "allow.auto.create.topics" => CREATION,
        "test.mock.num.brokers" => "set `brokers = \"embedded\"` in [kafka] instead",
        name => return misplaced(scope, name),
    };
    Some(reason)
}

/// A property of the other kind of client: librdkafka would leave it out in silence.
fn misplaced(scope: Scope, name: &str) -> Option<&'static str> {
    const OF_CONSUMERS: [&str; 6] = ["fetch.", "queued.", "session.", "heartbeat.", "max.poll.", "group."];
    const OF_PRODUCERS: [&str; 7] =
        ["linger.", "batch.", "compression.", "queue.buffering.", "message.timeout.", "delivery.", "transaction."];
    let one_of = |beginnings: &[&str]| beginnings.iter().any(|beginning| name.starts_with(beginning));
    match scope {
        Scope::Consumer if one_of(&OF_PRODUCERS) => Some("it is a producer's: set it in [kafka.producer]"),
        Scope::Producer if one_of(&OF_CONSUMERS) => Some("it is a consumer's: set it in [kafka.consumer]"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_guarantees_rest_on_is_refused_in_every_table() {
        for scope in [Scope::Every, Scope::Consumer, Scope::Producer] {
            for name in ["group.id", "enable.auto.commit", "isolation.level", "acks", "enable.idempotence"] {
                assert!(refused_property(scope, name).is_some(), "{name} in [{}]", scope.table());
            }
        }
    }

    #[test]
    fn a_property_of_the_other_kind_of_client_is_refused() {
        assert!(refused_property(Scope::Consumer, "linger.ms").unwrap().contains("[kafka.producer]"));
        assert!(refused_property(Scope::Producer, "fetch.min.bytes").unwrap().contains("[kafka.consumer]"));
        assert_eq!(refused_property(Scope::Producer, "linger.ms"), None);
    }

    #[test]
    fn what_tells_how_to_reach_the_brokers_is_allowed() {
        for name in ["security.protocol", "sasl.mechanism", "ssl.ca.location", "linger.ms", "fetch.min.bytes"] {
            assert_eq!(refused_property(Scope::Every, name), None, "{name}");
        }
    }
}
