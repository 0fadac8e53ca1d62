//! Which librdkafka properties a person may set where.

use crate::config::kafka_properties;

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

/// Why a property must not be set in this table; None if it may.
pub fn refused_property(scope: Scope, name: &str) -> Option<&'static str> {
    kafka_properties::refused(name).or_else(|| misplaced(scope, name))
}

/// A property of the other kind of client: librdkafka would leave it out in silence.
fn misplaced(scope: Scope, name: &str) -> Option<&'static str> {
    const OF_CONSUMERS: [&str; 5] = ["fetch.", "queued.", "session.", "heartbeat.", "max.poll."];
    const OF_PRODUCERS: [&str; 4] = ["linger.", "batch.", "compression.", "queue.buffering."];
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
