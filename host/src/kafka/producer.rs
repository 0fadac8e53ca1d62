//! A producer of one worker.

use super::budget::Share;
use super::client::ClientSettings;
use super::edge::{Offsets, Outgoing, Outlet, Refused, SendError, TransactionError};
use super::native::{self, Event, Kind, Message, Polled, Sender};
use super::reachability::Watch;
use super::transaction::{self, Request};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::producer::{BaseProducer, Producer as _};
use std::ffi::CString;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a producer is made for.
#[derive(Debug, Clone)]
pub struct ProducerSpec {
    /// How brokers and the log name this client.
    pub client_id: String,
    /// With one the producer has transactions; whoever has the same one is fenced.
    pub transactional_id: Option<String>,
    /// How much longer than usual a transaction may last: one call of the plugin may take so long, and nothing can be committed
    /// meanwhile.
    pub longest_call: Duration,
    /// Where it sends to; [`Outgoing::topic`] is an index into them.
    pub topics: Vec<String>,
    /// Which of the topics [`Outlet::take_end`] tells of.
    pub watched: Option<usize>,
}

/// How long a full queue is waited for before it is looked at again.
const FULL_QUEUE: Duration = Duration::from_millis(10);

/// How long the question may take whether a topic is still there, after a broker did not know a partition.
const EXISTS: Duration = Duration::from_secs(1);

/// How long the look whether a lost broker is back may take.
const PROBE: Duration = Duration::from_millis(100);

/// [`Outlet`] over librdkafka: idempotent, acknowledged by all in-sync replicas, partitioned as the Java client does.
///
/// A broker takes or refuses a whole batch of one partition. If it said which record was bad (a timestamp, an invalid
/// record), only that one is told by [`Outlet::take_refused`], as far as librdkafka lets on; **its neighbours were not
/// written either**. Of a batch that is too large, or for a topic that may not be written to, nobody says which, and all its
/// records are told, innocent ones too: even those of a batch whose records each are small enough, if the topic's
/// `max.message.bytes` is below the producer's `batch.size`. So a refusal means: go back to the last commit, and send the
/// suspects in ever smaller parts, each followed by [`Outlet::poll`] until nothing is in flight; what is refused alone is
/// guilty.
pub struct Producer {
    settings: ClientSettings,
    spec: ProducerSpec,
    sender: Sender,
    watch: Arc<Watch>,
    refused: Vec<Refused>,
    broken: Option<String>,
    /// What was asked of the open transaction last, until it is answered.
    asked: Option<Request>,
    /// The broker has refused records of the open transaction, and with them a stretch of sequence numbers.
    gap: bool,
    /// By partition number; -1: nothing was acknowledged.
    ends: Vec<i64>,
    unacknowledged: Share,
}

impl Producer {
    /// Makes it. A transactional one fences its predecessor first, for which a broker must answer.
    pub fn new(settings: &ClientSettings, spec: ProducerSpec) -> Result<Self, SendError> {
        let unacknowledged = settings.unacknowledged();
        let (sender, watch) = connect(settings, &spec, &unacknowledged)?;
        Ok(Producer {
            settings: settings.clone(),
            spec,
            sender,
            watch,
            refused: Vec::new(),
            broken: None,
            asked: None,
            gap: false,
            ends: Vec::new(),
            unacknowledged,
        })
    }

    /// Commits the open transaction with its offsets, and waits for that. Nothing may be in flight.
    pub fn commit_with(&mut self, offsets: Offsets) -> Result<(), TransactionError> {
        self.send_offsets(offsets)?;
        self.wait()?;
        self.commit()?;
        self.wait()
    }

    fn wait(&mut self) -> Result<(), TransactionError> {
        loop {
            if let Some(answer) = self.answered(transaction::HANGS_AFTER) {
                return answer;
            }
        }
    }

    /// Partitions of the topic that is watched, each with the offset after its last acknowledged record since the last call.
    pub fn take_ends(&mut self) -> Vec<(i32, i64)> {
        let ends = std::mem::take(&mut self.ends);
        (0..).zip(ends).filter(|(_, end)| *end >= 0).collect()
    }

    fn look_for_brokers(&self) {
        if self.watch.should_probe()
            && let Some(topic) = self.spec.topics.first()
        {
            match self.sender.polled().client().client().fetch_metadata(Some(topic), PROBE) {
                Ok(_) => self.watch.answered(),
                Err(_) => self.watch.unanswered(),
            }
        }
    }
}

/// The client, and the handles of its topics.
fn connect(
    settings: &ClientSettings,
    spec: &ProducerSpec,
    unacknowledged: &Share,
) -> Result<(Sender, Arc<Watch>), SendError> {
    let ProducerSpec { client_id, transactional_id, longest_call, topics, .. } = spec;
    let broken = |error: String| SendError::Broken(format!("producer {client_id}: {error}"));
    let producer: BaseProducer<Watch> = settings
        .for_producer(client_id, transactional_id.as_deref(), *longest_call, unacknowledged)
        .create_with_context(settings.watch(client_id))
        .map_err(|error| broken(error.to_string()))?;
    if transactional_id.is_some() {
        transaction::init(&producer).map_err(|error| broken(error.to_string()))?;
    }
    let watch = producer.context().clone();
    let names: Result<Vec<CString>, _> = topics.iter().map(|name| CString::new(name.as_str())).collect();
    let names = names.map_err(|error| broken(error.to_string()))?;
    let polled = Polled::new(Arc::new(producer)).ok_or_else(|| broken("it has no queue".into()))?;
    let sender = Sender::new(polled, names.iter().map(CString::as_c_str))
        .map_err(|(index, code)| broken(format!("topic {:?}: {code}", topics[index])))?;
    Ok((sender, watch))
}

impl Outlet for Producer {
    fn send(&mut self, record: Outgoing<'_>, token: u64) -> Result<(), SendError> {
        loop {
            if let Some(broken) = &self.broken {
                return Err(SendError::Broken(broken.clone()));
            }
            match self.sender.send(&record, token) {
                Ok(()) => return Ok(()),
                Err(Code::QueueFull) if self.in_flight() > 0 => self.poll(FULL_QUEUE),
                // Larger than the whole queue: it would wait forever.
                Err(Code::QueueFull) => {
                    return Err(refused("output-too-large", &self.spec.topics[record.topic], Code::QueueFull));
                }
                Err(code) => {
                    return Err(match fate(&self.sender, &self.spec.topics[record.topic], code) {
                        Fate::Refused(name) => refused(name, &self.spec.topics[record.topic], code),
                        // A record was refused, and nothing more is taken until its transaction is aborted.
                        _ if code == Code::State && self.spec.transactional_id.is_some() => {
                            SendError::Abort(code.to_string())
                        }
                        _ if code == Code::InvalidArgument => {
                            refused("output-refused", &self.spec.topics[record.topic], code)
                        }
                        _ => SendError::Broken(format!("{}: {code}", self.spec.topics[record.topic])),
                    });
                }
            }
        }
    }

    fn poll(&mut self, wait: Duration) {
        self.look_for_brokers();
        let Producer { spec, sender, watch, refused, broken, gap, ends, .. } = self;
        let watched = spec.watched.map(|index| sender.topic(index));
        let mut wait = wait;
        while let Some(mut event) = sender.polled().poll(wait) {
            wait = Duration::ZERO;
            match event.kind() {
                Kind::Delivery => {
                    let mut failures = Vec::new();
                    while let Some(message) = event.message() {
                        match message.code() {
                            Code::NoError => {
                                watch.answered();
                                if watched.is_some_and(|topic| message.is_of(topic)) {
                                    acknowledged(ends, message.partition(), message.offset());
                                }
                            }
                            code => failures.push(Failure::new(&message, code)),
                        }
                    }
                    *gap |= !failures.is_empty();
                    report(sender, failures, refused, broken);
                }
                Kind::Error => failed(sender, watch, &event, broken),
                Kind::Log => {
                    if let Some((level, facility, text)) = event.log() {
                        watch.line(level, &facility, &text);
                    }
                }
                Kind::Fetch | Kind::Rebalance | Kind::Commit | Kind::Ends | Kind::Other => {}
            }
        }
    }

    fn hurry(&mut self) {
        native::hurry(self.sender.polled().client().client().native_client());
    }

    fn in_flight(&self) -> usize {
        self.sender.in_flight()
    }

    fn take_refused(&mut self) -> Vec<Refused> {
        std::mem::take(&mut self.refused)
    }

    fn broken(&self) -> Option<String> {
        self.broken.clone()
    }

    fn begin(&mut self) -> Result<(), TransactionError> {
        transaction::begin(self.sender.polled().client().as_ref())
    }

    fn send_offsets(&mut self, offsets: Offsets) -> Result<(), TransactionError> {
        if let Some(member) = offsets.member {
            self.asked = Some(transaction::send_offsets(self.sender.polled().client(), member)?);
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), TransactionError> {
        self.asked = Some(transaction::commit(self.sender.polled().client())?);
        Ok(())
    }

    fn answered(&mut self, wait: Duration) -> Option<Result<(), TransactionError>> {
        let answer = match &mut self.asked {
            Some(request) => request.answered(wait)?,
            None => Ok(()),
        };
        self.asked = None;
        Some(answer)
    }

    fn abort(&mut self) -> Result<(), TransactionError> {
        let deadline = Instant::now() + transaction::PATIENCE;
        while !transaction::try_abort(self.sender.polled().client().as_ref())? {
            if Instant::now() >= deadline {
                return Err(TransactionError::Broken("the transaction could not be aborted in time".into()));
            }
            self.poll(Duration::ZERO);
        }
        self.poll(Duration::ZERO);
        self.ends.clear();
        if std::mem::take(&mut self.gap) {
            // librdkafka (2.12.1) goes on counting after what was refused, and the broker then takes nothing any more for
            // being out of order; a new client counts anew.
            let connected = connect(&self.settings, &self.spec, &self.unacknowledged);
            (self.sender, self.watch) = connected.map_err(|error| TransactionError::Broken(error.to_string()))?;
        }
        Ok(())
    }

    fn take_end(&mut self, partition: i32) -> Option<i64> {
        let end = self.ends.get_mut(usize::try_from(partition).ok()?)?;
        Some(std::mem::replace(end, -1)).filter(|end| *end >= 0)
    }
}

/// What an error means for a record.
#[derive(Clone, Copy)]
enum Fate {
    /// It will never be taken.
    Refused(&'static str),
    /// It was not written because another one of its batch was refused.
    Neighbour,
    /// It says nothing about the record.
    Broken,
}

fn fate(sender: &Sender, topic: &str, code: Code) -> Fate {
    match code {
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize => {
            Fate::Refused("output-too-large")
        }
        Code::InvalidTimestamp => Fate::Refused("output-timestamp"),
        Code::TopicAuthorizationFailed => Fate::Refused("output-not-authorized"),
        Code::InvalidRecord | Code::PolicyViolation | Code::InvalidMessage | Code::UnsupportedForMessageFormat => {
            Fate::Refused("output-refused")
        }
        // What an abort has dropped.
        Code::PurgeQueue | Code::PurgeInflight => Fate::Neighbour,
        // Said of a partition that the topic does not have, and of all partitions of a topic that was deleted.
        Code::UnknownPartition if exists(sender, topic) => Fate::Refused("output-refused"),
        Code::InvalidDifferentRecord => Fate::Neighbour,
        _ => Fate::Broken,
    }
}

fn exists(sender: &Sender, topic: &str) -> bool {
    let metadata = sender.polled().client().client().fetch_metadata(Some(topic), EXISTS);
    metadata.is_ok_and(|metadata| metadata.topics().iter().any(|topic| !topic.partitions().is_empty()))
}

fn refused(code: &'static str, topic: &str, error: Code) -> SendError {
    SendError::Refused { code, message: format!("{topic}: {error}") }
}

fn acknowledged(ends: &mut Vec<i64>, partition: i32, offset: i64) {
    let Ok(partition) = usize::try_from(partition) else { return };
    if ends.len() <= partition {
        ends.resize(partition + 1, -1);
    }
    ends[partition] = ends[partition].max(offset + 1);
}

/// A record that was not written.
struct Failure {
    token: u64,
    topic: String,
    code: Code,
    reason: usize,
}

impl Failure {
    fn new(message: &Message<'_>, code: Code) -> Self {
        let topic = message.topic().to_string_lossy().into_owned();
        Failure { token: message.token(), topic, code, reason: message.reason() }
    }
}

/// `failures` are those of one batch.
fn report(sender: &Sender, failures: Vec<Failure>, refused: &mut Vec<Refused>, broken: &mut Option<String>) {
    let guilty = guilty(&failures);
    let mut last = None;
    for (index, failure) in failures.into_iter().enumerate() {
        // Most often all have the same code, and to find out what it means may take a question to a broker.
        let fate = match last {
            Some((code, fate)) if code == failure.code => fate,
            _ => fate(sender, &failure.topic, failure.code),
        };
        last = Some((failure.code, fate));
        let message = format!("{}: {}", failure.topic, failure.code);
        match fate {
            Fate::Refused(code) if guilty.is_none_or(|guilty| guilty == index) => {
                refused.push(Refused { token: failure.token, code, message });
            }
            Fate::Refused(_) | Fate::Neighbour => {}
            Fate::Broken => {
                broken.get_or_insert(message);
            }
        }
    }
}

/// The one record that its batch was refused for, if that can be told. When the broker names a single record, librdkafka
/// gives its code to the whole batch; but all the others share one text, and the guilty one has its own.
fn guilty(failures: &[Failure]) -> Option<usize> {
    let reasons = || failures.iter().map(|failure| failure.reason);
    let alone = |reason: usize| reasons().filter(|other| *other == reason).count() == 1;
    let shared =
        |reason: usize| reason != 0 && reasons().filter(|other| *other == reason).count() + 1 == failures.len();
    // Of two, nobody can say which is which.
    let [first, second, third, ..] = failures else { return None };
    let common = if first.reason == second.reason { first.reason } else { third.reason };
    let odd = reasons().position(|reason| reason != common)?;
    (shared(common) && alone(failures[odd].reason)).then_some(odd)
}

fn failed(sender: &Sender, watch: &Watch, event: &Event<'_>, broken: &mut Option<String>) {
    let failed = event.failed();
    if failed.fatal || failed.code == Code::Fatal {
        // The event may only say that there is a fatal error.
        let text = match sender.polled().client().client().fatal_error() {
            Some((code, text)) => format!("{code}: {text}"),
            None => failed.text,
        };
        broken.get_or_insert(text);
    } else {
        watch.failed(failed.code, &failed.text);
    }
}

#[cfg(test)]
mod tests;
