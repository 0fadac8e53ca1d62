//! Transactions of a producer: which error means what, and how long each step is tried.

use super::edge::{Member, Offsets, TransactionError};
use super::errors::{code, is_stale};
use crate::failpoint;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::producer::{Producer, ProducerContext};
use rdkafka::util::Timeout;
use std::io;
use std::sync::{Arc, mpsc};
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
const HANGS_AFTER: Duration = Duration::from_secs(10);

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

/// Commits the open transaction with its offsets. Nothing may be in flight.
pub fn commit<C, P>(producer: &Arc<P>, offsets: &Offsets) -> Result<(), TransactionError>
where
    C: ProducerContext + 'static,
    P: Producer<C> + Send + Sync + 'static,
{
    if let Some(member) = &offsets.member {
        send_offsets(producer, member)?;
        failpoint::reached("after-offsets");
    }
    let commit = || producer.commit_transaction(Timeout::After(ANSWER_WITHIN));
    patiently("committing the transaction", PATIENCE, commit)?;
    failpoint::reached("after-commit");
    Ok(())
}

/// librdkafka (2.12.1) may wait for good, whatever time-out it is given, for a group's coordinator that has left the cluster: its
/// issues 5456 and 5511. So the call is made by a thread of its own, which is left behind with the producer if it hangs; it ends
/// when anything else happens to a connection of that producer, and another producer of the same id fences it meanwhile.
fn send_offsets<C, P>(producer: &Arc<P>, member: &Member) -> Result<(), TransactionError>
where
    C: ProducerContext + 'static,
    P: Producer<C> + Send + Sync + 'static,
{
    const DOING: &str = "sending offsets to the transaction";
    let mut hangs = None;
    let sent = patiently(DOING, PATIENCE, || {
        let (producer, member) = (producer.clone(), member.clone());
        let send = move || producer.send_offsets_to_transaction(&member.0, &member.1, Timeout::After(ANSWER_WITHIN));
        within(HANGS_AFTER, send).unwrap_or_else(|why| {
            hangs = Some(why);
            Err(KafkaError::Canceled)
        })
    });
    match hangs {
        Some(why) => Err(TransactionError::Broken(format!("{DOING}: {why}"))),
        None => sent,
    }
}

/// Makes a call on a thread of its own, which goes on when the time is over.
fn within<T: Send + 'static>(limit: Duration, call: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (answer, answered) = mpsc::sync_channel(1);
    let spawned = thread::Builder::new().name("offsets".into()).spawn(move || {
        // Nobody listens any more if it was too late.
        let _ = answer.send(call());
    });
    spawned.map_err(|error: io::Error| format!("no thread could be started: {error}"))?;
    answered.recv_timeout(limit).map_err(|_| format!("there was no answer within {limit:?}"))
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
