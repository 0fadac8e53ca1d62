//! The worker's two edges to Kafka: where events come from, and where outputs go.

use crate::event::{Partition, Position};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::ConsumerGroupMetadata;
use std::sync::Arc;
use std::time::Duration;
use wasmill_contract::{Batch, HeadersIter};

/// Takes polled events: a source packs each straight into the columns of the task that it belongs to.
pub trait Inbox {
    /// The columns that the events of `at` are packed into. None: the partition is not ours (any more), and the event is
    /// dropped; its owner gets it.
    fn columns(&mut self, at: Partition) -> Option<&mut Batch>;
}

/// A change of what this consumer owns. It is told by [`Source::poll`] and takes effect only when the worker has called
/// [`Source::assign`] or [`Source::unassign`]: until then the group waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rebalance {
    /// These are ours from now on (in addition to what was).
    Assigned(Vec<Partition>),
    /// These go to somebody else, once we have committed them.
    Revoked(Vec<Partition>),
    /// These were taken away: the group has already given them to somebody else, so nothing of them may be committed.
    Lost(Vec<Partition>),
}

/// A consumer of one plugin's inputs.
pub trait Source: Send {
    /// Waits up to `wait` for the first event, then takes what is there, up to `max` events. Serves rebalances:
    /// one that came in is the answer, and no events are taken after it.
    fn poll(&mut self, max: usize, wait: Duration, inbox: &mut dyn Inbox) -> Result<Option<Rebalance>, SourceError>;

    /// Begins to fetch the partitions at their committed offsets, or where the plugin's `start` says if they have none;
    /// answers where that is.
    fn assign(&mut self, partitions: &[Partition]) -> Result<Vec<Position>, SourceError>;

    /// Gives the partitions up. `lost` as in [`Rebalance::Lost`].
    fn unassign(&mut self, partitions: &[Partition], lost: bool) -> Result<(), SourceError>;

    /// Asks the group to commit. [`Source::committed`] has its answer; nothing but [`Source::poll`] may be called before.
    fn commit(&mut self, positions: &[Position]) -> Result<(), SourceError>;

    /// The answer to the commit that was asked for, waited for so long; None: not yet.
    fn committed(&mut self, wait: Duration) -> Option<Result<(), SourceError>>;

    /// What a transaction commits in the place of [`Source::commit`].
    fn offsets(&self, positions: &[Position]) -> Result<Offsets, SourceError>;

    /// Stops fetching; what was polled already stays with the worker, and no event is lost or repeated.
    fn pause(&mut self, partitions: &[Partition]) -> Result<(), SourceError>;

    /// Goes on fetching.
    fn resume(&mut self, partitions: &[Partition]) -> Result<(), SourceError>;

    /// The next event of each partition is the one at its position, whatever was fetched before.
    fn seek(&mut self, positions: &[Position]) -> Result<(), SourceError>;

    /// The offset after the last event that the broker is known to have; None as long as it isn't known. Asks nobody.
    fn end_offset(&self, at: Partition) -> Option<i64>;

    /// Leaves the group. The partitions must have been committed and given up.
    fn close(&mut self);
}

/// Offsets on their way into a transaction.
pub struct Offsets {
    /// What is committed.
    pub positions: Vec<Position>,
    /// By it the broker knows a member that the group went on without, and refuses its offsets.
    pub(super) member: Option<Member>,
}

/// What is committed, in librdkafka's terms, and who commits it.
pub(super) type Member = Arc<(TopicPartitionList, ConsumerGroupMetadata)>;

impl Offsets {
    /// Offsets of no group: a transaction that has only outputs commits none, and a test's outlet takes any.
    pub fn of_nobody(positions: &[Position]) -> Self {
        Offsets { positions: positions.to_vec(), member: None }
    }
}

/// What went wrong with a consumer.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The group went on without us (a rebalance, a missed deadline): a rebalance follows, and the commit did not happen.
    #[error("the consumer group went on without this member: {0}")]
    Stale(String),
    /// The next offset is not in the topic (any more): going on in silence would lose events.
    #[error("{0}")]
    OffsetOutOfRange(String),
    /// Anything else: the worker starts again from the committed offsets.
    #[error("{0}")]
    Broken(String),
}

/// A record to send.
#[derive(Debug, Clone)]
pub struct Outgoing<'a> {
    /// Index into the outlet's list of topics.
    pub topic: usize,
    /// None: by the key, as the Java client would.
    pub partition: Option<i32>,
    /// Milliseconds since the Unix epoch; None or negative: the time of sending.
    pub timestamp: Option<i64>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value; None is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers, in order.
    pub headers: HeadersIter<'a>,
}

/// A producer. Sending only queues a record; its fate is known when nothing is in flight any more.
pub trait Outlet: Send {
    /// Queues a record. `token` comes back in [`Outlet::take_refused`] should the broker not take it. Waits while the
    /// queue is full.
    fn send(&mut self, record: Outgoing<'_>, token: u64) -> Result<(), SendError>;

    /// Hands queued records to the network and takes in delivery reports, waiting up to `wait` for one.
    fn poll(&mut self, wait: Duration);

    /// Has what lingers in batches sent at once: whoever calls it waits for the acknowledgements.
    fn hurry(&mut self);

    /// How many records were sent and neither acknowledged nor refused yet.
    fn in_flight(&self) -> usize;

    /// The records that the broker has refused since the last call.
    fn take_refused(&mut self) -> Vec<Refused>;

    /// Why the producer can't be used any more, if so.
    fn broken(&self) -> Option<String>;

    /// Opens a transaction: what is sent from here on becomes visible together with the offsets, or never.
    fn begin(&mut self) -> Result<(), TransactionError>;

    /// Begins to put offsets into the open transaction; records may go on being sent. [`Outlet::answered`] tells the rest, and
    /// until it has nothing else may be asked of the transaction.
    fn send_offsets(&mut self, offsets: Offsets) -> Result<(), TransactionError>;

    /// Begins to commit the open transaction. Nothing may be in flight, and nothing may be sent before
    /// [`Outlet::answered`] has told how it went.
    fn commit(&mut self) -> Result<(), TransactionError>;

    /// Waits up to `wait` for what was begun last; None: there is no answer yet.
    fn answered(&mut self, wait: Duration) -> Option<Result<(), TransactionError>>;

    /// Takes back everything that was sent since [`Outlet::begin`], in flight or not.
    fn abort(&mut self) -> Result<(), TransactionError>;

    /// The offset after the last acknowledged record of a partition of the topic that the outlet watches; None if there
    /// was none since the last call.
    fn take_end(&mut self, partition: i32) -> Option<i64>;
}

/// Why a transaction did not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// It can only be aborted; then the producer is as good as new.
    #[error("{0}")]
    Abort(String),
    /// The producer is broken: the worker starts again from the committed offsets.
    #[error("{0}")]
    Broken(String),
}

/// A record that the broker will not take, however often it is sent: too large, a bad timestamp, not authorized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What was given to [`Outlet::send`].
    pub token: u64,
    /// Short and stable: `output-too-large`, `output-timestamp`, `output-not-authorized`, `output-refused`.
    pub code: &'static str,
    /// What the broker or the client library said, with the topic.
    pub message: String,
}

/// Why a record was not even queued.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It can never be sent; see [`Refused`].
    #[error("{message}")]
    Refused {
        /// As in [`Refused::code`].
        code: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The transaction can only be aborted: something that was sent in it before was refused.
    #[error("{0}")]
    Abort(String),
    /// The producer is broken: the worker starts again from the committed offsets.
    #[error("{0}")]
    Broken(String),
}
