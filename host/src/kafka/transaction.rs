//! Transactions of a producer: which error means what, and how long each step is tried.

use super::edge::{Member, TransactionError};
use super::errors::{code, is_stale};
use crate::failpoint;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::producer::{Producer, ProducerContext};
use rdkafka::util::Timeout;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// A step is tried for so long; then nobody knows how the transaction stands, and the producer is given up.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The first call of a worker waits for so long, since a broker may have to end the transaction of the one before.
const INIT_PATIENCE: Duration = Duration::from_secs(20);

/// One try to abort, which waits for reports of deliveries that only its caller can take in.
const TRY: Duration = Duration::from_millis(20);

/// A commit and its offsets are answered by brokers, and tried again by librdkafka itself.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A call with [`ANSWER_WITHIN`] that has not returned by then will not, or nobody knows when.
pub const HANGS_AFTER: Duration = Duration::from_secs(10);

/// Between two tries that failed at once.
const BACK_OFF: Duration = Duration::from_millis(10);

/// What an error of a transactional call means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The same call may succeed later, and must be made again.
    Again,
    /// The transaction must be aborted.
    Abort,
    /// The producer is of no use any more, or nobody knows how the transaction stands.
    Broken,
}

/// The one table of what errors mean. librdkafka says it in three flags, of which the gravest counts.
pub fn meaning(fatal: bool, requires_abort: bool, retriable: bool, code: Code) -> Meaning {
    match () {
        () if fatal || code == Code::Fatal || code == Code::Fenced => Meaning::Broken,
        () if requires_abort => Meaning::Abort,
        // The group went on without this member, which librdkafka sees as an error of the call and no more.
        () if is_stale(code) => Meaning::Abort,
        () if retriable || code == Code::OperationTimedOut => Meaning::Again,
        () => Meaning::Broken,
    }
}

fn meaning_of(error: &KafkaError) -> Meaning {
    match error {
        KafkaError::Transaction(error) => {
            meaning(error.is_fatal(), error.txn_requires_abort(), error.is_retriable(), error.code())
        }
        error => meaning(false, false, false, code(error)),
    }
}

fn text(error: &KafkaError) -> String {
    match error {
        KafkaError::Transaction(error) => format!("{} ({})", error.string(), error.name()),
        error => error.to_string(),
    }
}

/// Makes a call until it succeeds, fails for good, or `patience` is over.
fn patiently(
    doing: &str,
    patience: Duration,
    mut call: impl FnMut() -> KafkaResult<()>,
) -> Result<(), TransactionError> {
    let deadline = Instant::now() + patience;
    loop {
        let Err(error) = call() else { return Ok(()) };
        let what = || format!("{doing}: {}", text(&error));
        match meaning_of(&error) {
            Meaning::Abort => return Err(TransactionError::Abort(what())),
            Meaning::Broken => return Err(TransactionError::Broken(what())),
            Meaning::Again if Instant::now() >= deadline => return Err(TransactionError::Broken(what())),
            Meaning::Again => std::thread::sleep(BACK_OFF),
        }
    }
}

/// Fences whoever had the same transactional id before, and ends its transaction.
pub fn init<C: ProducerContext>(producer: &impl Producer<C>) -> Result<(), TransactionError> {
    patiently("starting transactions", INIT_PATIENCE, || producer.init_transactions(Timeout::After(ANSWER_WITHIN)))
}

/// Opens a transaction. Asks no broker.
pub fn begin<C: ProducerContext>(producer: &impl Producer<C>) -> Result<(), TransactionError> {
    patiently("opening a transaction", Duration::ZERO, || producer.begin_transaction())
}

/// Puts offsets into the open transaction.
pub fn send_offsets<C, P>(producer: &Arc<P>, member: Member) -> Result<Request, TransactionError>
where
    C: ProducerContext + 'static,
    P: Producer<C> + Send + Sync + 'static,
{
    let producer = producer.clone();
    Request::start("sending offsets to the transaction", "after-offsets", move || {
        producer.send_offsets_to_transaction(&member.0, &member.1, Timeout::After(ANSWER_WITHIN))
    })
}

/// Commits the open transaction. Nothing may be in flight.
pub fn commit<C, P>(producer: &Arc<P>) -> Result<Request, TransactionError>
where
    C: ProducerContext + 'static,
    P: Producer<C> + Send + Sync + 'static,
{
    let producer = producer.clone();
    Request::start("committing the transaction", "after-commit", move || {
        producer.commit_transaction(Timeout::After(ANSWER_WITHIN))
    })
}

/// What is asked of brokers by a thread of its own, so that the worker can go on meanwhile.
///
/// librdkafka (2.12.1) may also wait for good, whatever time-out it is given, for a group's coordinator that has left the cluster:
/// its issues 5456 and 5511. Then the thread is left behind with the producer; it ends when anything else happens to a connection
/// of that producer, and another producer of the same id fences it meanwhile.
pub struct Request {
    doing: &'static str,
    steps: Receiver<Step>,
    /// When it was last heard of.
    heard: Instant,
}

enum Step {
    /// A call did not succeed, and is made again.
    Again,
    Done(Result<(), TransactionError>),
}

impl Request {
    fn start(
        doing: &'static str,
        failpoint: &'static str,
        mut call: impl FnMut() -> KafkaResult<()> + Send + 'static,
    ) -> Result<Request, TransactionError> {
        let (tell, steps) = mpsc::channel();
        // Nobody may listen any more, if it took too long.
        let ask = move || {
            let done = patiently(doing, PATIENCE, || call().inspect_err(|_| drop(tell.send(Step::Again))));
            if done.is_ok() {
                failpoint::reached(failpoint);
            }
            drop(tell.send(Step::Done(done)));
        };
        thread::Builder::new()
            .name("transaction".into())
            .spawn(ask)
            .map_err(|error| TransactionError::Broken(format!("{doing}: no thread could be started: {error}")))?;
        Ok(Request { doing, steps, heard: Instant::now() })
    }

    /// Waits up to `wait` for the answer; None: it has not come yet.
    pub fn answered(&mut self, wait: Duration) -> Option<Result<(), TransactionError>> {
        self.answered_within(HANGS_AFTER, wait)
    }

    fn answered_within(&mut self, limit: Duration, wait: Duration) -> Option<Result<(), TransactionError>> {
        let why = match self.steps.recv_timeout(wait) {
            Ok(Step::Done(result)) => return Some(result),
            Ok(Step::Again) => {
                self.heard = Instant::now();
                return None;
            }
            Err(RecvTimeoutError::Timeout) if self.heard.elapsed() < limit => return None,
            Err(RecvTimeoutError::Timeout) => format!("there was no answer within {limit:?}"),
            Err(RecvTimeoutError::Disconnected) => "its thread ended without an answer".to_owned(),
        };
        Some(Err(TransactionError::Broken(format!("{}: {why}", self.doing))))
    }
}

/// Aborts the open transaction: what was not sent yet is dropped, what is in flight is waited for. False: it is not done
/// yet, and goes on once the reports of deliveries that came in have been taken.
pub fn try_abort<C: ProducerContext>(producer: &impl Producer<C>) -> Result<bool, TransactionError> {
    let Err(error) = producer.abort_transaction(Timeout::After(TRY)) else { return Ok(true) };
    match meaning_of(&error) {
        Meaning::Again => Ok(false),
        Meaning::Abort | Meaning::Broken => Err(TransactionError::Broken(format!("aborting: {}", text(&error)))),
    }
}

#[cfg(test)]
mod tests;
