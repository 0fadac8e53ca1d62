//! What an error code means for the host.

use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use std::thread;
use std::time::{Duration, Instant};

/// The code of an error; `Unknown` for those of rdkafka's own that have none.
pub fn code(error: &KafkaError) -> Code {
    match error {
        // Left out by rdkafka's own list.
        KafkaError::AdminOp(code) => *code,
        error => error.rdkafka_error_code().unwrap_or(Code::Unknown),
    }
}

/// Whether the same call may succeed later: a broker is away, slow, or just being elected.
pub fn is_transient(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::RequestTimedOut
            | Code::NetworkException
            | Code::BrokerNotAvailable
            | Code::WaitingForCoordinator
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::NotController
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::ReplicaNotAvailable
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::OffsetNotAvailable
            | Code::UnstableOffsetCommit
            | Code::KafkaStorageError
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
    )
}

/// Tries again while a broker is away or slow, until `patience` is over.
pub fn patiently<T>(
    doing: &str,
    patience: Duration,
    back_off: Duration,
    mut attempt: impl FnMut() -> KafkaResult<T>,
) -> KafkaResult<T> {
    let deadline = Instant::now() + patience;
    loop {
        match attempt() {
            Err(error) if is_transient(code(&error)) && Instant::now() < deadline => {
                tracing::debug!(target: "kafka", "{doing}: {error}; trying again");
                thread::sleep(back_off);
            }
            result => return result,
        }
    }
}

/// Whether the group went on without this member, so that a rebalance follows.
pub fn is_stale(code: Code) -> bool {
    matches!(
        code,
        Code::IllegalGeneration
            | Code::UnknownMemberId
            | Code::RebalanceInProgress
            | Code::FencedInstanceId
            | Code::FencedMemberEpoch
            | Code::StaleMemberEpoch
            | Code::AssignmentLost
            | Code::MemberIdRequired
    )
}

/// Whether no broker could be asked, so that it tells nothing about what was asked for.
pub fn is_unreachable(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::RequestTimedOut
            | Code::NetworkException
            | Code::BrokerNotAvailable
            | Code::NotController
    )
}
