//! What librdkafka says, for the log: a lost broker is one line, and its return another, however many clients there are
//! and however often each of them tries.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a client that has lost the brokers looks whether they are back.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// What the clients of a host know together.
#[derive(Debug, Default)]
pub struct Reachability {
    lost: Mutex<Lost>,
}

/// Brokers that do not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// For how long.
    pub lasts: Duration,
    /// In librdkafka's words.
    pub why: String,
}

#[derive(Debug, Default)]
struct Lost {
    /// How many clients cannot reach any broker.
    clients: usize,
    /// When the first of them found that out.
    since: Option<Instant>,
    why: String,
}

impl Reachability {
    /// Set while a client cannot reach any broker.
    pub fn outage(&self) -> Option<Outage> {
        let lost = self.lock();
        lost.since.map(|since| Outage { lasts: since.elapsed(), why: lost.why.clone() })
    }

    /// One more client has lost the brokers; whether it is the first.
    fn lose(&self, why: &str) -> bool {
        let mut lost = self.lock();
        lost.clients += 1;
        if lost.clients > 1 {
            return false;
        }
        (lost.since, lost.why) = (Some(Instant::now()), why.to_owned());
        true
    }

    /// One of those has found them again, or has gone; whether it was the last.
    fn regain(&self) -> bool {
        let mut lost = self.lock();
        lost.clients -= 1;
        if lost.clients > 0 {
            return false;
        }
        *lost = Lost::default();
        true
    }

    fn lock(&self) -> MutexGuard<'_, Lost> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client's view of it; librdkafka's callbacks and log lines end here.
pub struct Watch {
    shared: Arc<Reachability>,
    client: String,
    state: AtomicU8,
    /// The last failure of a connection: of a kind that comes back with each try, only the first is told.
    last: Mutex<Last>,
}

/// As far as this client knows, brokers answer.
const FINE: u8 = 0;
/// A connection has failed. It may be that of one broker of many, and what librdkafka says may be old by the time that it
/// is read. That all of them are down it does not always say: one that it has never needed counts as not down.
const SUSPECTED: u8 = 1;
/// Nobody answered in time; a broker that has just been started may only be slow.
const DOUBTED: u8 = 2;
/// Nobody answered twice.
const LOST: u8 = 3;

#[derive(Default)]
struct Last {
    code: Option<RDKafkaErrorCode>,
    text: String,
    probed: Option<Instant>,
}

impl Watch {
    /// `client` names it in the log.
    pub fn new(shared: Arc<Reachability>, client: impl Into<String>) -> Self {
        Watch { shared, client: client.into(), state: AtomicU8::new(FINE), last: Mutex::default() }
    }

    /// Takes note of an error that librdkafka goes on after.
    pub fn failed(&self, code: RDKafkaErrorCode, text: &str) {
        match code {
            RDKafkaErrorCode::AllBrokersDown => {
                self.becomes(FINE, SUSPECTED);
            }
            // One of several brokers, or the first try. If it is all of them, a probe will tell.
            RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::OperationTimedOut => {
                tracing::debug!(target: "kafka", client = %self.client, "{text}");
                self.last().text = text.to_owned();
                self.becomes(FINE, SUSPECTED);
            }
            _ => {
                let mut last = self.last();
                if last.code.replace(code) != Some(code) {
                    tracing::warn!(target: "kafka", client = %self.client, "{text}");
                }
                last.text = text.to_owned();
            }
        }
    }

    /// Whether it is time to ask a broker if any is there. Never, as long as all is well.
    pub fn should_probe(&self) -> bool {
        if self.state.load(Ordering::Relaxed) == FINE {
            return false;
        }
        let mut last = self.last();
        let due = last.probed.is_none_or(|at| at.elapsed() >= PROBE_EVERY);
        if due {
            last.probed = Some(Instant::now());
        }
        due
    }

    /// Nobody answered a probe.
    pub fn unanswered(&self) {
        if self.becomes(SUSPECTED, DOUBTED) || !self.becomes(DOUBTED, LOST) {
            return;
        }
        let why = self.last().text.clone();
        if self.shared.lose(&why) {
            tracing::warn!(target: "kafka", client = %self.client, "the brokers are not reachable: {why}; waiting");
        }
    }

    /// A broker has answered.
    pub fn answered(&self) {
        if self.state.load(Ordering::Relaxed) == FINE {
            return;
        }
        let before = self.state.swap(FINE, Ordering::Relaxed);
        *self.last() = Last::default();
        if before == LOST && self.shared.regain() {
            tracing::info!(target: "kafka", client = %self.client, "the brokers are reachable again");
        }
    }

    /// Passes a line of librdkafka's log on.
    pub fn line(&self, level: i32, facility: &str, text: &str) {
        let client = &self.client;
        // Failed connections come as errors, too, and are told from there; configuration warnings are about properties
        // of the other kind of client, which `[kafka.properties]` may well have.
        let level = if matches!(facility, "FAIL" | "ERROR" | "CONFWARN" | "REQTMOUT") { 7 } else { level };
        if facility == "FAIL" {
            // Without the name of librdkafka's thread.
            self.last().text = text.split_once("]: ").map_or(text, |(_, said)| said).to_owned();
        }
        match level {
            ..=3 => tracing::error!(target: "kafka", %client, "{facility}: {text}"),
            4 => tracing::warn!(target: "kafka", %client, "{facility}: {text}"),
            5..=6 => tracing::info!(target: "kafka", %client, "{facility}: {text}"),
            _ => tracing::debug!(target: "kafka", %client, "{facility}: {text}"),
        }
    }

    fn becomes(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.state.load(Ordering::Relaxed) == LOST {
            // The brokers are not back because of that: nothing to tell.
            self.shared.regain();
        }
    }
}

impl ClientContext for Watch {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.line(level as i32, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.failed(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown), reason);
    }
}

// Rebalances and delivery reports are taken as events. What rdkafka takes in while it closes a client comes here, and
// its defaults are right: partitions are given up, and reports are of no interest any more.
impl ConsumerContext for Watch {}

impl ProducerContext for Watch {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, _: ()) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOWN: RDKafkaErrorCode = RDKafkaErrorCode::AllBrokersDown;

    #[test]
    fn two_clients_that_lose_the_brokers_count_until_both_are_back() {
        let shared = Arc::new(Reachability::default());
        let [one, two] = ["one", "two"].map(|name| Watch::new(shared.clone(), name));
        for watch in [&one, &two, &one] {
            watch.failed(DOWN, "1/1 brokers are down");
            watch.unanswered();
            watch.unanswered();
        }
        assert_eq!(shared.lock().clients, 2);
        one.answered();
        one.answered();
        assert_eq!(shared.lock().clients, 1);
        drop(two);
        assert_eq!(shared.lock().clients, 0);
    }

    #[test]
    fn an_outage_lasts_from_the_first_client_that_is_lost_until_the_last_is_back() {
        let shared = Arc::new(Reachability::default());
        let [one, two] = ["one", "two"].map(|name| Watch::new(shared.clone(), name));
        assert_eq!(shared.outage(), None);
        for (watch, why) in [(&one, "connection refused"), (&two, "no route")] {
            watch.failed(RDKafkaErrorCode::BrokerTransportFailure, why);
            watch.unanswered();
            watch.unanswered();
        }
        let outage = shared.outage().unwrap();
        assert_eq!(outage.why, "connection refused");
        one.answered();
        assert!(shared.outage().is_some_and(|later| later.lasts >= outage.lasts));
        two.answered();
        assert_eq!(shared.outage(), None);
    }

    #[test]
    fn a_suspicion_that_a_probe_clears_is_not_a_loss() {
        let watch = Watch::new(Arc::default(), "one");
        assert!(!watch.should_probe());
        watch.failed(DOWN, "1/1 brokers are down");
        assert!(watch.should_probe());
        assert!(!watch.should_probe(), "not at once again");
        assert_eq!(watch.shared.outage(), None);
        watch.answered();
        assert!(!watch.should_probe());
    }

    #[test]
    fn a_failed_connection_alone_leads_to_a_probe_and_one_late_answer_is_no_loss() {
        let watch = Watch::new(Arc::default(), "one");
        watch.failed(RDKafkaErrorCode::BrokerTransportFailure, "connection refused");
        assert!(watch.should_probe(), "librdkafka may never say that all brokers are down");
        watch.unanswered();
        assert_eq!(watch.shared.outage(), None);
        watch.answered();
        watch.failed(DOWN, "1/1 brokers are down");
        watch.unanswered();
        assert_eq!(watch.shared.outage(), None);
        watch.unanswered();
        assert!(watch.shared.outage().is_some());
    }
}
