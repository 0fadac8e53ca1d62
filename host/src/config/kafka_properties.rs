//! librdkafka properties that are not the user's to set.

/// Why a property is refused in `[kafka.properties]`, `[kafka.consumer]` and `[kafka.producer]`: order, "nothing is lost"
/// or another key of the configuration rests on it.
pub fn refused(name: &str) -> Option<&'static str> {
    let reason = match name {
        "bootstrap.servers" | "metadata.broker.list" => "set `brokers` in [kafka] instead",
        "test.mock.num.brokers" => "set `brokers = \"embedded\"` in [kafka] instead",
        "client.id" => {
            "it is made of `application`, the plugin and the worker, so that a broker's logs and quotas tell them apart"
        }
        "group.id" => "it is made of `application` and the plugin: hosts of one application find each other by it",
        "group.instance.id" => "each worker has one of its own; two with the same would throw each other out",
        "group.protocol" | "group.remote.assignor" | "partition.assignment.strategy" => {
            "how partitions are shared out decides which events may still be committed in a rebalance"
        }
        "enable.auto.commit" | "auto.commit.enable" | "auto.commit.interval.ms" => {
            "offsets are committed once the outputs are acknowledged; set `commit-interval` in the plugin's file for how often"
        }
        "enable.auto.offset.store" | "offset.store.method" => {
            "an event that was only read would count as processed, and be lost in a crash"
        }
        "auto.offset.reset" => {
            "set `start` in the plugin's file; after the first start, going elsewhere in silence would lose events"
        }
        "isolation.level" => "events of aborted transactions never happened, and must not be processed",
        "enable.partition.eof" => "the host has to know when it has read a partition to its end",
        "enable.idempotence" => "without it a lost acknowledgement writes an output twice and out of order",
        "transactional.id" => "each worker has one of its own; two with the same would fence each other off",
        "acks" | "request.required.acks" => {
            "an output counts as written when all in-sync replicas have it; anything less loses outputs when a broker fails"
        }
        "partitioner" | "partitioner_cb" => {
            "keys must go to the partitions that the Java client puts them in, or joins and order by key break"
        }
        "max.in.flight" | "max.in.flight.requests.per.connection" | "queuing.strategy" => {
            "outputs of one key must stay in order"
        }
        "message.timeout.ms" | "delivery.timeout.ms" | "message.send.max.retries" | "retries" => {
            "the host sends an output until it is acknowledged; giving up earlier would hold the plugin back or lose it"
        }
        "delivery.report.only.error" => "the host waits for the acknowledgement of each output before it commits",
        "enable.gapless.guarantee" => {
            "an output that the broker refuses would end the producer instead of its one event"
        }
        "allow.auto.create.topics" => {
            "set `create` in [topics] instead: the broker would choose the number of partitions"
        }
        _ => return None,
    };
    Some(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_guarantees_rest_on_is_refused() {
        for name in ["group.id", "acks", "enable.idempotence", "isolation.level", "partitioner", "auto.offset.reset"] {
            assert!(refused(name).is_some(), "{name}");
        }
    }

    #[test]
    fn security_and_tuning_are_free() {
        for name in ["security.protocol", "sasl.password", "linger.ms", "compression.type", "fetch.min.bytes"] {
            assert_eq!(refused(name), None, "{name}");
        }
    }
}
